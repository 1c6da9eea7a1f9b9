//! What people see: the text report, messages, progress. Colour is decided by the stream it goes to.

pub mod message;
pub mod panic;
pub mod progress;
pub mod table;
pub mod text;
pub mod words;

use anstyle::{AnsiColor, Style};
use stopleak_core::Severity;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// The worse, the louder.
fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Critical => AnsiColor::BrightRed.on_default().bold(),
        Severity::High => AnsiColor::Red.on_default().bold(),
        Severity::Medium => AnsiColor::Yellow.on_default().bold(),
        Severity::Low => AnsiColor::Blue.on_default().bold(),
    }
}

/// Text from outside, made harmless: a file name may hold escape sequences that rewrite the terminal.
pub fn clean(text: &str) -> String {
    let hostile = |c: char| {
        c.is_control() || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if hostile(c) { '\u{fffd}' } else { c }).collect()
}

//! A fault of ours must not print data: the message of a panic may quote what was being scanned.

use std::io::Write;

/// Replaces the panic message by the place in our source alone, and ends with exit code 2.
pub fn keep_quiet() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(String::new, |at| {
            let file = at.file().rsplit(['/', '\\']).next().unwrap_or_default();
            format!(" at {file}:{}", at.line())
        });
        let message = format!(
            "error: internal error{place}; the scan is not complete\nhint: please report it at {}\n",
            env!("CARGO_PKG_REPOSITORY")
        );
        let _ = std::io::stderr().write_all(message.as_bytes());
        std::process::exit(i32::from(crate::exit::FAILED));
    }));
}

//! One HTML file that holds everything: the data, the style and the script; it loads nothing and sends nothing.
//!
//! The page's policy admits the script and the style by their hashes alone, so text from a repository can never run.
//! Served live, the same page has one part more: it asks its own server for what is new, and tells it what people say.

use super::remedy::{NO_SERVICE, STEPS, Step};
use super::time::date;
use super::wire::{self, Rules};
use super::{GENERAL_HELP, Record, Report, Summary};
use base64::Engine;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::io::{self, Write};

const TEMPLATE: &str = include_str!("html/template.html");
const STYLE: &str = concat!(include_str!("html/style.css"), include_str!("html/sweep.css"));
/// The parts of the script; `$live` stands between the page's parts and what starts it.
macro_rules! script {
    ($($live:literal)?) => {
        concat!(
            include_str!("html/data.js"),
            include_str!("html/page.js"),
            include_str!("html/charts.js"),
            include_str!("html/trend.js"),
            include_str!("html/list.js"),
            include_str!("html/sweep.js"),
            $(include_str!($live),)?
            include_str!("html/app.js"),
        )
    };
}
const SCRIPT: &str = script!();
const LIVE: &str = script!("html/live.js");

/// Writes one HTML file.
pub struct Html<W> {
    out: W,
    /// The day the report is made, as it shows.
    made: String,
    findings: u64,
    rules: Rules,
    live: Option<Viewer>,
}

/// Who looks at a page that is served live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Viewer {
    /// As the audit log names them.
    pub name: String,
    /// Whether they may say what is to become of a finding.
    pub triages: bool,
    /// Whether they can log out here.
    pub logs_out: bool,
    /// Goes with every request that changes something: other pages do not know it.
    pub token: String,
}

/// What the page knows beside findings and summary.
#[derive(Serialize)]
struct Rest {
    steps: [Step; STEPS.len()],
    no_service: [&'static str; NO_SERVICE.len()],
    advice: &'static str,
    made: String,
    stopleak: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<Viewer>,
}

impl Html<Vec<u8>> {
    /// What a server must say of a live page: the page says the same, and here nobody may frame it.
    pub fn live_policy() -> String {
        format!("{}; frame-ancestors 'none'", policy(true))
    }
}

impl<W: Write> Html<W> {
    /// A report into `out`, made at `now`: seconds since 1970.
    pub fn new(out: W, now: i64) -> Html<W> {
        Html { out, made: date(now), findings: 0, rules: Rules::default(), live: None }
    }

    /// The same page for whoever looks at it through a server: it refreshes itself, and says what they say.
    pub fn live(out: W, now: i64, viewer: Viewer) -> Html<W> {
        Html { live: Some(viewer), ..Html::new(out, now) }
    }

    /// The page up to its data.
    fn head(&mut self) -> io::Result<()> {
        let (head, _) = TEMPLATE.split_once("{{data}}").expect("the template has a place for data");
        for (index, part) in head.split("{{").enumerate() {
            let (name, text) = if index == 0 { ("", part) } else { part.split_once("}}").unwrap_or(("", part)) };
            self.out.write_all(filling(name, self.live.is_some()).as_bytes())?;
            self.out.write_all(text.as_bytes())?;
        }
        self.out.write_all(b"{\"version\":1,\"findings\":[")
    }

    fn tail(&mut self) -> io::Result<()> {
        let (_, tail) = TEMPLATE.split_once("{{data}}").expect("the template has a place for data");
        let (before, after) = tail.split_once("{{script}}").expect("the template has a place for the script");
        let script = if self.live.is_some() { LIVE } else { SCRIPT };
        [before, script, after].iter().try_for_each(|part| self.out.write_all(part.as_bytes()))
    }

    /// JSON that cannot end the element it stands in: `<` is written as an escape.
    fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string(value)?;
        self.out.write_all(text.replace('<', "\\u003c").as_bytes())
    }
}

impl<W: Write> Report for Html<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        match self.findings {
            0 => self.head()?,
            _ => self.out.write_all(b",\n")?,
        }
        self.findings += 1;
        self.rules.add(record);
        self.json(&wire::whole(record))
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        if self.findings == 0 {
            self.head()?;
        }
        self.out.write_all(b"],\n\"summary\":")?;
        let rules = std::mem::take(&mut self.rules);
        self.json(&wire::end(summary, &rules))?;
        let made = std::mem::take(&mut self.made);
        let rest = Rest {
            steps: STEPS,
            no_service: NO_SERVICE,
            advice: GENERAL_HELP,
            made,
            stopleak: env!("CARGO_PKG_VERSION"),
            live: self.live.clone(),
        };
        let rest = serde_json::to_string(&rest)?.replace('<', "\\u003c");
        // Its fields join those before them: the brace that opens it becomes a comma.
        write!(self.out, ",\n{}", rest.trim_start_matches('{'))?;
        self.tail()?;
        self.out.flush()
    }
}

fn filling(name: &str, is_live: bool) -> String {
    match name {
        "style" => STYLE.to_owned(),
        "policy" => policy(is_live),
        _ => String::new(),
    }
}

/// The page's content security policy; a live page may ask its own server.
fn policy(is_live: bool) -> String {
    let (script, connect) = if is_live { (LIVE, "connect-src 'self'; ") } else { (SCRIPT, "") };
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; {connect}base-uri 'none'; \
         form-action 'none'; require-trusted-types-for 'script'",
        hash(script),
        hash(STYLE)
    )
}

/// As a content security policy names a text: <https://www.w3.org/TR/CSP3/#grammardef-hash-source>.
fn hash(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text))
}

//! From a step and values to a request, and to the same request as people may see it.

use super::Refusal;
use super::values::{Source, Values};
use crate::finding::Doubt;
use crate::http::{Method, Request, exact, is_loopback};
use crate::rule::exchange::template::{Piece, Place, fill, percent, pieces};
use crate::rule::exchange::{Body, Exchange, Step};
use base64::Engine as _;
use std::collections::BTreeSet;

/// Bytes of an answer that are read: what tells a live secret comes early.
const MAX_ANSWER: u64 = 1 << 20;

/// A request that is ready, and what is known of where it goes.
#[derive(Debug)]
pub struct Filled {
    /// What is sent.
    pub request: Request,
    /// Where, without its port.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether something read in the scan names the host.
    pub from_scan: bool,
}

/// A request as people may see it: templates stay where a value would show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// In capitals.
    pub method: String,
    /// With the host filled in, and nothing else.
    pub url: String,
    /// Names and templates.
    pub headers: Vec<(String, String)>,
    /// The template of what is sent.
    pub body: Option<String>,
}

/// Fills a step. What does not fit is a refusal: nothing is sent then.
pub fn request(exchange: &Exchange, step: &Step, values: &Values) -> Result<Filled, Refusal> {
    let value = |name: &str| values.text(name);
    let fill =
        |template: &str, place| fill(template, place, &value).map_err(|reason| Refusal::new(Doubt::Incomplete, reason));
    let url =
        exact(&fill(&step.url, Place::Url)?).map_err(|error| Refusal::new(Doubt::Incomplete, error.to_string()))?;
    let mut request = Request::new(method(&step.method)?, url.url.clone()).at_most(MAX_ANSWER);
    for (name, template) in &step.headers {
        request = request.header(name, fill(template, Place::Plain)?);
    }
    if let Some(basic) = &step.basic {
        let encoded = base64::engine::general_purpose::STANDARD.encode(fill(basic, Place::Plain)?);
        request = request.header("Authorization", format!("Basic {encoded}"));
    }
    let kind = match &step.body {
        Body::None => None,
        Body::Form(fields) => {
            let mut form = String::new();
            for (name, template) in fields {
                form.push_str(if form.is_empty() { "" } else { "&" });
                percent(name, &mut form);
                form.push('=');
                form.push_str(&fill(template, Place::Form)?);
            }
            request.body = form.into_bytes();
            Some("application/x-www-form-urlencoded")
        }
        Body::Json(template) => {
            request.body = fill(template, Place::Json)?.into_bytes();
            Some("application/json")
        }
        Body::Text(template) => {
            // Line by line: what a value brings must not start a line of its own.
            let lines: Result<Vec<String>, Refusal> =
                template.split('\n').map(|line| fill(line, Place::Plain)).collect();
            request.body = lines?.join("\n").into_bytes();
            None
        }
    };
    let is_said = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if let Some(kind) = kind.filter(|_| !is_said) {
        request = request.header("Content-Type", kind);
    }
    let (host, port) = host_and_port(&url.host, url.url.starts_with("https://"));
    let from_scan = names_in_host(&step.url).iter().any(|name| values.source(name) == Some(Source::Scan));
    contain(exchange, step, values, &url.url, &host, port)?;
    Ok(Filled { request, host, port, from_scan })
}

/// Only where the rule says, or the user's own endpoint: whatever was filled in.
fn contain(exchange: &Exchange, step: &Step, values: &Values, url: &str, host: &str, port: u16) -> Result<(), Refusal> {
    let refuse = |reason: String| Err(Refusal::new(Doubt::NotAllowed, reason));
    if step.url.starts_with("{endpoint}") {
        let endpoint = values.text("endpoint").unwrap_or_default();
        let own = exact(&endpoint).map(|own| own.host).unwrap_or_default();
        let sent = exact(url).map(|sent| sent.host).unwrap_or_default();
        if own.is_empty() || own != sent || values.source("endpoint") != Some(Source::Own) {
            return refuse(format!("{host} is not where the provider's API stands"));
        }
        if !url.starts_with("https://") && !is_loopback(host) {
            return refuse(format!("{host} would be asked without TLS"));
        }
        return Ok(());
    }
    if !url.starts_with("https://") || port != 443 || !exchange.hosts.iter().any(|known| is_of(host, known)) {
        return refuse(format!("{host} is not among the rule's hosts"));
    }
    Ok(())
}

/// Whether a host is one that a rule lists; `*.` stands for one label.
pub fn is_of(host: &str, known: &str) -> bool {
    let Some(rest) = known.strip_prefix("*.") else { return host.eq_ignore_ascii_case(known) };
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    host.split_once('.').is_some_and(|(label, tail)| is_label(label) && tail.eq_ignore_ascii_case(rest))
}

/// The names of the holes in a URL's host.
pub fn names_in_host(url: &str) -> Vec<&str> {
    let rest = url.strip_prefix("https://").unwrap_or(url);
    let mut depth = 0;
    let end = rest.find(|c: char| {
        depth += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        depth == 0 && matches!(c, '/' | '?')
    });
    let host = &rest[..end.unwrap_or(rest.len())];
    let pieces = pieces(host).unwrap_or_default().into_iter();
    pieces.filter_map(|piece| if let Piece::Hole(name, _) = piece { Some(name) } else { None }).collect()
}

/// Names that an exchange takes from what stands beside the secret.
pub fn needed(exchange: &Exchange) -> BTreeSet<String> {
    let mut kept: BTreeSet<&str> = ["secret", "endpoint"].into();
    let mut needed = BTreeSet::new();
    for step in &exchange.steps {
        let form: Vec<&String> = match &step.body {
            Body::None => Vec::new(),
            Body::Form(fields) => fields.values().collect(),
            Body::Json(text) | Body::Text(text) => vec![text],
        };
        let find = step.find.iter().flat_map(|find| find.matching.values());
        let all = [&step.url].into_iter().chain(&step.basic).chain(step.headers.values()).chain(form).chain(find);
        for piece in all.flat_map(|template| pieces(template).unwrap_or_default()) {
            if let Piece::Hole(name, _) = piece
                && !kept.contains(name)
            {
                needed.insert(name.to_owned());
            }
        }
        kept.extend(step.keep.keys().map(String::as_str));
    }
    needed
}

fn method(word: &str) -> Result<Method, Refusal> {
    let all = [Method::Get, Method::Head, Method::Post, Method::Put, Method::Patch, Method::Delete];
    let found = all.into_iter().find(|method| method.as_str() == word);
    found.ok_or_else(|| Refusal::new(Doubt::Incomplete, format!("`{word}` is no method")))
}

/// `host:port` taken apart; addresses lose their brackets.
pub fn host_and_port(place: &str, is_tls: bool) -> (String, u16) {
    let usual = if is_tls { 443 } else { 80 };
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !port.contains(']') => (host, port.parse().unwrap_or(usual)),
        _ => (place, usual),
    };
    (host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase(), port)
}

/// The step as people may see it.
pub fn shown(step: &Step, values: &Values) -> Shown {
    let in_host = names_in_host(&step.url);
    let mut url = String::new();
    for piece in pieces(&step.url).unwrap_or_default() {
        match piece {
            Piece::Text(text) => url.push_str(text),
            Piece::Hole(name, filters) => {
                let is_open =
                    name == "endpoint" || (in_host.contains(&name) && values.source(name) == Some(Source::Scan));
                match values.text(name).filter(|_| is_open && filters.is_empty()) {
                    Some(value) => url.push_str(&value),
                    None => url.push_str(&format!("{{{name}}}")),
                }
            }
        }
    }
    let mut headers: Vec<(String, String)> = step.headers.clone().into_iter().collect();
    headers.extend(step.basic.iter().map(|basic| ("Authorization".to_owned(), format!("Basic {basic}"))));
    let body = match &step.body {
        Body::None => None,
        Body::Form(fields) => {
            Some(fields.iter().map(|(name, template)| format!("{name}={template}")).collect::<Vec<_>>().join("&"))
        }
        Body::Json(text) | Body::Text(text) => Some(text.clone()),
    };
    Shown { method: step.method.clone(), url, headers, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_is_filled_in_stays_one_label() {
        let table = [
            ("a.tenant.example", "*.tenant.example", true),
            ("A.Tenant.Example", "*.tenant.example", true),
            ("a.b.tenant.example", "*.tenant.example", false),
            ("tenant.example", "*.tenant.example", false),
            ("evil.example", "*.tenant.example", false),
            ("api.acme.example", "api.acme.example", true),
            ("api.acme.example.evil.example", "api.acme.example", false),
        ];
        for (host, known, expected) in table {
            assert_eq!(is_of(host, known), expected, "{host} of {known}");
        }
    }

    #[test]
    fn the_holes_of_a_host_are_told_from_those_of_a_path() {
        let table: [(&str, &[&str]); 4] = [
            ("https://{shop}.acme.example/{id}", &["shop"]),
            ("https://api.acme.example/{id}?x={y}", &[]),
            ("{endpoint}/{id}", &["endpoint"]),
            ("https://{secret|split:/:1}.acme.example/", &["secret"]),
        ];
        for (url, expected) in table {
            assert_eq!(names_in_host(url), expected, "{url}");
        }
    }
}

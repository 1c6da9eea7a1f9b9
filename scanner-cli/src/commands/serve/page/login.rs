//! Logging in: a form takes a token and gives a session. It needs no script.

use super::Page;
use super::form::field;
use super::sessions::random_name;
use crate::commands::request::now;
use crate::commands::serve::reply::Response;
use stopleak_core::inbound::Received;

const LOGIN: &str = include_str!("login.html");

impl Page {
    /// Shows the form, or takes it in.
    pub(super) fn login(&self, received: &Received) -> Response {
        match received.method {
            "GET" => form(200, ""),
            "POST" => self.opened(received),
            _ => Response::error(405, "this method is not answered here"),
        }
    }

    fn opened(&self, received: &Received) -> Response {
        let kind = received.header("content-type").split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Response::error(415, "the body is no form");
        }
        if let Err(problem) = self.doors.is_from_here(received) {
            return Response::error(403, problem);
        }
        let shown = field(received.body, "token").unwrap_or_default();
        let Some((name, role)) = self.doors.bearer(shown.trim_ascii()) else {
            return match self.refused.take(now() as f64) {
                Ok(()) => form(401, "This token is not known."),
                Err(seconds) => form(429, "Too many tries: wait a little.").with("Retry-After", seconds.to_string()),
            };
        };
        match self.doors.sessions.begin(name, role, now()) {
            Some(cookie) => Response::to("/").with("Set-Cookie", cookie),
            None => Response::later(503, 10, "no session can be opened now").trouble("the system gives no randomness"),
        }
    }
}

fn form(status: u16, problem: &str) -> Response {
    let Some(nonce) = random_name() else {
        return Response::later(503, 10, "no page can be shown now").trouble("the system gives no randomness");
    };
    let problem = match problem {
        "" => String::new(),
        problem => format!("<p id=\"problem\" class=\"problem\" role=\"alert\">{problem}</p>"),
    };
    let page = LOGIN.replace("{{nonce}}", &nonce).replace("{{problem}}", &problem);
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    Response { status, ..Response::page(page.into_bytes(), policy) }
}

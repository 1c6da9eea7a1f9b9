//! What is sent back: a status, headers that we write ourselves, and a body.

use stopleak_core::inbound::Reply;

/// An answer.
pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    /// What the body is; nothing where there is none.
    pub kind: Option<&'static str>,
    pub body: Vec<u8>,
    /// What the operator should know; not sent.
    pub trouble: Option<String>,
}

impl Response {
    /// No more than a status.
    pub fn empty(status: u16) -> Response {
        Response { status, headers: Vec::new(), kind: None, body: Vec::new(), trouble: None }
    }

    /// Data.
    pub fn json(status: u16, body: Vec<u8>) -> Response {
        Response { kind: Some("application/json"), body, ..Response::empty(status) }
    }

    /// An answer that says why.
    pub fn error(status: u16, problem: &str) -> Response {
        Reply::error(status, problem).into()
    }

    /// The same, and when to ask again.
    pub fn later(status: u16, seconds: u64, problem: &str) -> Response {
        Reply { retry_after: Some(seconds), ..Reply::error(status, problem) }.into()
    }

    /// Leads a browser to another page of ours.
    pub fn to(path: &'static str) -> Response {
        Response::empty(303).with("Location", path.to_owned())
    }

    /// A page that may do what its policy says, and that nobody else may frame or hold on to.
    pub fn page(body: Vec<u8>, policy: String) -> Response {
        let page = Response { kind: Some("text/html; charset=utf-8"), body, ..Response::empty(200) };
        page.with("Content-Security-Policy", policy)
            .with("X-Frame-Options", "DENY".to_owned())
            .with("Referrer-Policy", "same-origin".to_owned())
            .with("Cross-Origin-Opener-Policy", "same-origin".to_owned())
    }

    /// With one header more. Its value is ours: nothing of a request stands in it.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Response {
        self.headers.push((name, value.into()));
        self
    }

    /// With something for the operator.
    pub fn trouble(self, text: impl Into<String>) -> Response {
        Response { trouble: Some(text.into()), ..self }
    }

    /// The first line and the headers.
    pub fn head(&self) -> String {
        let mut text =
            format!("HTTP/1.1 {} {}\r\nConnection: close\r\nCache-Control: no-store\r\n", self.status, self.reason());
        text += "X-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: same-origin\r\n";
        self.headers.iter().for_each(|(name, value)| text += &format!("{name}: {value}\r\n"));
        if let Some(kind) = self.kind {
            text += &format!("Content-Type: {kind}\r\n");
        }
        if ![204, 304].contains(&self.status) {
            text += &format!("Content-Length: {}\r\n", self.body.len());
        }
        text + "\r\n"
    }

    fn reason(&self) -> &'static str {
        match self.status {
            200 => "OK",
            202 => "Accepted",
            204 => "No Content",
            303 => "See Other",
            304 => "Not Modified",
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            408 => "Request Timeout",
            409 => "Conflict",
            411 => "Length Required",
            413 => "Content Too Large",
            415 => "Unsupported Media Type",
            421 => "Misdirected Request",
            429 => "Too Many Requests",
            431 => "Request Header Fields Too Large",
            503 => "Service Unavailable",
            _ => "Answer",
        }
    }
}

impl From<Reply> for Response {
    fn from(reply: Reply) -> Response {
        let Reply { status, retry_after, body, trouble } = reply;
        let response = match body.is_empty() && status == 204 {
            true => Response::empty(status),
            false => Response::json(status, body.into_bytes()),
        };
        let response = Response { trouble, ..response };
        match retry_after {
            Some(seconds) => response.with("Retry-After", seconds.to_string()),
            None => response,
        }
    }
}

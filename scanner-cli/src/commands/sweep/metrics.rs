//! Serves figures for Prometheus, and says to who watches over services that all is well.

use crate::commands::serve::http::{self, Limits};
use crate::commands::serve::reply::Response;
use crate::failure::{OrFail, Result};
use std::net::TcpListener;
use std::sync::Arc;
use stopleak_core::sweep::Meter;

/// Serves until the process ends; gives the address.
pub fn serve(address: &str, meter: &Arc<Meter>) -> Result<String> {
    let listener = TcpListener::bind(address).or_fail(|| format!("cannot serve figures at {address}"))?;
    let bound = listener.local_addr().map_or_else(|_| address.to_owned(), |bound| bound.to_string());
    let meter = Arc::clone(meter);
    std::thread::spawn(move || {
        http::serve(&listener, &Limits::default(), &|| false, &|received, _| answer(received.path, &meter));
    });
    Ok(bound)
}

fn answer(path: &str, meter: &Meter) -> Response {
    let (status, text) = match path {
        "/metrics" => (200, meter.prometheus()),
        "/healthz" => (200, "ok\n".to_owned()),
        _ => (404, "figures are at /metrics\n".to_owned()),
    };
    Response { kind: Some("text/plain; version=0.0.4; charset=utf-8"), body: text.into(), ..Response::empty(status) }
}

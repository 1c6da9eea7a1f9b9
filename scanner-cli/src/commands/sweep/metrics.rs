//! Serves figures for Prometheus, and says to who watches over services that all is well.

use crate::failure::{OrFail, Result};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use stopleak_core::sweep::Meter;

/// Serves until the process ends; gives the address.
pub fn serve(address: &str, meter: &Arc<Meter>) -> Result<String> {
    let listener = TcpListener::bind(address).or_fail(|| format!("cannot serve figures at {address}"))?;
    let bound = listener.local_addr().map_or_else(|_| address.to_owned(), |bound| bound.to_string());
    let meter = Arc::clone(meter);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // One at a time: a reader that is slow is left after a moment.
            let _ = answer(stream, &meter);
        }
    });
    Ok(bound)
}

fn answer(mut stream: TcpStream, meter: &Meter) -> std::io::Result<()> {
    const LONGEST: u64 = 8_192;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    let mut reader = BufReader::new(std::io::Read::take(stream.try_clone()?, LONGEST));
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let (status, text) = match first.split_whitespace().nth(1) {
        Some("/metrics") => ("200 OK", meter.prometheus()),
        Some("/healthz") => ("200 OK", "ok\n".to_owned()),
        _ => ("404 Not Found", "figures are at /metrics\n".to_owned()),
    };
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}

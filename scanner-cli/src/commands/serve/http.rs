//! A server of HTTP/1.1 as small as webhooks need: one request a connection, whole and bounded in size, time and number.
//! No TLS: a proxy in front speaks it.

use super::reply::Response;
use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use stopleak_core::inbound::Received;
use zeroize::Zeroizing;

/// What a client may ask for.
pub struct Limits {
    /// Bytes of the request line and the headers.
    pub head: usize,
    /// Bytes of the body: room for it is made before it comes, since a buffer that grows leaves secrets behind.
    pub body: usize,
    /// From the connection to the last byte of the request.
    pub time: Duration,
    /// From the answer's first byte to its last: a page may be long, and the way narrow.
    pub answering: Duration,
    /// Connections at once.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head: 16 << 10,
            body: 8 << 20,
            time: Duration::from_secs(20),
            answering: Duration::from_secs(120),
            connections: 32,
        }
    }
}

const MAX_HEADERS: usize = 64;

/// Gives the answer to a request from an address.
pub type Answer<'a> = dyn Fn(&Received, IpAddr) -> Response + Sync + 'a;

/// A request, read.
struct Request {
    method: String,
    path: String,
    headers: Headers,
    body: Zeroizing<Vec<u8>>,
}

/// Wiped when they are dropped: one is a password.
struct Headers(Vec<(String, String)>);

impl Drop for Headers {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|(_, value)| zeroize::Zeroize::zeroize(value));
    }
}

/// Serves until `stop` says so and another connection comes.
pub fn serve(listener: &TcpListener, limits: &Limits, stop: &dyn Fn() -> bool, answer: &Answer) {
    let open = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for stream in listener.incoming() {
            if stop() {
                return;
            }
            let Ok(stream) = stream else {
                // Out of descriptors: others must close first.
                std::thread::sleep(Duration::from_millis(50));
                continue;
            };
            if open.fetch_add(1, Ordering::SeqCst) >= limits.connections {
                open.fetch_sub(1, Ordering::SeqCst);
                // Whoever does not read it learns the same from the closed connection.
                let _ = write(&stream, &Response::later(503, 5, "too many connections"), Duration::from_millis(200));
                continue;
            }
            let open = &open;
            scope.spawn(move || {
                // A client that went away is its own business.
                let _ = talk(&stream, limits, answer);
                open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
}

fn talk(stream: &TcpStream, limits: &Limits, answer: &Answer) -> io::Result<()> {
    let peer = stream.peer_addr()?.ip();
    let response = match read(stream, limits) {
        Ok(Request { method, path, headers, body }) => {
            answer(&Received { method: &method, path: &path, headers: &headers.0, body: &body }, peer)
        }
        Err(Bad::Reply(status, problem)) => Response::error(status, problem),
        Err(Bad::Gone) => return Ok(()),
    };
    write(stream, &response, limits.answering)?;
    // What is still coming is read, within bounds: closing on it would take the reply away from the client.
    stream.shutdown(std::net::Shutdown::Write)?;
    stream.set_read_timeout(Some(Duration::from_millis(500)))?;
    io::copy(&mut stream.take(limits.head as u64), &mut io::sink()).map(|_| ())
}

/// Why there is no request.
enum Bad {
    Reply(u16, &'static str),
    Gone,
}

fn read(stream: &TcpStream, limits: &Limits) -> Result<Request, Bad> {
    let until = Instant::now() + limits.time;
    let mut bytes = Zeroizing::new(Vec::with_capacity(limits.head + 1));
    let (request, head, length, waits) = loop {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        match parsed.parse(&bytes) {
            Ok(httparse::Status::Complete(head)) => {
                let (request, length, waits) = begin(&parsed, limits)?;
                break (request, head, length, waits);
            }
            Ok(httparse::Status::Partial) if bytes.len() > limits.head => {
                return Err(Bad::Reply(431, "the head is too long"));
            }
            Ok(httparse::Status::Partial) => {}
            Err(httparse::Error::TooManyHeaders) => return Err(Bad::Reply(431, "there are too many headers")),
            Err(_) => return Err(Bad::Reply(400, "this is no HTTP")),
        }
        let room = limits.head + 1 - bytes.len();
        more(stream, &mut bytes, room, until)?;
    };
    let mut body = Zeroizing::new(Vec::with_capacity(length));
    body.extend_from_slice(&bytes[head..bytes.len().min(head + length)]);
    if waits && body.len() < length {
        stream.set_write_timeout(Some(limits.time)).map_err(|_| Bad::Gone)?;
        (&mut &*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(|_| Bad::Gone)?;
    }
    while body.len() < length {
        let room = length - body.len();
        more(stream, &mut body, room, until)?;
    }
    Ok(Request { body, ..request })
}

/// What the head says: the request without its body, the body's length, whether the client waits for leave to send it.
fn begin(parsed: &httparse::Request, limits: &Limits) -> Result<(Request, usize, bool), Bad> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = parsed.headers.iter().map(|header| (header.name.to_ascii_lowercase(), text(header.value)));
    let headers = Headers(headers.collect());
    let all = |name: &str| {
        headers.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.trim()).collect::<Vec<_>>()
    };
    if !all("transfer-encoding").is_empty() {
        return Err(Bad::Reply(411, "the length of the body must be told"));
    }
    let length = match all("content-length")[..] {
        [] => 0,
        // No sign: proxies and servers must read one length alike.
        [digits] if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            digits.parse::<usize>().map_err(|_| Bad::Reply(413, "the body is too long"))?
        }
        _ => return Err(Bad::Reply(400, "the length of the body makes no sense")),
    };
    if length > limits.body {
        return Err(Bad::Reply(413, "the body is too long"));
    }
    let waits = all("expect").iter().any(|value| value.eq_ignore_ascii_case("100-continue"));
    let path = parsed.path.unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
    let method = parsed.method.unwrap_or_default().to_owned();
    Ok((Request { method, path, headers, body: Zeroizing::new(Vec::new()) }, length, waits))
}

/// Reads some more, at most `room` bytes.
fn more(stream: &TcpStream, bytes: &mut Vec<u8>, room: usize, until: Instant) -> Result<(), Bad> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(Bad::Reply(408, "the request took too long"));
    }
    stream.set_read_timeout(Some(left)).map_err(|_| Bad::Gone)?;
    let mut block = Zeroizing::new([0; 8192]);
    let most = room.min(block.len());
    match (&mut &*stream).read(&mut block[..most]) {
        Ok(0) => Err(Bad::Gone),
        Ok(count) => {
            bytes.extend_from_slice(&block[..count]);
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            Err(Bad::Reply(408, "the request took too long"))
        }
        Err(_) => Err(Bad::Gone),
    }
}

/// Writes an answer within a time, however slowly it is taken.
fn write(mut stream: &TcpStream, response: &Response, time: Duration) -> io::Result<()> {
    let until = Instant::now() + time;
    let head = response.head();
    for mut rest in [head.as_bytes(), &response.body] {
        while !rest.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            stream.set_write_timeout(Some(left))?;
            match stream.write(&rest[..rest.len().min(64 << 10)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    stream.flush()
}

#[cfg(test)]
mod tests {
    use super::write;
    use crate::commands::serve::reply::Response;
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    #[test]
    fn who_does_not_read_the_answer_holds_a_connection_no_longer_than_it_may() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _idle = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let started = Instant::now();
        let long = Response::json(200, vec![b' '; 64 << 20]);
        assert!(write(&stream, &long, Duration::from_millis(200)).is_err());
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}

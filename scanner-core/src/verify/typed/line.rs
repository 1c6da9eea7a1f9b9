//! A connection to a server that is no web server: asked for at the gate, bounded in time and in bytes.

use super::super::{Reach, Refusal};
use crate::finding::Doubt;
use crate::http::{Stream, Tls};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Bytes of one message; a login needs no more.
const MAX_MESSAGE: usize = 1 << 20;
/// Bytes that are read on one connection.
const MAX_READ: usize = 4 << 20;
/// A whole conversation takes no longer than so many answers may.
const MAX_ANSWERS: u32 = 4;

/// A place to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// A name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it was read in what was scanned.
    pub from_scan: bool,
}

/// A connection.
pub struct Line {
    stream: Box<dyn Stream>,
    timed: Timed,
    host: String,
    /// What is said can be read by the server alone, and the server is who it should be.
    is_private: bool,
    read: usize,
}

impl Line {
    /// Connects, without TLS as yet.
    pub fn open(reach: &dyn Reach, place: &Place) -> Result<Line, Refusal> {
        let host = place.host.clone();
        let addresses = reach.may_reach(&host, place.port, place.from_scan)?;
        let timeouts = reach.timeouts();
        let socket = connect(&addresses, timeouts.connect, &host)?;
        let is_private = socket.peer_addr().is_ok_and(|address| address.ip().is_loopback());
        let _ = socket.set_nodelay(true);
        let deadline = Instant::now() + timeouts.read * MAX_ANSWERS;
        let timed = Timed { socket, deadline, each: timeouts.read };
        let stream = timed.again().map_err(|error| broken(&host, &error))?;
        Ok(Line { stream: Box::new(stream), timed, host, is_private, read: 0 })
    }

    /// Speaks TLS from here on.
    pub fn secure(mut self, tls: &Tls) -> Result<Line, Refusal> {
        let timed = self.timed.again().map_err(|error| broken(&self.host, &error))?;
        self.stream = tls.wrap(timed, &self.host)?;
        self.is_private = true;
        Ok(self)
    }

    /// Whether the server alone can read what is said: TLS with trust, or this machine.
    pub fn is_private(&self) -> bool {
        self.is_private
    }

    /// Refuses to say a password where others could hear it.
    pub fn want_private(&self) -> Result<(), Refusal> {
        let host = &self.host;
        match self.is_private {
            true => Ok(()),
            false => Err(Refusal::new(Doubt::Tls, format!("{host} wants the password in clear and offers no TLS"))),
        }
    }

    /// The host, for messages.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// An answer that makes no sense.
    pub fn strange(&self, what: &str) -> Refusal {
        Refusal::new(Doubt::Strange, format!("the answer of {} {what}", self.host))
    }

    /// Sends everything.
    pub fn say(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let sent = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
        sent.map_err(|error| broken(&self.host, &error))
    }

    /// Reads exactly so many bytes.
    pub fn hear(&mut self, count: usize) -> Result<Vec<u8>, Refusal> {
        if count > MAX_MESSAGE || self.read + count > MAX_READ {
            return Err(self.strange("is too long"));
        }
        let mut bytes = vec![0; count];
        let mut filled = 0;
        while filled < count {
            match self.stream.read(&mut bytes[filled..]) {
                Ok(0) => return Err(self.ended()),
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(&self.host, &error)),
            }
        }
        self.read += count;
        Ok(bytes)
    }

    /// Reads a line that ends in `\n`, without its end.
    pub fn hear_line(&mut self) -> Result<String, Refusal> {
        let mut line = Vec::new();
        loop {
            match self.hear(1)?[0] {
                b'\n' => break,
                byte if line.len() < 8 << 10 => line.push(byte),
                _ => return Err(self.strange("has a line that is too long")),
            }
        }
        Ok(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned())
    }

    fn ended(&self) -> Refusal {
        Refusal::new(Doubt::Connection, format!("{} ended the connection", self.host))
    }
}

/// A socket with an end: one byte now and then does not keep it open.
struct Timed {
    socket: TcpStream,
    deadline: Instant,
    each: Duration,
}

impl Timed {
    fn again(&self) -> io::Result<Timed> {
        Ok(Timed { socket: self.socket.try_clone()?, ..*self })
    }

    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(Some(left.min(self.each))) }
    }
}

impl Read for Timed {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(self.left()?)?;
        self.socket.read(room)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(self.left()?)?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// The first address that answers.
fn connect(addresses: &[SocketAddr], timeout: Duration, host: &str) -> Result<TcpStream, Refusal> {
    let mut last = Refusal::new(Doubt::Dns, format!("the name {host} cannot be resolved"));
    for address in addresses {
        match TcpStream::connect_timeout(address, timeout.max(Duration::from_millis(1))) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = broken(host, &error),
        }
    }
    Err(last)
}

fn late(host: &str) -> Refusal {
    Refusal::new(Doubt::Timeout, format!("{host} did not answer in time"))
}

fn broken(host: &str, error: &io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => late(host),
        io::ErrorKind::UnexpectedEof => Refusal::new(Doubt::Connection, format!("{host} ended the connection")),
        // What TLS finds fault with after its beginning.
        io::ErrorKind::InvalidData => Refusal::new(Doubt::Tls, format!("TLS with {host} broke: {error}")),
        _ => Refusal::new(Doubt::Connection, format!("cannot talk to {host}: {error}")),
    }
}

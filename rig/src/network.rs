//! Loopback ports and the smallest possible HTTP client, for "is it up yet".

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

/// A probe must not hang on a peer that accepts and then says nothing.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// An address on 127.0.0.1 whose port nobody listens on at this moment.
///
/// Another process may take it before our peer binds it. Peers that can bind port 0 and
/// report what they got (our own server) should do that instead.
pub fn free_address() -> Result<SocketAddr> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?)
}

/// True as soon as somebody accepts connections at `address`.
pub fn accepts(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, PROBE_TIMEOUT).is_ok()
}

/// The status of a plain `GET path`, or none while nobody answers.
pub fn http_status(address: SocketAddr, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect_timeout(&address, PROBE_TIMEOUT).ok()?;
    stream.set_read_timeout(Some(PROBE_TIMEOUT)).ok()?;
    stream.set_write_timeout(Some(PROBE_TIMEOUT)).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    let head = std::str::from_utf8(&head).ok()?;
    head.strip_prefix("HTTP/1.1 ")
        .or_else(|| head.strip_prefix("HTTP/1.0 "))?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_status_line_and_nothing_else() -> Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let server = std::thread::spawn(move || -> Result<()> {
            let (mut stream, _) = listener.accept()?;
            let mut request = [0; 4];
            stream.read_exact(&mut request)?;
            write!(stream, "HTTP/1.1 503 Service Unavailable\r\n\r\n")?;
            Ok(())
        });
        assert_eq!(http_status(address, "/"), Some(503));
        assert!(server.join().is_ok_and(|served| served.is_ok()));
        Ok(())
    }

    #[test]
    fn nobody_listens_on_a_free_address() -> Result<()> {
        assert_eq!(http_status(free_address()?, "/"), None);
        Ok(())
    }
}

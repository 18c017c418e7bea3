//! HTTP/1.1 over one TCP connection, by hand.
//!
//! The tests need what a client library hides: to drop a connection in the middle of a body, and to know
//! whether a request that failed may have arrived. Everything else is left out: no TLS, no redirects, no
//! compression. Only [`crate::client`] uses it.

use std::fmt::{self, Write as _};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A peer that says nothing for so long is taken for dead.
pub const SILENCE_MAX: Duration = Duration::from_mins(2);

/// Bodies are written in pieces of this size, so that a kill of the server meets a request half sent.
const PIECE_BYTES: usize = 64 * 1024;

/// Longest head of an answer.
const HEAD_MAX_BYTES: usize = 64 * 1024;

/// The connection ended before an answer was whole: nobody knows whether the request had an effect.
#[derive(Debug)]
pub struct Broken(
    /// What happened.
    pub String,
);

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the connection broke: {}", self.0)
    }
}

impl std::error::Error for Broken {}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// A body to send.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// None at all.
    Empty,
    /// All of these bytes, with their length announced.
    Whole(&'a [u8]),
    /// The bytes in chunked encoding, their length not announced.
    Streamed(&'a [u8]),
    /// Announces all of `bytes`, sends the first `sent` of them and drops the connection.
    Cut {
        /// What is announced.
        bytes: &'a [u8],
        /// How many of them are sent.
        sent: usize,
    },
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// Headers beyond host and length.
    pub headers: Vec<(&'a str, String)>,
    /// The body.
    pub body: Body<'a>,
}

/// A whole answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body, complete by its length or its chunks.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of that name, in any case of letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self
            .headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }

    /// Every header, in the order of the answer.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The beginning of the body as text, for messages.
    pub fn text(&self) -> String {
        let end = self.body.len().min(400);
        String::from_utf8_lossy(&self.body[..end]).into_owned()
    }
}

/// One connection, used for one request after another.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
    authority: String,
    reusable: bool,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// [`Broken`] if nobody listens: nothing was sent then.
    pub fn open(address: SocketAddr) -> Result<Self, Broken> {
        let stream = TcpStream::connect_timeout(&address, SILENCE_MAX)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            authority: address.to_string(),
            reusable: true,
        })
    }

    /// Whether another request may follow on it.
    pub fn is_reusable(&self) -> bool {
        self.reusable
    }

    /// Sends `request` and reads the whole answer.
    ///
    /// # Errors
    /// [`Broken`] if the answer did not arrive whole, and always for [`Body::Cut`].
    pub fn exchange(&mut self, request: &Request<'_>) -> Result<Answer, Broken> {
        self.reusable = false;
        let sent = self.send(request);
        if let Body::Cut { sent, .. } = request.body {
            self.stream.get_ref().shutdown(std::net::Shutdown::Both)?;
            return Err(Broken(format!(
                "cut by the test after {sent} bytes of the body"
            )));
        }
        // A server may answer before it has read the whole body, and close: the answer is what counts.
        let answer = self.receive(request.method == "HEAD");
        match (sent, answer) {
            (Ok(()), Ok(answer)) => {
                let close = answer
                    .header("connection")
                    .is_some_and(|value| value.eq_ignore_ascii_case("close"));
                self.reusable = !close;
                Ok(answer)
            }
            (Err(_), Ok(answer)) => Ok(answer),
            (Err(error), Err(_)) | (Ok(()), Err(error)) => Err(error),
        }
    }

    fn send(&mut self, request: &Request<'_>) -> Result<(), Broken> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\n",
            request.method, request.target, self.authority
        );
        for (name, value) in &request.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        match request.body {
            Body::Empty if matches!(request.method, "GET" | "HEAD" | "DELETE") => {}
            Body::Empty => head.push_str("Content-Length: 0\r\n"),
            Body::Whole(bytes) | Body::Cut { bytes, .. } => {
                let _ = write!(head, "Content-Length: {}\r\n", bytes.len());
            }
            Body::Streamed(_) => head.push_str("Transfer-Encoding: chunked\r\n"),
        }
        head.push_str("\r\n");
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes())?;
        match request.body {
            Body::Empty => {}
            Body::Whole(bytes) => bytes
                .chunks(PIECE_BYTES)
                .try_for_each(|piece| stream.write_all(piece))?,
            Body::Cut { bytes, sent } => stream.write_all(&bytes[..sent.min(bytes.len())])?,
            Body::Streamed(bytes) => {
                for piece in bytes.chunks(PIECE_BYTES) {
                    write!(stream, "{:x}\r\n", piece.len())?;
                    stream.write_all(piece)?;
                    stream.write_all(b"\r\n")?;
                }
                stream.write_all(b"0\r\n\r\n")?;
            }
        }
        Ok(stream.flush()?)
    }

    fn receive(&mut self, head_only: bool) -> Result<Answer, Broken> {
        loop {
            let mut answer = self.head()?;
            if (100..200).contains(&answer.status) {
                continue;
            }
            if !head_only && !matches!(answer.status, 204 | 304) {
                answer.body = self.body(&answer)?;
            }
            return Ok(answer);
        }
    }

    fn head(&mut self) -> Result<Answer, Broken> {
        let status_line = self.line()?;
        let status = status_line
            .split(' ')
            .nth(1)
            .and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| Broken(format!("not a status line: {status_line:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(Answer {
                    status,
                    headers,
                    body: Vec::new(),
                });
            }
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| Broken(format!("not a header: {line:?}")))?;
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }

    fn line(&mut self) -> Result<String, Broken> {
        let mut line = Vec::new();
        (&mut self.stream)
            .take(HEAD_MAX_BYTES as u64)
            .read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(Broken(
                "the connection was closed in the middle of an answer".to_owned(),
            ));
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        String::from_utf8(line).map_err(|_| Broken("a header is not UTF-8".to_owned()))
    }

    fn body(&mut self, answer: &Answer) -> Result<Vec<u8>, Broken> {
        let mut body = Vec::new();
        if answer
            .header("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
        {
            loop {
                let line = self.line()?;
                let size = line
                    .split(';')
                    .next()
                    .and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
                let size =
                    size.ok_or_else(|| Broken(format!("not the size of a chunk: {line:?}")))?;
                if size == 0 {
                    while !self.line()?.is_empty() {}
                    return Ok(body);
                }
                self.read_into(&mut body, size)?;
                self.line()?;
            }
        }
        let length = answer
            .header("content-length")
            .and_then(|value| value.parse().ok());
        match length {
            Some(length) => self.read_into(&mut body, length)?,
            None => return Err(Broken("an answer without a length".to_owned())),
        }
        Ok(body)
    }

    fn read_into(&mut self, body: &mut Vec<u8>, length: usize) -> Result<(), Broken> {
        let read = (&mut self.stream).take(length as u64).read_to_end(body)?;
        if read != length {
            return Err(Broken(format!(
                "{read} of {length} bytes of the body arrived"
            )));
        }
        Ok(())
    }
}

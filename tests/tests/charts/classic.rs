//! A classic chart repository on loopback: the files of a folder, for one account or for anybody.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::Result;

/// Serves until it is dropped.
pub struct Repository {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    folder: PathBuf,
    /// What `Authorization` must be.
    account: Option<String>,
    ended: AtomicBool,
    asked: Mutex<BTreeMap<String, usize>>,
}

impl Repository {
    /// Serves a folder; with an account, `Authorization` must be exactly that.
    pub fn serve(folder: &Path, account: Option<&str>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            account: account.map(str::to_owned),
            ended: AtomicBool::new(false),
            asked: Mutex::default(),
        });
        let served = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if served.ended.load(Ordering::SeqCst) {
                    return;
                }
                let _gone = served.answer(stream);
            }
        });
        Ok(Self {
            address,
            shared,
            thread: Some(thread),
        })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often a file was asked for.
    pub fn asked(&self, name: &str) -> usize {
        let asked = self.shared.asked.lock();
        let asked = asked.unwrap_or_else(PoisonError::into_inner);
        asked.get(name).copied().unwrap_or(0)
    }

    /// Answers nobody any more.
    pub fn close(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // Wakes whoever waits for the next caller.
        let _woken = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn answer(&self, mut stream: TcpStream) -> Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let name = line.split(' ').nth(1).unwrap_or("/");
        let name = name.trim_start_matches('/').to_owned();
        let mut allowed = self.account.is_none();
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
                break;
            }
            if let Some((key, value)) = header.split_once(':') {
                let is_it = key.eq_ignore_ascii_case("authorization");
                allowed |= is_it && self.account.as_deref() == Some(value.trim());
            }
        }
        {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            *asked.entry(name.clone()).or_default() += 1;
        }
        let (status, body) = match std::fs::read(self.folder.join(&name)) {
            _ if !allowed => ("401 Unauthorized", Vec::new()),
            Ok(body) => ("200 OK", body),
            Err(_) => ("404 Not Found", Vec::new()),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        Ok(stream.write_all(&body)?)
    }
}

//! A git server that does not answer: a run waits for it, and has an end if it never comes.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::{Result, ensure};

use crate::workshop::{Workshop, can_build, git};

/// A port of this machine at which nobody listens.
fn silent_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}

/// Hands the files of a folder out, which is all that git's plain HTTP needs; ends when it is dropped.
struct Files {
    port: u16,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Files {
    fn serve(folder: &Path, port: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        let (folder, ends) = (folder.to_owned(), Arc::new(AtomicBool::new(false)));
        let over = Arc::clone(&ends);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let _gone = stream.and_then(|stream| answer(stream, &folder));
            }
        });
        Ok(Self {
            port,
            ends,
            thread: Some(thread),
        })
    }
}

fn answer(mut stream: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let path = first.split(' ').nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let found = fs::read(folder.join(path.trim_start_matches('/')));
    let (status, body) = match found {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)
}

impl Drop for Files {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        let _woken = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// A bare repository that plain HTTP can hand out, below the folder that is returned.
fn published(workshop: &Workshop) -> Result<PathBuf> {
    let dockerfile = format!("FROM {}\nCOPY Dockerfile /d\n", workshop.base_reference());
    let source = workshop.source("far", &[("Dockerfile", &dockerfile)])?;
    let above = workshop.site.folder().join("published");
    fs::create_dir_all(&above)?;
    let bare = above.join("far.git");
    git(
        &source,
        &["clone", "--quiet", "--bare", ".", &bare.to_string_lossy()],
    )?;
    git(&bare, &["update-server-info"])?;
    Ok(above)
}

#[test]
fn a_run_waits_for_a_git_server() -> Result<()> {
    if !can_build()? {
        return Ok(());
    }
    let workshop = Workshop::open()?;
    let folder = published(&workshop)?;
    let port = silent_port()?;
    let url = PathBuf::from(format!("http://127.0.0.1:{port}/far.git"));
    workshop.task("far", &url, "tags: { stable: [\"1\"] }")?;
    let id = workshop.begin("far")?;
    let run = workshop.until(&id, "that the run says what it waits for", |run| {
        run["error"].is_string()
    })?;
    let error = run["error"].as_str().unwrap_or_default();
    ensure!(run["state"] == "requested", "{run}");
    ensure!(
        error.starts_with("not yet: ") && error.contains("127.0.0.1"),
        "{run}"
    );
    let _files = Files::serve(&folder, port)?;
    let run = workshop.settled(&id)?;
    ensure!(run["state"] == "succeeded", "{run}");
    ensure!(run["error"].is_null(), "{run}");
    ensure!(workshop.tag("apps/far", "1")?.is_some(), "no tag");
    Ok(())
}

#[test]
fn a_git_server_that_never_answers_ends_a_run() -> Result<()> {
    if !can_build()? {
        return Ok(());
    }
    let workshop = Workshop::open()?;
    let url = PathBuf::from(format!("http://127.0.0.1:{}/far.git", silent_port()?));
    workshop.task("gone", &url, "timeout: 2s")?;
    workshop.ended(1, &["run", "gone", "--wait"])?;
    let runs = workshop.json(&["runs", "--task", "gone"])?;
    let run = &runs[0];
    let error = run["error"].as_str().unwrap_or_default();
    ensure!(
        run["state"] == "failed" && run["step"] == "checkout",
        "{run}"
    );
    ensure!(
        error.contains("git: ") && error.contains("it was tried"),
        "{run}"
    );
    ensure!(workshop.tags("apps/gone")?.is_empty(), "a tag came");
    Ok(())
}

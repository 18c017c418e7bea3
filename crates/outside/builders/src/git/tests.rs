//! The suite of the port on real repositories.

use super::*;
use refloat_ports::git_suite::{self, Ground};
use std::path::Path;
use std::process::Command;

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=t", "-c", "user.email=t@localhost"])
        .args(arguments)
        .output()
        .expect("git runs");
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A bare repository with a branch `main` of two files and a link.
fn repository(folder: &Path) -> (GitRepository, String) {
    let work = folder.join("work");
    std::fs::create_dir_all(work.join("app")).expect("a folder");
    git(folder, &["init", "--quiet", "-b", "main", "work"]);
    std::fs::write(work.join("app/Dockerfile"), "FROM scratch\n").expect("a file");
    std::fs::write(work.join("values.yaml"), "a: 1\n").expect("a file");
    std::os::unix::fs::symlink("values.yaml", work.join("link")).expect("a link");
    git(&work, &["add", "."]);
    git(&work, &["commit", "--quiet", "-m", "first"]);
    git(folder, &["clone", "--quiet", "--bare", "work", "bare.git"]);
    let url = folder.join("bare.git").to_string_lossy().into_owned();
    (
        GitRepository {
            url,
            credential: None,
        },
        git(&work, &["rev-parse", "HEAD"]),
    )
}

/// An address of this machine at which nobody answers.
fn silent_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    format!("http://{address}/team/app.git")
}

#[tokio::test]
async fn the_suite_of_the_port() {
    let folder = tempfile::tempdir().expect("a folder");
    let (repository, first) = repository(folder.path());
    let at = |url: String| GitRepository {
        url,
        credential: None,
    };
    let gone = folder.path().join("gone").to_string_lossy().into_owned();
    let ground = Ground {
        repository,
        first,
        gone: at(gone),
        away: at(silent_address()),
    };
    git_suite::run(&GitProgram, &ground).await;
}

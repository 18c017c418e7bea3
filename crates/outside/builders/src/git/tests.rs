//! The suite of the port on real repositories, and what only a program can get wrong.

use super::*;
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

fn change(parent: &str, text: &str) -> NewCommit {
    NewCommit {
        branch: "main".to_owned(),
        parent: parent.to_owned(),
        message: "Bump a\n\nbecause".to_owned(),
        files: BTreeMap::from([("values.yaml".to_owned(), text.as_bytes().to_vec())]),
    }
}

#[tokio::test]
async fn branches_files_and_commits() {
    let folder = tempfile::tempdir().expect("a folder");
    let (repository, first) = repository(folder.path());
    let program = GitProgram;
    assert_eq!(
        program.resolve(&repository, "main").await,
        Ok(Some(first.clone()))
    );
    assert_eq!(program.resolve(&repository, "nope").await, Ok(None));
    let all = program.read(&repository, &first, ".").await.expect("files");
    assert_eq!(
        all.keys().map(String::as_str).collect::<Vec<_>>(),
        ["app/Dockerfile", "values.yaml"]
    );
    let one = program
        .read(&repository, &first, "app/Dockerfile")
        .await
        .expect("a file");
    assert_eq!(one["app/Dockerfile"], b"FROM scratch\n");
    let second = program
        .commit(&repository, &change(&first, "a: 2\n"))
        .await
        .expect("a commit");
    assert_eq!(
        program.resolve(&repository, "main").await,
        Ok(Some(second.clone()))
    );
    let again = program.commit(&repository, &change(&first, "a: 2\n")).await;
    assert_eq!(again, Ok(second.clone()), "repeating a commit returns it");
    let other = program.commit(&repository, &change(&first, "a: 3\n")).await;
    assert!(matches!(other, Err(GitError::Moved { .. })), "{other:?}");
    let read = program
        .read(&repository, &second, "values.yaml")
        .await
        .expect("a file");
    assert_eq!(read["values.yaml"], b"a: 2\n");
    let same = program
        .commit(&repository, &change(&second, "a: 2\n"))
        .await;
    assert_eq!(same, Ok(second), "nothing changed, nothing is committed");
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (repository, first) = repository(folder.path());
    let program = GitProgram;
    let gone = GitRepository {
        url: folder.path().join("gone").to_string_lossy().into_owned(),
        credential: None,
    };
    let error = program
        .resolve(&gone, "main")
        .await
        .expect_err("no repository");
    assert!(error.to_string().contains("gone"), "{error}");
    let error = program
        .read(&repository, &first, "nowhere")
        .await
        .expect_err("no path");
    assert!(
        error.to_string().contains("`nowhere` is not in commit"),
        "{error}"
    );
    let unknown = "0123456789012345678901234567890123456789";
    let error = program
        .read(&repository, unknown, ".")
        .await
        .expect_err("no commit");
    assert!(error.to_string().contains(unknown), "{error}");
    for branch in ["-x", "a b", "a..b", "", "a.lock", "/a"] {
        assert!(
            program.resolve(&repository, branch).await.is_err(),
            "{branch}"
        );
    }
}

#[tokio::test]
async fn hooks_of_the_caller_do_not_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let (repository, first) = repository(folder.path());
    let mut new = change(&first, "a: 2\n");
    new.files = BTreeMap::from([(".git/hooks/x".to_owned(), Vec::new())]);
    let error = GitProgram
        .commit(&repository, &new)
        .await
        .expect_err("no such path");
    assert!(error.to_string().contains("is no path"), "{error}");
    new.files = BTreeMap::from([("link".to_owned(), b"x".to_vec())]);
    let error = GitProgram
        .commit(&repository, &new)
        .await
        .expect_err("a link");
    assert!(error.to_string().contains("is a link"), "{error}");
}

//! What every git does, whatever it is asked through.

use crate::git::{Git, GitError, GitRepository, NewCommit};
use refloat_core::Failure;
use std::collections::BTreeMap;

/// What the suite reads and commits to.
#[derive(Debug, Clone)]
pub struct Ground {
    /// A repository with a branch `main` of the files `app/Dockerfile` (`FROM scratch\n`) and `values.yaml` (`a: 1\n`), and a link `link`.
    pub repository: GitRepository,
    /// The commit of its branch.
    pub first: String,
    /// No repository: the server, or the machine, says so.
    pub gone: GitRepository,
    /// A repository on a server that does not answer.
    pub away: GitRepository,
}

/// A commit of `values.yaml` on `main`.
pub fn change(parent: &str, text: &str) -> NewCommit {
    NewCommit {
        branch: "main".to_owned(),
        parent: parent.to_owned(),
        message: "Bump a\n\nbecause".to_owned(),
        files: BTreeMap::from([("values.yaml".to_owned(), text.as_bytes().to_vec())]),
    }
}

/// Runs all of it; the branch has moved afterwards.
///
/// # Panics
/// Where git does not do what the port says.
pub async fn run(git: &dyn Git, ground: &Ground) {
    reading(git, ground).await;
    refusals(git, ground).await;
    away(git, ground).await;
    committing(git, ground).await;
}

async fn reading(git: &dyn Git, ground: &Ground) {
    let (repository, first) = (&ground.repository, &ground.first);
    assert_eq!(
        git.resolve(repository, "main").await,
        Ok(Some(first.clone()))
    );
    assert_eq!(git.resolve(repository, "nope").await, Ok(None));
    let all = git.read(repository, first, ".").await.expect("files");
    let paths: Vec<&str> = all.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        ["app/Dockerfile", "values.yaml"],
        "links are left out"
    );
    let folder = git.read(repository, first, "app").await.expect("a folder");
    let file = git.read(repository, first, "app/Dockerfile").await;
    assert_eq!(file.expect("a file"), folder);
    assert_eq!(folder["app/Dockerfile"], b"FROM scratch\n");
}

/// What is not there is named, and is no failure that could go right another time.
async fn refusals(git: &dyn Git, ground: &Ground) {
    let (repository, first) = (&ground.repository, &ground.first);
    let said = |error: GitError| match error {
        GitError::Unknown(text) => text,
        other => panic!("{other:?}"),
    };
    let gone = git.resolve(&ground.gone, "main").await;
    let text = said(gone.expect_err("no repository"));
    assert!(text.contains("gone"), "{text}");
    let nowhere = git.read(repository, first, "nowhere").await;
    let text = said(nowhere.expect_err("no path"));
    assert!(text.contains("`nowhere` is not in commit"), "{text}");
    let unknown = "0123456789012345678901234567890123456789";
    let text = said(
        git.read(repository, unknown, ".")
            .await
            .expect_err("no commit"),
    );
    assert!(text.contains(unknown), "{text}");
    for branch in ["-x", "a b", "a..b", "", "a.lock", "/a"] {
        said(git.resolve(repository, branch).await.expect_err(branch));
    }
    let mut new = change(first, "a: 2\n");
    "nope".clone_into(&mut new.branch);
    let text = said(git.commit(repository, &new).await.expect_err("no branch"));
    assert!(text.contains("`nope`"), "{text}");
    for (path, says) in [
        (".git/hooks/x", "is no path"),
        ("../x", "is no path"),
        ("/x", "is no path"),
        ("link", "is a link"),
    ] {
        let mut new = change(first, "a: 2\n");
        new.files = BTreeMap::from([(path.to_owned(), Vec::new())]);
        let text = said(git.commit(repository, &new).await.expect_err(path));
        assert!(text.contains(says), "{text}");
    }
    assert_eq!(
        git.resolve(repository, "main").await,
        Ok(Some(first.clone())),
        "a refusal moves nothing"
    );
}

/// A server that does not answer may answer another time.
async fn away(git: &dyn Git, ground: &Ground) {
    let away = &ground.away;
    let is_transient = |error: &GitError| matches!(error, GitError::Failed(Failure::Transient(_)));
    let error = git.resolve(away, "main").await.expect_err("no server");
    assert!(is_transient(&error), "{error:?}");
    let error = git
        .read(away, &ground.first, ".")
        .await
        .expect_err("no server");
    assert!(is_transient(&error), "{error:?}");
    let new = change(&ground.first, "a: 2\n");
    let error = git.commit(away, &new).await.expect_err("no server");
    assert!(is_transient(&error), "{error:?}");
}

async fn committing(git: &dyn Git, ground: &Ground) {
    let (repository, first) = (&ground.repository, &ground.first);
    let made = git.commit(repository, &change(first, "a: 2\n")).await;
    let second = made.expect("a commit");
    assert_eq!(
        git.resolve(repository, "main").await,
        Ok(Some(second.clone()))
    );
    let again = git.commit(repository, &change(first, "a: 2\n")).await;
    assert_eq!(again, Ok(second.clone()), "repeating a commit returns it");
    let other = git.commit(repository, &change(first, "a: 3\n")).await;
    assert!(matches!(other, Err(GitError::Moved { .. })), "{other:?}");
    let read = git.read(repository, &second, "values.yaml").await;
    assert_eq!(read.expect("a file")["values.yaml"], b"a: 2\n");
    let same = git.commit(repository, &change(&second, "a: 2\n")).await;
    assert_eq!(same, Ok(second), "nothing changed, nothing is committed");
}

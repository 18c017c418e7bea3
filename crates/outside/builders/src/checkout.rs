//! The surroundings in which `git` runs: no prompt, no hook, nobody's configuration, no protocol beyond a few.

use crate::process::{self, Output, ProcessError};
use refloat_core::Secret;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The longest any one command may take.
const COMMAND_MAX: Duration = Duration::from_mins(10);

/// All that git takes from a configuration file here.
const CONFIGURATION: &str = "\
[safe]
\tdirectory = *
[core]
\thooksPath = /dev/null
\tfsmonitor = false
\taskPass =
[credential]
\thelper =
[protocol]
\tallow = never
[protocol \"file\"]
\tallow = always
[protocol \"https\"]
\tallow = always
[protocol \"http\"]
\tallow = always
[protocol \"ssh\"]
\tallow = always
[gc]
\tauto = 0
[maintenance]
\tauto = false
[advice]
\tdetachedHead = false
[init]
\tdefaultBranch = main
[user]
\tname = refloat
\temail = refloat@localhost
[commit]
\tgpgSign = false
";

/// Asks for nothing: the answers are in the environment, which other users cannot read.
const ASKPASS: &str = "#!/bin/sh
case \"$1\" in
Username*) printf '%s\\n' \"$REFLOAT_GIT_USERNAME\" ;;
*) printf '%s\\n' \"$REFLOAT_GIT_PASSWORD\" ;;
esac
";

/// `git` in surroundings of its own, in a folder that the caller removes.
pub(crate) struct Surroundings {
    folder: PathBuf,
    credential: Option<(String, Secret<String>)>,
}

impl Surroundings {
    /// Writes what git needs into `folder`, which exists.
    pub(crate) fn new(
        folder: &Path,
        credential: Option<(String, Secret<String>)>,
    ) -> std::io::Result<Self> {
        fs::write(folder.join("git.conf"), CONFIGURATION)?;
        let mut askpass = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o700)
            .open(folder.join("askpass"))?;
        askpass.write_all(ASKPASS.as_bytes())?;
        Ok(Self {
            folder: folder.to_owned(),
            credential,
        })
    }

    /// A command of git in the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(&self.folder);
        clean(&mut command);
        command
            .env("HOME", &self.folder)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", self.folder.join("git.conf"))
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", self.folder.join("askpass"))
            .env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
            .env("GIT_CEILING_DIRECTORIES", "/");
        if let Some((username, password)) = &self.credential {
            command
                .env("REFLOAT_GIT_USERNAME", username)
                .env("REFLOAT_GIT_PASSWORD", password.expose());
        }
        command
    }

    /// Runs a command; at most `bytes_max` of output. The error is what git said, or why it could not.
    pub(crate) fn run(
        &self,
        arguments: &[&str],
        input: Vec<u8>,
        bytes_max: usize,
    ) -> Result<Output, Trouble> {
        process::output(self.command(arguments), input, COMMAND_MAX, bytes_max).map_err(|error| {
            let text = format!("git {}: {error}", arguments.first().unwrap_or(&""));
            match error {
                ProcessError::Start(_) | ProcessError::Long(_) => Trouble::Refused(text),
                ProcessError::Late(_) => Trouble::Unreachable(text),
            }
        })
    }

    /// The same for a command that must succeed; its output.
    pub(crate) fn must(
        &self,
        arguments: &[&str],
        input: Vec<u8>,
        bytes_max: usize,
    ) -> Result<Vec<u8>, Trouble> {
        let output = self.run(arguments, input, bytes_max)?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(trouble(&output))
        }
    }
}

/// Why git did not do it.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It has an answer, and another time it would be the same.
    Refused(String),
    /// The server did not answer, or not to the end: it may another time.
    Unreachable(String),
}

/// What a command that failed means.
pub(crate) fn trouble(output: &Output) -> Trouble {
    if is_unreachable(&output.stderr) {
        Trouble::Unreachable(said(output))
    } else {
        Trouble::Refused(said(output))
    }
}

/// Whether these words of git, curl or ssh are about a server that does not answer now. [`clean`] has git speak English.
pub(crate) fn is_unreachable(words: &str) -> bool {
    const SIGNS: [&str; 22] = [
        "Failed to connect",
        "Couldn't connect",
        "Could not resolve host",
        "Temporary failure in name resolution",
        "Connection refused",
        "Connection reset",
        "Connection timed out",
        "Connection closed by",
        "Operation timed out",
        "Operation too slow",
        "Empty reply from server",
        "Recv failure",
        "Send failure",
        "No route to host",
        "Network is unreachable",
        "early EOF",
        "unexpected disconnect",
        "returned error: 429",
        "returned error: 500",
        "returned error: 502",
        "returned error: 503",
        "returned error: 504",
    ];
    SIGNS.iter().any(|sign| words.contains(sign))
}

/// What git said last, or its exit.
pub(crate) fn said(output: &Output) -> String {
    let line = |line: &&str| {
        line.starts_with("fatal:") || line.starts_with("error:") || line.starts_with("remote:")
    };
    let lines: Vec<&str> = output.stderr.lines().collect();
    let chosen = lines
        .iter()
        .find(|text| line(text))
        .or_else(|| lines.last())
        .copied()
        .unwrap_or("it said nothing");
    chosen.chars().take(500).collect()
}

/// Leaves of the environment only what programs need to run and to reach the network.
pub(crate) fn clean(command: &mut Command) {
    const KEPT: [&str; 12] = [
        "PATH",
        "LANG",
        "TZ",
        "TMPDIR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "NO_PROXY",
        "no_proxy",
    ];
    command.env_clear();
    for name in KEPT {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("LC_ALL", "C.UTF-8");
}

/// Checks the address of a repository, and makes a path absolute: it must name no option, no helper, no password.
pub(crate) fn address(url: &str) -> Result<String, String> {
    let refused = |why: &str| Err(format!("the git address `{}` {why}", shown(url)));
    if url.is_empty() || url.starts_with('-') || url.contains(|letter: char| letter.is_control()) {
        return refused("is no address");
    }
    if let Some((scheme, rest)) = url.split_once("://") {
        if !["https", "http", "ssh", "file"].contains(&scheme) {
            return refused("is neither https, http, ssh nor file");
        }
        let host = rest.split('/').next().unwrap_or_default();
        let password = host
            .rsplit_once('@')
            .is_some_and(|(user, _)| user.contains(':') || scheme != "ssh");
        if password {
            return refused("has a user in it; write a Credential document and name it");
        }
        if host.starts_with('-') || (scheme != "file" && host.is_empty()) {
            return refused("has no host");
        }
        return Ok(url.to_owned());
    }
    if url.contains("::") {
        return refused("names a helper program");
    }
    match url.split_once(':') {
        // `user@host:path`, as ssh has it.
        Some((host, _)) if !host.contains('/') => Ok(url.to_owned()),
        _ => std::path::absolute(url)
            .map(|path| path.to_string_lossy().into_owned())
            .map_err(|error| format!("the git address `{url}` is no path: {error}")),
    }
}

/// An address without what may be a password.
fn shown(url: &str) -> String {
    let url: String = url.chars().take(200).collect();
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://(secret)@{rest}"),
        _ => url,
    }
}

/// Whether `text` is a commit's hash.
pub(crate) fn is_commit(text: &str) -> bool {
    [40, 64].contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Gets one commit of `url` into the bare repository at `surroundings`' folder `repository`, as little as the server allows.
pub(crate) fn fetch(
    surroundings: &Surroundings,
    repository: &str,
    url: &str,
    commit: &str,
) -> Result<(), Trouble> {
    if !is_commit(commit) {
        return Err(Trouble::Refused(format!(
            "`{commit}` is not the hash of a commit"
        )));
    }
    surroundings.must(&["init", "--quiet", "--bare", repository], Vec::new(), 4096)?;
    let git_dir = format!("--git-dir={repository}");
    let alone = [
        &git_dir,
        "fetch",
        "--quiet",
        "--depth=1",
        "--no-tags",
        "--end-of-options",
        url,
        commit,
    ];
    if surroundings.run(&alone, Vec::new(), 4096)?.status.success() {
        return Ok(());
    }
    // A server may give branches only: take them all, the commit is among them or unknown.
    let all = [
        &git_dir,
        "fetch",
        "--quiet",
        "--no-tags",
        "--end-of-options",
        url,
        "+refs/heads/*:refs/heads/*",
    ];
    surroundings.must(&all, Vec::new(), 4096)?;
    let there = [&git_dir, "cat-file", "-e", &format!("{commit}^{{commit}}")];
    let found = surroundings.run(&there, Vec::new(), 4096)?;
    if found.status.success() {
        Ok(())
    } else {
        Err(Trouble::Refused(format!(
            "commit {commit} is in no branch of the repository"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_does_not_answer_is_told_from_one_that_refuses() {
        for away in [
            "fatal: unable to access 'http://127.0.0.1:1/a/': Failed to connect to 127.0.0.1 port 1 after 0 ms: Couldn't connect to server",
            "fatal: unable to access 'https://git.invalid/a/': Could not resolve host: git.invalid",
            "fatal: unable to access 'http://h/a/': The requested URL returned error: 503",
            "ssh: connect to host h port 22: Connection refused\nfatal: Could not read from remote repository.",
            "error: RPC failed; curl 56 Recv failure: Connection reset by peer\nfatal: early EOF",
        ] {
            assert!(is_unreachable(away), "{away}");
        }
        for refused in [
            "fatal: '/srv/gone' does not appear to be a git repository\nfatal: Could not read from remote repository.",
            "fatal: Authentication failed for 'http://h/a/'",
            "fatal: repository 'http://h/a/' not found",
            "fatal: unable to access 'http://h/a/': The requested URL returned error: 403",
            "fatal: remote error: upload-pack: not our ref 0123456789012345678901234567890123456789",
        ] {
            assert!(!is_unreachable(refused), "{refused}");
        }
    }

    #[test]
    fn addresses_name_repositories_and_nothing_else() {
        for good in [
            "https://example.com/a.git",
            "http://127.0.0.1:1/a",
            "ssh://git@example.com/a",
            "file:///srv/a.git",
            "git@example.com:a.git",
            "/srv/a",
        ] {
            assert_eq!(address(good), Ok(good.to_owned()), "{good}");
        }
        for bad in [
            "",
            "-upload-pack=x",
            "--x",
            "ext::sh -c x",
            "ftp://x/y",
            "https://u:p@example.com/x",
            "https://token@example.com/x",
            "ssh://-oProxyCommand=x/y",
            "a\nb",
            "https:///x",
        ] {
            let error = address(bad).expect_err(bad);
            assert!(!error.contains("u:p"), "{error}");
        }
        assert!(address("some/folder").expect("a path").starts_with('/'));
    }
}

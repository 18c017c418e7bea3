//! Files of a commit.

use super::Asking;
use refloat_ports::GitError;
use std::collections::BTreeMap;

/// The most bytes of all files together.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most files.
const FILES_MAX: usize = 20_000;

struct Entry {
    hash: String,
    size: usize,
    path: String,
}

impl Asking {
    pub(super) fn read(
        &self,
        commit: &str,
        path: &str,
    ) -> Result<BTreeMap<String, Vec<u8>>, GitError> {
        self.fetch(commit)?;
        let path = path.trim_start_matches("./").trim_end_matches('/');
        let path = if path == "." { "" } else { path };
        let mut arguments = vec!["ls-tree", "-r", "-z", "--long", "--full-tree", commit, "--"];
        if !path.is_empty() {
            arguments.push(path);
        }
        let listed = self.git(&arguments, Vec::new(), BYTES_MAX)?;
        let entries = entries(&String::from_utf8_lossy(&listed));
        if entries.is_empty() {
            return Err(GitError::Unknown(format!(
                "`{path}` is not in commit {commit}"
            )));
        }
        let bytes: usize = entries.iter().map(|entry| entry.size).sum();
        if bytes > BYTES_MAX || entries.len() > FILES_MAX {
            return Err(GitError::Unknown(format!(
                "`{path}` has {} files with {bytes} bytes, more than {FILES_MAX} files or {BYTES_MAX} bytes",
                entries.len()
            )));
        }
        let input: String = entries
            .iter()
            .map(|entry| format!("{}\n", entry.hash))
            .collect();
        // Each file has a line before it and one after it.
        let room = bytes + entries.len() * 100;
        let answer = self.git(&["cat-file", "--batch"], input.into_bytes(), room)?;
        files(&entries, &answer).ok_or_else(|| {
            GitError::Unknown("git cat-file does not answer as it should".to_owned())
        })
    }
}

/// Plain files of `MODE TYPE HASH SIZE\tPATH`; links and submodules are left out.
fn entries(listed: &str) -> Vec<Entry> {
    let entry = |line: &str| {
        let (head, path) = line.split_once('\t')?;
        let words: Vec<&str> = head.split_whitespace().collect();
        match words.as_slice() {
            ["100644" | "100755", "blob", hash, size] => Some(Entry {
                hash: (*hash).to_owned(),
                size: size.parse().ok()?,
                path: path.to_owned(),
            }),
            _ => None,
        }
    };
    listed.split('\0').filter_map(entry).collect()
}

/// Takes `HASH blob SIZE\n..\n` apart, in the order of the entries.
fn files(entries: &[Entry], mut answer: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in entries {
        let end = answer.iter().position(|byte| *byte == b'\n')?;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        if head != format!("{} blob {}", entry.hash, entry.size) {
            return None;
        }
        let body = answer.get(end + 1..end + 1 + entry.size)?;
        files.insert(entry.path.clone(), body.to_vec());
        answer = answer.get(end + 2 + entry.size..)?;
    }
    Some(files)
}

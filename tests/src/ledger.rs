//! The outside ledger: what the server was asked, and what it acknowledged.
//!
//! ```text
//! {"begun":7,"operation":{"kind":"put_manifest",..}}     written and fsynced before the request is sent
//! {"ended":7,"ending":{"kind":"acknowledged"}}           written and fsynced after the answer was read
//! ```
//!
//! An operation without a second line has an unknown outcome: the server died, or the connection did. The order of
//! the lines is a real order in time, since a line is written before the next thing happens; [`history`] judges by it.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::client::Fault;
use crate::content::Content;

pub mod history;

pub use history::History;

/// Something that changes what the server holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the fields are the words of the distribution API"
)]
pub enum Operation {
    /// A blob, in one go or mounted from another repository.
    PushBlob { repository: String, digest: String },
    /// A blob leaves a repository.
    DeleteBlob { repository: String, digest: String },
    /// An upload was begun at this location. It holds the first bytes of `content`.
    BeginUpload {
        repository: String,
        location: String,
        content: Content,
    },
    /// Bytes of an upload up to `end`.
    AppendUpload {
        repository: String,
        location: String,
        end: usize,
    },
    /// The upload becomes a blob.
    FinishUpload {
        repository: String,
        location: String,
        digest: String,
    },
    /// The upload is given up.
    CancelUpload {
        repository: String,
        location: String,
    },
    /// A manifest, under a tag or only its digest.
    PutManifest {
        repository: String,
        digest: String,
        tag: Option<String>,
    },
    /// A tag goes.
    DeleteTag { repository: String, tag: String },
    /// A manifest goes, and every tag that names it.
    DeleteManifest { repository: String, digest: String },
    /// An account of a person.
    CreateUser { name: String, password: String },
    /// A headless account; its token is a note of the ending.
    CreateRobot { name: String },
    /// An account may act on repositories.
    Grant {
        subject: String,
        actions: String,
        pattern: String,
    },
    /// A document.
    Apply { document_kind: String, name: String },
}

/// How an operation ended, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Ending {
    /// Done, says the server. From here on it must hold.
    Acknowledged {
        /// What the answer carried that a checker needs: a token.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        note: Option<String>,
    },
    /// Not done, says the server.
    Refused {
        /// The status of the answer.
        status: u16,
    },
    /// Done or not.
    Unknown {
        /// Why nobody knows.
        why: String,
    },
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// Before the request.
    Begun {
        /// Number of the operation, from 1.
        begun: u64,
        /// The operation.
        operation: Operation,
    },
    /// After the answer.
    Ended {
        /// Number of the operation.
        ended: u64,
        /// Its ending.
        ending: Ending,
    },
}

/// How many operations ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Acknowledged.
    pub acknowledged: u64,
    /// Refused with a status of the 4xx class.
    pub refused: u64,
    /// Of unknown outcome.
    pub unknown: u64,
}

/// The ledger of one run. Shared by all workers.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    next: u64,
    counts: Counts,
    history: History,
}

impl Ledger {
    /// A new, empty one.
    pub fn create(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.create_new(true).append(true).open(path);
        let file = file.with_context(|| format!("cannot make the ledger {}", path.display()))?;
        let state = State {
            file,
            next: 1,
            counts: Counts::default(),
            history: History::default(),
        };
        Ok(Self {
            path: path.to_owned(),
            state: Mutex::new(state),
        })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `operation` down, runs `request`, writes down how it ended, and returns what it returned.
    ///
    /// # Errors
    /// What `request` returned; a ledger that cannot be written is an error of its own.
    pub fn record<T>(
        &self,
        operation: Operation,
        request: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<Result<T, Fault>> {
        self.record_noting(operation, request, |_| None)
    }

    /// As [`Ledger::record`]; `note` takes from a success what a checker needs.
    pub fn record_noting<T>(
        &self,
        operation: Operation,
        request: impl FnOnce() -> Result<T, Fault>,
        note: impl FnOnce(&T) -> Option<String>,
    ) -> Result<Result<T, Fault>> {
        let number = self.begin(operation)?;
        let outcome = request();
        let ending = match &outcome {
            Ok(done) => Ending::Acknowledged { note: note(done) },
            Err(fault) if fault.is_definite() => Ending::Refused {
                status: fault.status().unwrap_or_default(),
            },
            Err(fault) => Ending::Unknown {
                why: fault.to_string(),
            },
        };
        self.end(number, ending)?;
        Ok(outcome)
    }

    /// What the operations so far allow to be true.
    pub fn history(&self) -> HistoryGuard<'_> {
        HistoryGuard(self.state())
    }

    /// How many operations ended how.
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    fn begin(&self, operation: Operation) -> Result<u64> {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.write(Line::Begun {
            begun: number,
            operation,
        })?;
        Ok(number)
    }

    fn end(&self, number: u64, ending: Ending) -> Result<()> {
        let mut state = self.state();
        match &ending {
            Ending::Acknowledged { .. } => state.counts.acknowledged += 1,
            Ending::Refused { .. } => state.counts.refused += 1,
            Ending::Unknown { .. } => state.counts.unknown += 1,
        }
        state.write(Line::Ended {
            ended: number,
            ending,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The file first: what is not on disk did not happen.
    fn write(&mut self, line: Line) -> Result<()> {
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        self.file
            .write_all(&text)
            .context("cannot write the ledger")?;
        self.file.sync_data().context("cannot fsync the ledger")?;
        self.history.take(line);
        Ok(())
    }
}

/// The history, for as long as nobody else writes.
#[derive(Debug)]
pub struct HistoryGuard<'a>(MutexGuard<'a, State>);

impl std::ops::Deref for HistoryGuard<'_> {
    type Target = History;

    fn deref(&self) -> &History {
        &self.0.history
    }
}

impl std::ops::DerefMut for HistoryGuard<'_> {
    fn deref_mut(&mut self) -> &mut History {
        &mut self.0.history
    }
}

/// Reads a ledger. A last line without its end was being written when the machine stopped, and counts as absent.
pub fn read(path: &Path) -> Result<Vec<Line>> {
    let file =
        File::open(path).with_context(|| format!("cannot read the ledger {}", path.display()))?;
    let mut lines = Vec::new();
    let mut reader = BufReader::new(file);
    let mut text = String::new();
    while reader.read_line(&mut text)? > 0 && text.ends_with('\n') {
        let line = serde_json::from_str(&text);
        lines
            .push(line.with_context(|| format!("line {} of {}", lines.len() + 1, path.display()))?);
        text.clear();
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Broken;

    #[test]
    fn every_ending_is_read_back_as_it_was() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let ledger = Ledger::create(&folder.path().join("ledger"))?;
        let tag = |tag: &str| Operation::DeleteTag {
            repository: "a".to_owned(),
            tag: tag.to_owned(),
        };
        ledger.record(tag("1"), || Ok(()))??;
        let lost = ledger.record(tag("2"), || {
            Err::<(), _>(Fault::Broken(Broken("gone".to_owned())))
        })?;
        assert!(lost.is_err());
        let robot = Operation::CreateRobot {
            name: "r".to_owned(),
        };
        ledger.record_noting(
            robot.clone(),
            || Ok("token".to_owned()),
            |token| Some(token.clone()),
        )??;
        let lines = read(ledger.path())?;
        assert_eq!(
            lines[0],
            Line::Begun {
                begun: 1,
                operation: tag("1")
            }
        );
        assert!(matches!(
            &lines[3],
            Line::Ended {
                ended: 2,
                ending: Ending::Unknown { .. }
            }
        ));
        assert_eq!(
            lines[4],
            Line::Begun {
                begun: 3,
                operation: robot
            }
        );
        let note = Some("token".to_owned());
        assert_eq!(
            lines[5],
            Line::Ended {
                ended: 3,
                ending: Ending::Acknowledged { note }
            }
        );
        assert_eq!(
            ledger.counts(),
            Counts {
                acknowledged: 2,
                refused: 0,
                unknown: 1
            }
        );
        Ok(())
    }
}

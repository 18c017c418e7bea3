//! Shell completions and man pages, from the grammar itself.

use crate::arguments::Arguments;
use crate::error::CliError;
use crate::output::{Answer, View, print};
use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::{Value, json};
use std::path::Path;

pub(super) fn completions(shell: Shell) -> Answer {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "refloat", &mut script);
    print(&String::from_utf8_lossy(&script));
    Answer {
        json: Value::Null,
        view: View::Lines(Vec::new()),
        brief: Vec::new(),
        changed: None,
        exit: 0,
    }
}

pub(super) fn pages(folder: &Path) -> Result<Answer, CliError> {
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), folder))
        .and_then(|()| std::fs::read_dir(folder).map(Iterator::count));
    let count = written.map_err(|error| {
        CliError::failed(
            "file",
            format!(
                "man pages cannot be written to {}: {error}",
                folder.display()
            ),
            "choose another folder",
        )
    })?;
    let json = json!({ "folder": folder.display().to_string(), "pages": count });
    Ok(Answer::done(
        json,
        true,
        format!("{count} pages in {}", folder.display()),
    ))
}

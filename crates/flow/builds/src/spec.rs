//! A run's task, as its document was when it was asked for.

use refloat_core::Failure;
use refloat_dockerfile::{Options, Platform};
use refloat_documents::{Document, DocumentBody, Node, TaskDocument};
use refloat_store_builds::{Run, TestSpec};

/// Reads the stored document of a task.
pub(crate) fn task(content: &str) -> Result<TaskDocument, Failure> {
    let damaged =
        |error: &dyn std::fmt::Display| Failure::Damaged(format!("a stored task: {error}"));
    let mut nodes = Node::read_yaml(content).map_err(|error| damaged(&error))?;
    let node = nodes.pop().ok_or_else(|| damaged(&"it is empty"))?;
    match Document::read(node).map_err(|error| damaged(&error))?.body {
        DocumentBody::Task(task) => Ok(task),
        _ => Err(damaged(&"it is another kind of document")),
    }
}

/// Reads what a run of tests does.
pub(crate) fn tests(content: &str) -> Result<TestSpec, Failure> {
    serde_json::from_str(content)
        .map_err(|error| Failure::Damaged(format!("stored tests: {error}")))
}

/// The longest that a run may take, in seconds.
pub(crate) fn timeout_seconds(run: &Run) -> Result<i64, Failure> {
    match run.candidate {
        Some(_) => Ok(tests(&run.spec)?.timeout_seconds),
        None => Ok(task(&run.spec)?.timeout.seconds()),
    }
}

/// The path of the Dockerfile from the top of the repository.
pub(crate) fn dockerfile_path(task: &TaskDocument) -> String {
    match task.source.context.as_str() {
        "." => task.source.dockerfile.clone(),
        context => format!("{context}/{}", task.source.dockerfile),
    }
}

/// What a task's invocation says to its Dockerfile.
pub(crate) fn options(task: &TaskDocument) -> Result<Options, String> {
    let machine = Platform::of_this_machine();
    let platform = match &task.platform {
        Some(text) => text.parse().map_err(|error| format!("{error}"))?,
        None => machine.clone(),
    };
    let mut options = Options::for_platform(platform);
    options.build_platform = machine;
    options.build_args.clone_from(&task.build_args);
    Ok(options)
}

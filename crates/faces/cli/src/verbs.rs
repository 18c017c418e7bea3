//! What each verb does: asks the server, and makes an answer of what it says.

mod accounts;
mod apply;
mod bases;
mod builds;
mod calibrate;
mod charts;
mod events;
mod images;
mod login;
mod manual;
pub(crate) mod patches;
mod registry;
mod upkeep;
mod why;

pub use bases::options as invocation_options;
pub use charts::{
    ChartPlaces, Freshness, Newness, PulledChart, PushedChart, Reach, ReleaseQuestion,
    RepositoryLogin,
};

use crate::Local;
use crate::arguments::{RepoVerb, UNBUILT, Verb};
use crate::error::CliError;
use crate::output::{Answer, View};
use crate::settings::Settings;
use serde_json::Value;
use std::ffi::OsString;

pub(crate) fn run(verb: Verb, settings: &Settings, local: &Local) -> Result<Answer, CliError> {
    match verb {
        Verb::Serve(arguments) => (local.serve)(arguments).map(said_itself),
        Verb::Login(arguments) => login::login(arguments, settings),
        Verb::Logout(arguments) => login::logout(&arguments, settings),
        Verb::Whoami => whoami(settings),
        Verb::Capabilities => capabilities(settings),
        Verb::Repo(RepoVerb::List) => registry::repositories(settings),
        Verb::Tags { repository } => registry::tags(&repository, settings),
        Verb::Tag { reference, new } => registry::tag(&reference, &new, settings),
        Verb::Untag(tag) => registry::untag(&tag, settings),
        Verb::TagHistory(tag) => registry::tag_history(&tag, settings),
        Verb::TagUndo(tag) => registry::tag_undo(&tag, settings),
        Verb::Events(arguments) => events::events(&arguments, settings),
        Verb::Demo(arguments) => (local.demo)(&arguments).map(said_itself),
        Verb::Why(arguments) => why::why(arguments, settings, local),
        Verb::User(verb) => accounts::user(verb, settings),
        Verb::Robot(verb) => accounts::robot(verb, settings),
        Verb::Grant(arguments) => accounts::grant(&arguments, settings),
        Verb::Revoke(arguments) => accounts::revoke(&arguments, settings),
        Verb::Token(verb) => accounts::token(verb, settings),
        Verb::Apply(arguments) => apply::apply(&arguments, settings),
        Verb::Get(arguments) => apply::get(&arguments, settings),
        Verb::Delete(arguments) => apply::delete(&arguments, settings),
        Verb::Gc(arguments) => upkeep::collect(&arguments, settings),
        Verb::Scrub => upkeep::scrub(settings),
        Verb::Backup(arguments) => upkeep::backup(&arguments, settings),
        Verb::Restore(arguments) => upkeep::restore(arguments, local),
        Verb::Audit(verb) => upkeep::audit(&verb, settings),
        Verb::Bases(arguments) => bases::bases(&arguments),
        Verb::Build(arguments) => builds::build(&arguments, settings, local),
        Verb::Calibrate(arguments) => calibrate::calibrate(&arguments, settings, local),
        Verb::Run(arguments) => builds::run(&arguments, settings),
        Verb::Runs(arguments) => builds::runs(&arguments, settings),
        Verb::Logs(arguments) => builds::logs(&arguments, settings),
        Verb::Cancel { run } => builds::cancel(&run, settings),
        Verb::Runner { folder } => (local.runner)(&folder).map(said_itself),
        Verb::Template(arguments) => charts::template(&arguments, settings, local),
        Verb::Explain(arguments) => charts::explain(&arguments, settings, local),
        Verb::Values(verb) => charts::values(&verb, settings, local),
        Verb::Lint(arguments) => charts::lint(&arguments, settings, local),
        Verb::Dependency(verb) => charts::dependency(&verb, settings, local),
        Verb::Verify(arguments) => charts::verify(&arguments),
        Verb::Search(arguments) => charts::search(&arguments, local),
        Verb::Show(verb) => charts::show(&verb, settings, local),
        Verb::Bump(arguments) => charts::bump(&arguments, settings),
        Verb::Package(arguments) => charts::package(&arguments, settings, local),
        Verb::Push(arguments) => charts::push(&arguments, settings, local),
        Verb::Pull(arguments) => charts::pull(&arguments, settings, local),
        Verb::Upgrade(arguments) => charts::upgrade(&arguments, settings, local),
        Verb::Install(arguments) => charts::install(&arguments, settings, local),
        Verb::Status(arguments) => charts::status(&arguments, settings, local),
        Verb::History(arguments) => charts::history(&arguments, settings, local),
        Verb::List(arguments) => charts::list(&arguments, settings, local),
        Verb::Release(verb) => charts::release(&verb, local),
        Verb::Rebase(arguments) => images::rebase(arguments, settings, local),
        Verb::Compare(arguments) => images::compare(arguments, settings, local),
        Verb::Inspect(arguments) => images::inspect(arguments, settings, local),
        Verb::Images(arguments) => patches::images(&arguments, settings),
        Verb::Graph(arguments) => patches::graph(&arguments, settings),
        Verb::Plan(arguments) => patches::plan(&arguments, settings),
        Verb::Patch(arguments) => patches::patch(&arguments, settings),
        Verb::Cascade(verb) => patches::cascade(&verb, settings),
        Verb::Wait(arguments) => patches::wait(&arguments, settings),
        Verb::Watch(arguments) => {
            (local.watch)(arguments, settings.host().as_ref()).map(said_itself)
        }
        Verb::Completions { shell } => Ok(manual::completions(shell)),
        Verb::Man { folder } => manual::pages(&folder),
        Verb::Other(words) => Err(other(&words)),
    }
}

/// The answer of a verb that has printed what there is to say.
fn said_itself((): ()) -> Answer {
    Answer::read(Value::Null, View::Lines(Vec::new()))
}

/// A verb that is not built, or no verb at all.
fn other(words: &[OsString]) -> CliError {
    let word = words
        .first()
        .map(|word| word.to_string_lossy().into_owned())
        .unwrap_or_default();
    if UNBUILT.contains(&word.as_str()) {
        return CliError::unsupported(&format!("`refloat {word}`"));
    }
    CliError::usage(
        format!("`{word}` is not a verb"),
        "see `refloat --help` for the verbs there are",
    )
}

fn whoami(settings: &Settings) -> Result<Answer, CliError> {
    let json = settings.client()?.get("/whoami", &[])?;
    let name = text(&json, "name");
    let view = View::Lines(vec![format!("{name} ({})", text(&json, "kind"))]);
    Ok(Answer::read(json, view).with_brief(vec![name]))
}

fn capabilities(settings: &Settings) -> Result<Answer, CliError> {
    let json = settings.client()?.get("/capabilities", &[])?;
    let lines = json.as_object().into_iter().flatten();
    let lines = lines
        .map(|(key, value)| format!("{key}: {}", words(value)))
        .collect();
    Ok(Answer::read(json, View::Lines(lines)))
}

/// A list as words, anything else as it is.
fn words(value: &Value) -> String {
    match value {
        Value::Array(list) => list.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A field as text; empty if it is absent or null.
fn text(json: &Value, key: &str) -> String {
    match &json[key] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A field that is an instant, as people tell time.
fn when(json: &Value, key: &str) -> String {
    crate::humane::ago(&text(json, key), jiff::Timestamp::now())
}

/// What the server says about whether something changed; a server that does not say has done it.
fn changed(json: &Value) -> bool {
    json["changed"].as_bool().unwrap_or(true)
}

//! What is to be done next about one release, and why not more.

use crate::Deployment;
use refloat_core::{CascadeId, Timestamp};
use refloat_oci::Digest;

/// Where the newest change stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeState {
    /// Begun: its version is taken, its bytes may not be stored yet.
    Making,
    /// Stored and rendered for every environment.
    Made,
    /// It could not be made.
    Failed,
}

/// An environment, and how the newest change fares in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentView {
    /// Its name.
    pub name: String,
    /// The one that must run the change first.
    pub after: Option<String>,
    /// For how long, in seconds.
    pub soak_seconds: u64,
    /// How it stands.
    pub state: Deployment,
}

/// A release as its rows say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseView {
    /// The inputs as they are now, by their digest; or what is missing.
    pub wanted: Result<Digest, String>,
    /// A cascade that may still move one of its lines.
    pub busy: Option<CascadeId>,
    /// The newest change: its inputs and its state.
    pub change: Option<(Digest, ChangeState)>,
    /// The environments of the newest change, in order.
    pub environments: Vec<EnvironmentView>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Begin a change with the inputs as they are.
    Begin,
    /// Go on making the newest change.
    Make,
    /// Bring the newest change into the environment at this place, or go on with it.
    Deploy(usize),
    /// Look again at this time.
    WaitUntil(Timestamp),
    /// Look again when something has happened.
    Nothing,
}

/// Why it is that, and nothing more: a line per thing that waits.
pub type Explanation = Vec<String>;

/// What is to be done next. What was begun is brought to its end first; several images of one cascade make one change.
pub fn due(view: &ReleaseView, now: Timestamp) -> (Step, Explanation) {
    let mut why = Explanation::new();
    let started = |environment: &EnvironmentView| environment.state == Deployment::Started;
    if let Some(place) = view.environments.iter().position(started) {
        return (Step::Deploy(place), why);
    }
    if matches!(view.change, Some((_, ChangeState::Making))) {
        return (Step::Make, why);
    }
    match (&view.wanted, &view.busy) {
        (Err(missing), _) => why.push(missing.clone()),
        (Ok(wanted), busy) => {
            let is_new = view
                .change
                .as_ref()
                .is_none_or(|(inputs, _)| inputs != wanted);
            match busy {
                Some(cascade) if is_new => {
                    why.push(format!("waits for cascade {cascade} to end"));
                }
                None if is_new => return (Step::Begin, why),
                Some(_) | None => {}
            }
        }
    }
    if !matches!(view.change, Some((_, ChangeState::Made))) {
        return (Step::Nothing, why);
    }
    let mut soonest: Option<Timestamp> = None;
    for (place, environment) in view.environments.iter().enumerate() {
        if environment.state != Deployment::Waiting {
            continue;
        }
        match turn(view, environment, now) {
            Turn::Now => return (Step::Deploy(place), why),
            Turn::At(at) => {
                why.push(format!("{} soaks until {at}", environment.name));
                soonest = Some(soonest.map_or(at, |soonest| soonest.min(at)));
            }
            Turn::After(reason) => why.push(format!("{} {reason}", environment.name)),
        }
    }
    (soonest.map_or(Step::Nothing, Step::WaitUntil), why)
}

enum Turn {
    Now,
    At(Timestamp),
    After(String),
}

fn turn(view: &ReleaseView, environment: &EnvironmentView, now: Timestamp) -> Turn {
    let Some(after) = &environment.after else {
        return Turn::Now;
    };
    let before = view.environments.iter().find(|other| other.name == *after);
    match before.map(|before| &before.state) {
        Some(Deployment::Deployed { at, .. }) => {
            let soak = i64::try_from(environment.soak_seconds).unwrap_or(i64::MAX);
            let at = at.plus_seconds(soak);
            if at <= now { Turn::Now } else { Turn::At(at) }
        }
        Some(state) => Turn::After(format!("waits for {after}, which is {}", state.name())),
        None => Turn::After(format!("waits for {after}, which is gone")),
    }
}

/// The environments that come after `failed`, directly or not, and still wait: they stay as they are.
pub fn stopped_by(environments: &[EnvironmentView], failed: &str) -> Vec<String> {
    let mut stopped = vec![failed.to_owned()];
    // `after` names an environment further up, so that one pass finds all.
    for environment in environments {
        let follows = environment
            .after
            .as_ref()
            .is_some_and(|after| stopped.contains(after));
        if follows && environment.state == Deployment::Waiting {
            stopped.push(environment.name.clone());
        }
    }
    stopped.remove(0);
    stopped
}

#[cfg(test)]
mod tests;

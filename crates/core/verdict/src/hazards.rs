//! Hazards H1-H25 on the merged trees. Each file holds those that look at the same thing.
//!
//! Two merged trees are compared: the app on the old base (what works today) and the app on the new base (what would
//! run). What the comparison cannot see is a reason of tier `test`, never silence.

use crate::case::Case;

mod config;
mod directories;
mod effect;
mod files;
mod frameworks;
mod hidden;
pub(crate) mod languages;
mod locales;
mod programs;
mod removed;
mod scope;
mod users;

/// Looks for every hazard.
pub(crate) fn all(case: &mut Case<'_>) {
    files::masked(case);
    files::hardlinks(case);
    directories::attributes(case);
    directories::parents(case);
    directories::implied(case);
    hidden::whiteouts(case);
    removed::removed(case);
    removed::named(case);
    removed::attributes(case);
    locales::asked_for(case);
    users::files_on_both_sides(case);
    users::meanings(case);
    let found = programs::closures(case);
    programs::commands(case, &found);
    programs::added_names(case, &found);
    languages::runtimes(case);
    languages::variables_checked(case);
    effect::effect(case);
    config::beside(case);
    config::another_thing(case);
    config::inherited(case);
    config::history(case);
    config::unreadable(case);
}

//! Entrypoint and command: one unit.

use super::{Conflict, Seam, conflict, non_empty};
use serde_json::Value;

/// The merged pair. Whoever set either half above the seam keeps the pair, and must not have inherited a half that
/// the base changed.
pub(super) fn merge(
    parts: [&Value; 3],
    seam: &Seam,
    conflicts: &mut Vec<Conflict>,
) -> (Option<Value>, Option<Value>) {
    let get = |field: &str| parts.map(|whole| whole.get(field).unwrap_or(&Value::Null));
    let (entrypoints, commands) = (get("Entrypoint"), get("Cmd"));
    let is_own =
        |values: [&Value; 3], is_set: bool| is_set || non_empty(values[0]) != non_empty(values[2]);
    let owns_entrypoint = is_own(entrypoints, seam.sets_entrypoint);
    let owns_command = is_own(commands, seam.sets_command);
    if !owns_entrypoint && !owns_command {
        return (
            non_empty(entrypoints[1]).cloned(),
            non_empty(commands[1]).cloned(),
        );
    }
    for (field, values, is_own) in [
        ("config.Entrypoint", entrypoints, owns_entrypoint),
        ("config.Cmd", commands, owns_command),
    ] {
        // An entrypoint that the app sets resets an inherited command.
        if !is_own && non_empty(values[0]) != non_empty(values[1]) {
            conflicts.push(conflict(field, values));
        }
    }
    (
        non_empty(entrypoints[2]).cloned(),
        non_empty(commands[2]).cloned(),
    )
}

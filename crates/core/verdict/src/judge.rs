//! The order of judging: gates, then every hazard on the merged trees, then the worst reason decides.

use crate::case::Case;
use crate::delta::BaseDelta;
use crate::input::{GraphFacts, ImageFacts, JudgeInput, PlatformName};
use crate::verdict::{Code, Reason, Tier, Verdict};
use crate::{gates, hazards};
use std::collections::BTreeMap;

/// Reasons of one code and tier that are told one by one; the last one says how many more there are.
const REASONS_PER_CODE_MAX: usize = 25;

/// Judges one platform of one image.
pub fn judge(input: &JudgeInput) -> Verdict {
    let delta = BaseDelta::new(&input.old_base, &input.new_base);
    judge_with(&delta, &input.app, &input.platform, &input.graph)
}

/// Judges one dependent; `delta` is shared by all dependents of the two bases.
pub fn judge_with(
    delta: &BaseDelta,
    app: &ImageFacts,
    platform: &PlatformName,
    graph: &GraphFacts,
) -> Verdict {
    let gate = gates::first(delta, app, platform);
    if !gate.is_empty() {
        // Without lineage and layers nothing below means anything.
        let mut reasons = gate;
        reasons.extend(gates::others(delta, app, graph));
        return verdict(reasons, delta);
    }
    if let Some(reason) = gates::no_change(delta) {
        return Verdict {
            tier: Tier::Unchanged,
            reasons: vec![reason],
            packages: Vec::new(),
        };
    }
    let mut reasons = gates::others(delta, app, graph);
    let mut case = Case::new(delta, app);
    hazards::all(&mut case);
    reasons.extend(case.into_reasons());
    verdict(reasons, delta)
}

fn verdict(mut reasons: Vec<Reason>, delta: &BaseDelta) -> Verdict {
    if reasons.is_empty() && delta.is_empty() && gates::has_same_config(delta) {
        reasons.push(Reason::new(
            Code::Same,
            Tier::Proven,
            "no file of the base differs but for times: the lineage stays current, nothing is fixed",
        ));
    }
    // Heaviest first; then by code and path, so that the same inputs give the same bytes.
    reasons.sort_by(|left, right| right.tier.cmp(&left.tier).then_with(|| left.cmp(right)));
    reasons.dedup();
    let tier = reasons
        .iter()
        .map(|reason| reason.tier)
        .max()
        .unwrap_or(Tier::Proven);
    Verdict {
        tier,
        reasons: shortened(reasons),
        packages: delta.packages().to_vec(),
    }
}

fn shortened(reasons: Vec<Reason>) -> Vec<Reason> {
    let mut counts: BTreeMap<(Tier, Code), usize> = BTreeMap::new();
    for reason in &reasons {
        *counts.entry((reason.tier, reason.code)).or_default() += 1;
    }
    let mut told: BTreeMap<(Tier, Code), usize> = BTreeMap::new();
    let mut kept = Vec::new();
    for mut reason in reasons {
        let key = (reason.tier, reason.code);
        let number = told.entry(key).or_default();
        *number += 1;
        if *number > REASONS_PER_CODE_MAX {
            continue;
        }
        let more = counts[&key].saturating_sub(REASONS_PER_CODE_MAX);
        if *number == REASONS_PER_CODE_MAX && more > 0 {
            reason.detail = format!("{} (and {more} more like it)", reason.detail);
        }
        kept.push(reason);
    }
    kept
}

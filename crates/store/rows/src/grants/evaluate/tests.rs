//! What several policies and rules say together.

use super::*;

const OTHER: &str = "prj_00000000000000000000000001";

fn policy(
    project: &str,
    pattern: &str,
    immutable: Option<&[&str]>,
    anonymous: Option<bool>,
) -> PolicyRow {
    PolicyRow {
        project: project.parse().expect("an id"),
        pattern: pattern.parse().expect("a pattern"),
        immutable_tags: immutable
            .map(|rules| rules.iter().map(|rule| (*rule).to_owned()).collect()),
        anonymous_pull: anonymous,
        patch: None,
    }
}

fn judge(policies: &[PolicyRow], repository: &str, owner: &str) -> (usize, bool) {
    let (repository, owner) = (
        repository.parse().expect("a name"),
        owner.parse().expect("an id"),
    );
    let judged = strictest(policies, &repository, &owner).expect("rules");
    (
        judged.immutable_tags.lists().len(),
        judged.anonymous.contains(Action::Pull),
    )
}

#[test]
fn the_strictest_wins_key_by_key() {
    let policies = [
        policy(DEFAULT_PROJECT, "apps/**", Some(&["*"]), Some(true)),
        policy(DEFAULT_PROJECT, "apps/web", Some(&["x"]), None),
        policy(DEFAULT_PROJECT, "apps/secret", None, Some(false)),
        policy(OTHER, "**", None, Some(true)),
    ];
    assert_eq!(
        judge(&policies, "apps/web", DEFAULT_PROJECT),
        (2, true),
        "who says nothing does not forbid"
    );
    assert_eq!(
        judge(&policies, "apps/secret", DEFAULT_PROJECT),
        (1, false),
        "all that speak must agree"
    );
    assert_eq!(
        judge(&policies, "other", DEFAULT_PROJECT),
        (0, false),
        "nobody speaks"
    );
    assert_eq!(
        judge(&policies, "other", OTHER),
        (0, true),
        "a tenant speaks for its own"
    );
    assert_eq!(
        judge(&policies, "apps/secret", OTHER),
        (1, false),
        "`default` reaches all"
    );
}

#[test]
fn rules_reach_their_projects_repositories() {
    let rule = |project: &str, member: bool| RuleRow {
        subject: "usr_x".to_owned(),
        pattern: "**".parse().expect("a pattern"),
        project: project.parse().expect("an id"),
        member,
        actions: Actions::NONE.with(Action::Pull),
    };
    let repository = "apps/web".parse().expect("a name");
    let on = |rule: &RuleRow, owner: &str| {
        !rule
            .on(&repository, &owner.parse().expect("an id"))
            .is_empty()
    };
    assert!(
        on(&rule(DEFAULT_PROJECT, false), OTHER),
        "administrators' grants reach all"
    );
    assert!(
        !on(&rule(DEFAULT_PROJECT, true), OTHER),
        "members of `default` have its own only"
    );
    assert!(on(&rule(OTHER, true), OTHER) && on(&rule(OTHER, false), OTHER));
    assert!(
        !on(&rule(OTHER, false), DEFAULT_PROJECT),
        "a tenant gives nothing of others"
    );
}

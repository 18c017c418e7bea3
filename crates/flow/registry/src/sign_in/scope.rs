//! What a bearer token is asked for: `repository:NAME:pull,push` and `registry:catalog:*`
//! (distribution, docs/spec/auth/scope.md), and how that narrows an account.

use refloat_core::access::Scope;
use refloat_core::{Action, Actions};
use refloat_oci::RepositoryName;
use serde::{Deserialize, Serialize};

/// The most scopes of one token.
pub const SCOPES_MAX: usize = 100;

/// One thing that a token is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Actions on a repository.
    Repository(RepositoryName, Actions),
    /// The list of repositories.
    Catalog,
}

/// An entry of a token's `access` claim (distribution, docs/spec/auth/jwt.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Access {
    pub(super) r#type: String,
    pub(super) name: String,
    pub(super) actions: Vec<String>,
}

impl Asked {
    /// Reads one `scope` parameter, which may hold several scopes separated by spaces. What is not known is left out, as the
    /// protocol wants it: the token then opens less.
    pub fn parse(text: &str) -> Vec<Self> {
        text.split(' ')
            .filter(|word| !word.is_empty())
            .take(SCOPES_MAX)
            .filter_map(one)
            .collect()
    }

    pub(super) fn access(&self) -> Access {
        let (kind, name, actions) = match self {
            Self::Repository(name, actions) => ("repository", name.as_str(), words(*actions)),
            Self::Catalog => ("registry", "catalog", vec!["*".to_owned()]),
        };
        Access {
            r#type: kind.to_owned(),
            name: name.to_owned(),
            actions,
        }
    }

    pub(super) fn from_access(access: &Access) -> Option<Self> {
        resource(
            &access.r#type,
            &access.name,
            access.actions.iter().map(String::as_str),
        )
    }
}

fn one(text: &str) -> Option<Asked> {
    // A name may begin with a host and port, so the actions are what follows the last colon.
    let (kind, rest) = text.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    let kind = kind.split('(').next()?;
    resource(kind, name, actions.split(','))
}

fn resource<'w>(kind: &str, name: &str, actions: impl Iterator<Item = &'w str>) -> Option<Asked> {
    match kind {
        "repository" => Some(Asked::Repository(
            name.parse().ok()?,
            actions.fold(Actions::NONE, with_word),
        )),
        "registry" if name == "catalog" => Some(Asked::Catalog),
        _ => None,
    }
}

/// The protocol's `push` may also move a tag, if the account may; `*` is whatever the account may.
fn with_word(actions: Actions, word: &str) -> Actions {
    match word {
        "*" => Actions::EVERY,
        "push" => actions.with(Action::Push).with(Action::Update),
        _ => Action::ALL
            .into_iter()
            .find(|action| action.name() == word)
            .map_or(actions, |action| actions.with(action)),
    }
}

fn words(actions: Actions) -> Vec<String> {
    if actions == Actions::EVERY {
        return vec!["*".to_owned()];
    }
    actions
        .iter()
        .map(|action| action.name().to_owned())
        .collect()
}

/// The narrowing as principals carry it.
pub(super) fn scopes(asked: &[Asked]) -> Vec<Scope> {
    let scope = |asked: &Asked| match asked {
        Asked::Repository(name, actions) => {
            let pattern = name.as_str().parse().ok()?;
            Some(Scope {
                pattern,
                actions: *actions,
            })
        }
        Asked::Catalog => None,
    };
    asked.iter().filter_map(scope).collect()
}

/// What is within `scopes` and also within the narrowing of the long-lived token that asked for it.
pub(super) fn narrowed(scopes: Vec<Scope>, outer: Option<&[Scope]>) -> Vec<Scope> {
    let Some(outer) = outer else {
        return scopes;
    };
    let within = |scope: Scope| {
        // The patterns of bearer tokens are plain names.
        let name: RepositoryName = scope.pattern.as_str().parse().ok()?;
        let limit = outer
            .iter()
            .filter(|outer| outer.pattern.matches(&name))
            .fold(Actions::NONE, |all, outer| all.union(outer.actions));
        Some(Scope {
            actions: scope.actions.intersection(limit),
            ..scope
        })
    };
    scopes.into_iter().filter_map(within).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(name: &str, actions: &str) -> Asked {
        Asked::Repository(
            name.parse().expect("a name"),
            actions.parse().expect("actions"),
        )
    }

    #[test]
    fn scopes_are_read_as_clients_write_them() {
        assert_eq!(
            Asked::parse("repository:apps/web:pull"),
            [repository("apps/web", "pull")]
        );
        let push = repository("apps/web", "pull,push,update");
        assert_eq!(Asked::parse("repository:apps/web:push,pull"), [push]);
        assert_eq!(
            Asked::parse("repository(plugin):a:pull"),
            [repository("a", "pull")]
        );
        assert_eq!(
            Asked::parse("registry:catalog:*  repository:a:pull"),
            [Asked::Catalog, repository("a", "pull")]
        );
        assert_eq!(
            Asked::parse("repository:a:*"),
            [Asked::Repository(
                "a".parse().expect("a name"),
                Actions::EVERY
            )]
        );
        for ignored in [
            "",
            "x",
            "repository:a",
            "repository:A:pull",
            "registry:other:*",
            "repository:../a:pull",
            "aad:x:y",
        ] {
            assert_eq!(Asked::parse(ignored), [], "{ignored}");
        }
        assert_eq!(
            Asked::parse(&"repository:a:pull ".repeat(1000)).len(),
            SCOPES_MAX
        );
    }

    #[test]
    fn access_claims_round_trip() {
        for asked in Asked::parse(
            "repository:a:pull repository:b:pull,push,delete registry:catalog:* repository:c:*",
        ) {
            assert_eq!(Asked::from_access(&asked.access()), Some(asked));
        }
    }

    #[test]
    fn a_narrow_token_asks_for_no_more_than_it_has() {
        let outer = [Scope {
            pattern: "apps/**".parse().expect("a pattern"),
            actions: Actions::NONE.with(Action::Pull),
        }];
        let asked = scopes(&Asked::parse(
            "repository:apps/web:pull,push repository:other:pull",
        ));
        let within = narrowed(asked, Some(&outer));
        assert_eq!(within[0].actions.to_string(), "pull");
        assert!(within[1].actions.is_empty());
    }
}

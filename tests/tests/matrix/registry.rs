//! The routes of `/v2`.

use anyhow::{Context, Result, ensure};
use http::Method;
use refloat_core::access::Action;
use refloat_registry::{Need, SHAPES};
use refloat_tests::client::Client;
use refloat_tests::content::MANIFEST;
use refloat_tests::http::{Answer, Body};
use refloat_tests::probe::{Image, ask_with, indistinguishable, push_image};

use crate::roles::{Cast, FOREIGN, OWN, Role};

/// A project that nobody made, of a name as long as the others.
const ABSENT: &str = "ghost";

/// The answer to whoever may do it, about something that is there. A route without a row here has no expectation.
const DONE: &[(&str, Method, u16)] = &[
    ("/v2/", Method::GET, 200),
    ("/v2/", Method::HEAD, 200),
    ("/v2/_catalog", Method::GET, 200),
    ("/v2/{name}/tags/list", Method::GET, 200),
    ("/v2/{name}/manifests/{reference}", Method::GET, 200),
    ("/v2/{name}/manifests/{reference}", Method::HEAD, 200),
    ("/v2/{name}/manifests/{reference}", Method::PUT, 201),
    ("/v2/{name}/manifests/{reference}", Method::DELETE, 202),
    ("/v2/{name}/blobs/{digest}", Method::GET, 200),
    ("/v2/{name}/blobs/{digest}", Method::HEAD, 200),
    // The manifest still uses it.
    ("/v2/{name}/blobs/{digest}", Method::DELETE, 405),
    ("/v2/{name}/blobs/uploads/", Method::POST, 202),
    ("/v2/{name}/blobs/uploads/{id}", Method::GET, 204),
    ("/v2/{name}/blobs/uploads/{id}", Method::PATCH, 202),
    ("/v2/{name}/blobs/uploads/{id}", Method::PUT, 201),
    ("/v2/{name}/blobs/uploads/{id}", Method::DELETE, 204),
    ("/v2/{name}/referrers/{digest}", Method::GET, 200),
];

/// How a role proves who it is.
#[derive(Debug, Clone, Copy)]
enum Proof {
    Basic,
    Bearer,
}

/// One route and method.
#[derive(Debug, Clone)]
struct Verb {
    pattern: &'static str,
    method: Method,
    need: Need,
    done: u16,
}

#[test]
fn every_route_of_the_registry_for_everybody() -> Result<()> {
    let cast = Cast::new()?;
    let mut admin = cast.client(Role::Administrator)?;
    for project in [OWN, FOREIGN] {
        push_image(&mut admin, &format!("{project}/boat"), "1", 1)?;
    }
    for verb in verbs()? {
        for role in Role::ALL {
            for proof in [Proof::Basic, Proof::Bearer] {
                check(&cast, &mut admin, &verb, role, proof).with_context(|| {
                    format!(
                        "{} {} by {role:?} with {proof:?}",
                        verb.method, verb.pattern
                    )
                })?;
            }
        }
    }
    Ok(())
}

/// Everything the router has, each with its expectation.
fn verbs() -> Result<Vec<Verb>> {
    let mut verbs = Vec::new();
    for shape in SHAPES {
        for (method, need) in shape.methods {
            let row = DONE
                .iter()
                .find(|(pattern, known, _)| *pattern == shape.pattern && known == method);
            let done = row
                .with_context(|| format!("{method} {} has no expectation", shape.pattern))?
                .2;
            verbs.push(Verb {
                pattern: shape.pattern,
                method: method.clone(),
                need: *need,
                done,
            });
        }
    }
    ensure!(
        verbs.len() == DONE.len(),
        "an expectation for a route that is gone"
    );
    Ok(verbs)
}

fn check(cast: &Cast, admin: &mut Client, verb: &Verb, role: Role, proof: Proof) -> Result<()> {
    let Some(action) = verb.need.action() else {
        return listed(cast, verb, role, proof);
    };
    let mut answers = Vec::new();
    for project in [OWN, FOREIGN, ABSENT] {
        let repository = format!("{project}/boat");
        let there = (project != ABSENT)
            .then(|| push_image(admin, &repository, "1", 1))
            .transpose()?;
        let asked = Asked {
            cast,
            role,
            proof,
            repository: &repository,
        };
        let answer = asked.send(admin, verb, there.as_ref())?;
        let expected = expected(role, project, action, verb, there.is_some());
        ensure!(
            expected.contains(&answer.status),
            "{repository}: {} instead of {expected:?}: {}",
            answer.status,
            answer.text()
        );
        answers.push((repository, answer));
    }
    let [(_, _), (foreign, forbidden), (absent, not_there)] = &answers[..] else {
        return Ok(());
    };
    if role.may(FOREIGN).is_empty() {
        indistinguishable((not_there, absent), (forbidden, foreign))?;
    }
    Ok(())
}

/// The rules: anonymous without access 401; signed in without pull 404; with pull, without the action 403; the same
/// for absent.
fn expected(role: Role, project: &str, action: Action, verb: &Verb, there: bool) -> Vec<u16> {
    let may = role.may(project);
    let sees = may.contains(Action::Pull);
    if role == Role::Anonymous && !sees {
        return vec![401];
    }
    if sees && !may.contains(action) {
        return vec![403];
    }
    let made = verb.pattern.ends_with("/uploads/");
    // By the specification nothing refers to what is not there.
    let listed = verb.pattern.contains("referrers");
    if sees && (there || made || listed) {
        return vec![verb.done];
    }
    // A manifest over nothing cannot be, and whoever may push may know it.
    let over_nothing = sees && verb.method == Method::PUT;
    if over_nothing {
        vec![400, 404]
    } else {
        vec![404]
    }
}

/// The routes that are about no repository.
fn listed(cast: &Cast, verb: &Verb, role: Role, proof: Proof) -> Result<()> {
    let mut client = match proof {
        Proof::Basic => cast.client(role)?,
        // These routes have scopes of their own; the registry's tests cover them.
        Proof::Bearer => return Ok(()),
    };
    let answer = ask_with(
        &mut client,
        verb.method.as_str(),
        verb.pattern,
        &[],
        Body::Empty,
    )?;
    let expected = if role == Role::Anonymous {
        401
    } else {
        verb.done
    };
    ensure!(
        answer.status == expected,
        "{} instead of {expected}: {}",
        answer.status,
        answer.text()
    );
    if verb.need == Need::Catalog && role != Role::Anonymous {
        let seen = client.catalog()?;
        for project in [OWN, FOREIGN] {
            let may = role.may(project).contains(Action::Pull);
            let sees = seen.iter().any(|name| name.starts_with(project));
            ensure!(sees == may, "sees {seen:?}");
        }
    }
    Ok(())
}

/// One request of a role about a repository.
struct Asked<'a> {
    cast: &'a Cast,
    role: Role,
    proof: Proof,
    repository: &'a str,
}

impl Asked<'_> {
    fn send(&self, admin: &mut Client, verb: &Verb, there: Option<&Image>) -> Result<Answer> {
        let image = match there {
            Some(image) => image.clone(),
            // The same digests, so that answers about the absent repository can be compared.
            None => push_image(admin, &format!("{OWN}/boat"), "1", 1)?,
        };
        let token = match self.proof {
            Proof::Basic => None,
            Proof::Bearer => Some(format!(
                "Bearer {}",
                self.cast.token(self.role, self.repository)?
            )),
        };
        let mut client = match self.proof {
            Proof::Basic => self.cast.client(self.role)?,
            Proof::Bearer => self.cast.site.anonymous()?,
        };
        let proof: Vec<_> = token
            .iter()
            .map(|token| ("Authorization", token.as_str()))
            .collect();
        let target = self.target(&mut client, &proof, verb, &image)?;
        let kind = if verb.pattern.contains("manifests") {
            MANIFEST
        } else {
            "application/octet-stream"
        };
        let headers = [&proof[..], &[("Content-Type", kind)]].concat();
        let body = match (verb.method.as_str(), verb.pattern.contains("manifests")) {
            ("PUT", true) => Body::Whole(&image.manifest.blob.bytes),
            ("PUT" | "PATCH", false) => Body::Whole(&image.layer.bytes),
            _ => Body::Empty,
        };
        let answer = ask_with(&mut client, verb.method.as_str(), &target, &headers, body)?;
        if verb.method == Method::DELETE && answer.status == 202 {
            // The next one finds it there again.
            push_image(admin, self.repository, "1", 1)?;
        }
        Ok(answer)
    }

    fn target(
        &self,
        client: &mut Client,
        proof: &[(&str, &str)],
        verb: &Verb,
        image: &Image,
    ) -> Result<String> {
        let pattern = verb.pattern.replace("{name}", self.repository);
        let pattern = pattern.replace("{reference}", image.digest());
        if !pattern.contains("{id}") {
            let digest = if pattern.contains("blobs") {
                &image.layer.digest
            } else {
                image.digest()
            };
            return Ok(pattern.replace("{digest}", digest));
        }
        // An upload of the asker's own, where it may begin one; otherwise of an id that was never given.
        let begin = format!("/v2/{}/blobs/uploads/", self.repository);
        let there = !self.repository.starts_with(ABSENT);
        let begun = if there {
            ask_with(client, "POST", &begin, proof, Body::Empty)?
        } else {
            Answer::default()
        };
        let location = match begun.header("location") {
            Some(location) => location
                .strip_prefix(self.cast.site.server().url())
                .unwrap_or(location)
                .to_owned(),
            None => pattern.replace("{id}", "upl_01arz3ndektsv4rrffq69g5fav"),
        };
        let joint = if location.contains('?') { '&' } else { '?' };
        Ok(if verb.method == Method::PUT {
            format!("{location}{joint}digest={}", image.layer.digest)
        } else {
            location
        })
    }
}

//! The routes of `/api/v1`.

use anyhow::{Context, Result, ensure};
use refloat_api::{ROUTES, Right, Route};
use refloat_core::access::Action;
use refloat_tests::client::Client;
use refloat_tests::content::{Blob, Content, Manifest};
use refloat_tests::http::{Answer, Body};
use refloat_tests::probe::{ask_with, indistinguishable, push_image};
use serde_json::{Value, json};

use crate::roles::{Cast, FOREIGN, OWN, Role};

/// A project that nobody made, of a name as long as the others.
const ABSENT: &str = "ghost";

#[test]
fn every_route_of_the_api_for_everybody() -> Result<()> {
    let cast = Cast::new()?;
    let mut admin = cast.client(Role::Administrator)?;
    for project in [OWN, FOREIGN] {
        push_image(&mut admin, &format!("{project}/boat"), "1", 1)?;
        push_image(&mut admin, &format!("{project}/boat"), "moved", 1)?;
        push_image(&mut admin, &format!("{project}/boat"), "moved", 2)?;
    }
    for route in ROUTES {
        for role in Role::ALL {
            check(&cast, &mut admin, route, role)
                .with_context(|| format!("{} {} by {role:?}", route.method, route.path))?;
        }
    }
    Ok(())
}

fn check(cast: &Cast, admin: &mut Client, route: &Route, role: Role) -> Result<()> {
    let mut answers = Vec::new();
    for project in [OWN, FOREIGN, ABSENT] {
        if project != ABSENT {
            prepare(admin, route, project)?;
        }
        let answer = send(cast, admin, route, role, project)?;
        expect(route, role, project, &answer)
            .with_context(|| format!("about {project}: {} {}", answer.status, answer.text()))?;
        answers.push((project, answer));
    }
    let [_, (foreign, forbidden), (absent, not_there)] = &answers[..] else {
        return Ok(());
    };
    // Lists of what is visible and things of the caller's own are about no project.
    let about_a_project = !matches!(
        route.right,
        Right::Open | Right::SignedIn | Right::Visible | Right::Touched
    );
    if about_a_project && role.may(FOREIGN).is_empty() {
        indistinguishable((not_there, absent), (forbidden, foreign))?;
    }
    Ok(())
}

/// What the rules promise; nothing is left open.
fn expect(route: &Route, role: Role, project: &str, answer: &Answer) -> Result<()> {
    let may = role.may(project);
    let done = (200..300).contains(&answer.status);
    match route.right {
        Right::Open => ensure!(done, "open to all"),
        Right::Visible => ensure!(
            done && sees_only_its_own(role, answer),
            "shows what may not be seen"
        ),
        Right::Touched => ensure!(
            (done || answer.status == 404) && sees_only_its_own(role, answer),
            "shows what may not be seen"
        ),
        _ if role == Role::Anonymous => ensure!(answer.status == 401, "nobody signed in"),
        Right::SignedIn => ensure!(done, "about the caller itself"),
        Right::Administrator if role == Role::Administrator => {
            ensure!(done || project == ABSENT, "an administrator");
        }
        Right::Administrator => ensure!(matches!(answer.status, 403 | 404), "no administrator"),
        Right::Project if may.contains(Action::Admin) => {
            ensure!(
                done || (project == ABSENT && answer.status == 404),
                "administers the project"
            );
        }
        Right::Project => ensure!(
            matches!(answer.status, 403 | 404),
            "does not administer the project"
        ),
        Right::Repository(action) => match (may.contains(Action::Pull), may.contains(action)) {
            (false, _) => ensure!(answer.status == 404, "may not pull"),
            (true, false) => ensure!(answer.status == 403, "may pull and no more"),
            (true, true) if project == ABSENT => ensure!(answer.status == 404, "it is not there"),
            (true, true) => ensure!(done, "may do it"),
        },
    }
    Ok(())
}

fn sees_only_its_own(role: Role, answer: &Answer) -> bool {
    let text = String::from_utf8_lossy(&answer.body);
    [OWN, FOREIGN].iter().all(|project| {
        role.may(project).contains(Action::Pull) || !text.contains(&format!("{project}/boat"))
    })
}

/// Makes what the route is about, where an earlier case took it away. What is there already is no error.
fn prepare(admin: &mut Client, route: &Route, project: &str) -> Result<()> {
    let repository = format!("{project}/boat");
    match route.path {
        "/tags" => drop(push_image(admin, &repository, "victim", 1)?),
        "/tags/undo" => {
            push_image(admin, &repository, "moved", 1)?;
            push_image(admin, &repository, "moved", 2)?;
        }
        "/robots/{name}" => make(
            admin,
            "/robots",
            &json!({ "name": format!("{project}-rower"), "project": project }),
        )?,
        "/users/{name}" => make(
            admin,
            "/users",
            &json!({ "name": format!("{project}-user"), "password": "a-long-password-x7", "administrator": false }),
        )?,
        "/documents" => make(
            admin,
            "/documents",
            &json!({ "documents": [policy(project)] }),
        )?,
        "/releases/{name}" | "/releases/{name}/history" => make(
            admin,
            "/documents",
            &json!({ "documents": [release(project)] }),
        )?,
        "/upstreams" | "/upstreams/{name}/sweep" => make(
            admin,
            "/documents",
            &json!({ "documents": [upstream(project)] }),
        )?,
        "/grants/revoke" => make(admin, "/grants", &grant(project))?,
        path if path.starts_with("/runs") => {
            make(
                admin,
                "/documents",
                &json!({ "documents": [task(project)] }),
            )?;
        }
        _ => {}
    }
    Ok(())
}

fn make(admin: &mut Client, path: &str, body: &Value) -> Result<()> {
    let answer = post(admin, &format!("/api/v1{path}"), body)?;
    ensure!(
        answer.status < 300 || answer.status == 409,
        "{path}: {} {}",
        answer.status,
        answer.text()
    );
    Ok(())
}

fn post(client: &mut Client, target: &str, body: &Value) -> Result<Answer> {
    ask_with(
        client,
        "POST",
        target,
        &[("Content-Type", "application/json")],
        Body::Whole(body.to_string().as_bytes()),
    )
}

fn policy(project: &str) -> Value {
    json!({ "apiVersion": "refloat/v1", "kind": "RepositoryPolicy", "project": project, "match": format!("{project}/locked"), "immutable_tags": ["v*"] })
}

fn release(project: &str) -> Value {
    json!({
        "apiVersion": "refloat/v1", "kind": "Release", "project": project, "name": format!("{project}-release"),
        "chart": format!("{project}/chart:1.0.0"), "publish": format!("{project}/chart"),
        "environments": [{ "name": "staging", "target": { "folder": "out" } }],
    })
}

/// A task that fails at once: there is no such source.
fn task(project: &str) -> Value {
    json!({ "apiVersion": "refloat/v1", "kind": "Task", "project": project, "name": "matrix", "image": format!("{project}/built"), "source": { "git": "/nonexistent/source" } })
}

/// A run of the project that exists; of a project that does not, one of a well-formed id.
fn a_run(admin: &mut Client, project: &str) -> Result<String> {
    let asked = json!({ "task": "matrix", "project": project });
    let begun = post(admin, "/api/v1/runs", &asked)?;
    let begun: Value = serde_json::from_slice(&begun.body)?;
    let id = begun["id"].as_str();
    Ok(id.unwrap_or("run_01arz3ndektsv4rrffq69g5fav").to_owned())
}

fn grant(project: &str) -> Value {
    json!({ "subject": "stranger", "actions": "clear", "pattern": format!("{project}/elsewhere"), "project": project })
}

/// The request of a role about a project. A route without a line here has no expectation.
fn send(
    cast: &Cast,
    admin: &mut Client,
    route: &Route,
    role: Role,
    project: &str,
) -> Result<Answer> {
    let mut client = cast.client(role)?;
    let repository = format!("{project}/boat");
    let fresh = format!("{project}-{role:?}").to_lowercase();
    let about = format!("project={project}");
    let own = cast.account(role);
    let none = Value::Null;
    let (target, body) = match (route.method.as_str(), route.path) {
        (
            "GET",
            "/capabilities" | "/openapi.json" | "/whoami" | "/repositories" | "/users" | "/tokens"
            | "/events" | "/audit/verify" | "/images" | "/graph" | "/cascades",
        ) => (route.path.to_owned(), none),
        ("GET", "/why") => (
            format!("/why?repository={repository}&tag=1&direction=forwards"),
            none,
        ),
        ("GET", "/tags") => (format!("/tags?repository={repository}"), none),
        ("POST", "/tags") => (
            route.path.to_owned(),
            json!({ "repository": repository, "from": "1", "tag": format!("new-{role:?}") }),
        ),
        ("DELETE", "/tags") => (format!("/tags?repository={repository}&tag=victim"), none),
        ("GET", "/tags/history") => (format!("/tags/history?repository={repository}&tag=1"), none),
        ("POST", "/tags/undo") => (
            route.path.to_owned(),
            json!({ "repository": repository, "tag": "moved" }),
        ),
        ("POST", "/users") => (
            route.path.to_owned(),
            json!({ "name": fresh, "password": "a-long-password-x7", "administrator": false }),
        ),
        ("DELETE", "/users/{name}") => (format!("/users/{project}-user"), none),
        ("POST", "/users/{name}/password") => match own {
            // A robot has no password to set: it asks about a user that it is not, as nobody does.
            Some(own) if role != Role::PullRobot => (
                format!("/users/{}/password", own.name),
                json!({ "password": own.secret }),
            ),
            _ => return robots_have_no_password(cast, &mut client, role),
        },
        ("GET", "/documents") => (format!("/documents?kind=RepositoryPolicy&{about}"), none),
        ("GET", "/releases/{name}") => (format!("/releases/{project}-release?{about}"), none),
        ("GET", "/releases/{name}/history") => {
            (format!("/releases/{project}-release/history?{about}"), none)
        }
        ("GET", "/robots" | "/grants" | "/releases") => (format!("{}?{about}", route.path), none),
        ("POST", "/robots") => (
            route.path.to_owned(),
            json!({ "name": format!("r-{fresh}"), "project": project }),
        ),
        ("DELETE", "/robots/{name}") => (format!("/robots/{project}-rower"), none),
        ("POST", "/tokens") => (route.path.to_owned(), json!({ "label": project })),
        ("DELETE", "/tokens/{id}") => (format!("/tokens/{}", own_token(&mut client, role)?), none),
        ("POST", "/grants" | "/grants/revoke") => (route.path.to_owned(), grant(project)),
        ("POST", "/documents") => (
            route.path.to_owned(),
            json!({ "documents": [policy(project)] }),
        ),
        ("DELETE", "/documents") => (
            format!("/documents?kind=RepositoryPolicy&name={project}/locked&{about}"),
            none,
        ),
        ("GET", "/runs") => (format!("/runs?{about}"), none),
        ("POST", "/runs") => (
            route.path.to_owned(),
            json!({ "task": "matrix", "project": project }),
        ),
        ("GET", "/runs/{id}") => (format!("/runs/{}?{about}", a_run(admin, project)?), none),
        ("GET", "/runs/{id}/log") => (
            format!("/runs/{}/log?{about}", a_run(admin, project)?),
            none,
        ),
        ("POST", "/runs/{id}/cancel") => (
            format!("/runs/{}/cancel", a_run(admin, project)?),
            json!({ "project": project }),
        ),
        ("GET", "/upstreams") => (format!("/upstreams?{about}"), none),
        ("POST", "/upstreams/{name}/sweep") => (
            format!("/upstreams/{project}-upstream/sweep"),
            json!({ "project": project }),
        ),
        ("POST", "/plans") => (
            route.path.to_owned(),
            json!({ "base": watched(admin, &repository)? }),
        ),
        ("GET", "/cascades/{id}") => (format!("/cascades/{}", a_cascade(admin)?), none),
        ("POST", "/cascades/{id}") => (
            format!("/cascades/{}", a_cascade(admin)?),
            json!({ "action": "retry" }),
        ),
        ("GET", "/jobs/{id}") => (format!("/jobs/{}", job(admin)?), none),
        ("POST", "/gc" | "/scrub" | "/patches") => (route.path.to_owned(), json!({})),
        ("POST", "/backups") => (route.path.to_owned(), json!({ "name": fresh })),
        (method, path) => anyhow::bail!("{method} {path} has no expectation"),
    };
    let target = format!("/api/v1{target}");
    if body.is_null() {
        return ask_with(
            &mut client,
            route.method.as_str(),
            &target,
            &[],
            Body::Empty,
        );
    }
    post(&mut client, &target, &body)
}

/// An upstream where nobody answers.
fn upstream(project: &str) -> Value {
    json!({ "apiVersion": "refloat/v1", "kind": "Upstream", "project": project, "name": format!("{project}-upstream"), "registry": "127.0.0.1:1", "watch": ["os/base:1"], "every": "7d" })
}

/// A tag of the repository that the server has looked at by now.
fn watched(admin: &mut Client, repository: &str) -> Result<String> {
    if repository.starts_with(ABSENT) {
        return Ok(format!("{repository}:based"));
    }
    let layer = Content::new(7, 3000).blob();
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [layer.digest] },
    });
    let config = Blob::of(config.to_string());
    admin.push_blob(repository, &layer.digest, &layer.bytes)?;
    admin.push_blob(repository, &config.digest, &config.bytes)?;
    let manifest = Manifest::image(&config, std::slice::from_ref(&layer), "based");
    admin.put_manifest(repository, "based", &manifest)?;
    let base = format!("{repository}:based");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let plan = post(admin, "/api/v1/plans", &json!({ "base": base }))?;
        if plan.status < 300 {
            return Ok(base);
        }
        ensure!(
            std::time::Instant::now() < until,
            "{} {}",
            plan.status,
            plan.text()
        );
    }
}

/// A cascade that exists: of a plan that reaches nothing.
fn a_cascade(admin: &mut Client) -> Result<String> {
    let base = watched(admin, &format!("{OWN}/boat"))?;
    let plan = post(admin, "/api/v1/plans", &json!({ "base": base }))?;
    let plan: Value = serde_json::from_slice(&plan.body)?;
    let begun = post(admin, "/api/v1/patches", &json!({ "plan": plan["id"] }))?;
    let begun: Value = serde_json::from_slice(&begun.body)?;
    let id = begun["cascades"][0].as_str();
    let id = id
        .with_context(|| format!("no cascade in {begun}"))?
        .to_owned();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let shown = ask_with(
            admin,
            "GET",
            &format!("/api/v1/cascades/{id}"),
            &[],
            Body::Empty,
        )?;
        let shown: Value = serde_json::from_slice(&shown.body)?;
        if shown["state"] == "finished" || shown["state"] == "running" {
            return Ok(id);
        }
        ensure!(std::time::Instant::now() < until, "{shown}");
    }
}

/// A job that exists.
fn job(admin: &mut Client) -> Result<String> {
    let begun = post(admin, "/api/v1/gc", &json!({}))?;
    let begun: Value = serde_json::from_slice(&begun.body)?;
    Ok(begun["job"]
        .as_str()
        .with_context(|| format!("no job in {begun}"))?
        .to_owned())
}

fn own_token(client: &mut Client, role: Role) -> Result<String> {
    if role == Role::Anonymous {
        return Ok("tok_01arz3ndektsv4rrffq69g5fav".to_owned());
    }
    let made = post(
        client,
        "/api/v1/tokens",
        &json!({ "label": "to be revoked" }),
    )?;
    let made: Value = serde_json::from_slice(&made.body)?;
    Ok(made["id"]
        .as_str()
        .with_context(|| format!("no id in {made}"))?
        .to_owned())
}

/// Nobody and robots: refused about others, and there is nothing of their own.
fn robots_have_no_password(cast: &Cast, client: &mut Client, role: Role) -> Result<Answer> {
    let others = post(
        client,
        "/api/v1/users/puller/password",
        &json!({ "password": "a-long-password-x7" }),
    )?;
    let absent = post(
        client,
        "/api/v1/users/nobody/password",
        &json!({ "password": "a-long-password-x7" }),
    )?;
    indistinguishable((&absent, "nobody"), (&others, "puller"))?;
    ensure!(
        matches!(others.status, 401 | 403 | 404),
        "{} {}",
        others.status,
        others.text()
    );
    if role == Role::Anonymous {
        return Ok(others);
    }
    // It stands in the table for whoever is signed in: the robot's question about itself is one of those.
    ask_with(
        &mut cast.client(role)?,
        "GET",
        "/api/v1/whoami",
        &[],
        Body::Empty,
    )
}

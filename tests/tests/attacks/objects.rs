use anyhow::{Context, Result, ensure};
use refloat_tests::client::Client;
use refloat_tests::http::{Answer, Body};
use refloat_tests::probe::{ask, ask_with, indistinguishable, push_image};
use refloat_tests::site::Site;
use serde_json::{Value, json};

use crate::scene::Scene;

/// Two projects of names as long, with things of the same kinds in them.
const PROJECTS: &str = "apiVersion: refloat/v1
kind: Project
name: mine
prefixes: [alice]
members: { alice: admin }
---
apiVersion: refloat/v1
kind: Project
name: hers
prefixes: [bobby]
members: { bobby: admin }
";

/// Whoever administers one project finds nothing of another behind any id (Harbor CVE-2022-31666 to 31671,
/// CVE-2019-16097, CVE-2024-22278).
#[test]
fn class_03_objects_of_foreign_projects() -> Result<()> {
    let scene = Scene::new()?;
    scene.site.apply(PROJECTS)?;
    let (mut alice, mut bob) = scene.clients()?;
    push_image(&mut bob, "bobby/boat", "1", 1)?;
    let token = furnish(&scene.site, &mut bob)?;

    let long = "a-password-of-an-attacker";
    let tries: Vec<(&str, String, Value)> = vec![
        ("DELETE", "/robots/hers-rower".into(), Value::Null),
        ("GET", "/robots?project=hers".into(), Value::Null),
        (
            "POST",
            "/robots".into(),
            json!({ "name": "spy-hers", "project": "hers" }),
        ),
        ("GET", "/grants?project=hers".into(), Value::Null),
        (
            "POST",
            "/grants".into(),
            json!({ "subject": "alice", "actions": "pull", "pattern": "bobby/**" }),
        ),
        (
            "POST",
            "/grants".into(),
            json!({ "subject": "alice", "actions": "pull", "pattern": "**" }),
        ),
        (
            "POST",
            "/grants".into(),
            json!({ "subject": "alice", "actions": "pull", "pattern": "bobb*/**" }),
        ),
        (
            "POST",
            "/grants".into(),
            json!({ "subject": "anonymous", "actions": "pull", "pattern": "*/boat" }),
        ),
        (
            "POST",
            "/grants/revoke".into(),
            json!({ "subject": "bobby", "pattern": "bobby/**" }),
        ),
        (
            "GET",
            "/documents?kind=RepositoryPolicy&project=hers".into(),
            Value::Null,
        ),
        (
            "GET",
            "/documents?kind=Credential&name=hub&project=hers".into(),
            Value::Null,
        ),
        (
            "DELETE",
            "/documents?kind=Credential&name=hub&project=hers".into(),
            Value::Null,
        ),
        (
            "DELETE",
            "/documents?kind=Project&name=hers".into(),
            Value::Null,
        ),
        (
            "POST",
            "/documents".into(),
            documents(
                &json!({ "kind": "Project", "name": "hers", "prefixes": ["bobby"], "members": { "alice": "admin" } }),
            ),
        ),
        (
            "POST",
            "/documents".into(),
            documents(
                &json!({ "kind": "Project", "name": "mine", "prefixes": ["alice", "bobby"], "members": { "alice": "admin" } }),
            ),
        ),
        (
            "POST",
            "/documents".into(),
            documents(
                &json!({ "kind": "Project", "name": "mine", "prefixes": ["alice", "bobby/boat"], "members": { "alice": "admin" } }),
            ),
        ),
        (
            "POST",
            "/documents".into(),
            documents(
                &json!({ "kind": "RepositoryPolicy", "match": "bobby/**", "anonymous_pull": true }),
            ),
        ),
        (
            "POST",
            "/documents".into(),
            documents(
                &json!({ "kind": "RepositoryPolicy", "project": "mine", "match": "**", "anonymous_pull": true }),
            ),
        ),
        (
            "POST",
            "/documents".into(),
            documents(
                &json!({ "kind": "RepositoryPolicy", "project": "hers", "match": "bobby/**", "anonymous_pull": true }),
            ),
        ),
        ("DELETE", format!("/tokens/{token}"), Value::Null),
        (
            "POST",
            "/users/bobby/password".into(),
            json!({ "password": long }),
        ),
        (
            "POST",
            "/users/admin/password".into(),
            json!({ "password": long }),
        ),
        ("DELETE", "/users/bobby".into(), Value::Null),
        (
            "POST",
            "/users".into(),
            json!({ "name": "mallory", "password": long, "administrator": true }),
        ),
    ];
    for (method, path, body) in tries {
        let answer = call(&mut alice, method, &path, &body)?;
        let what = format!("{method} {path} {body}");
        // A pattern or policy may be taken where it counts in one's own project alone: what it opened is checked below.
        ensure!(
            (400..500).contains(&answer.status)
                || body.to_string().contains("**")
                || path.starts_with("/grants"),
            "{what}: {} {}",
            answer.status,
            answer.text()
        );
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(
            !said.contains("bobby/locked") && !said.contains("the-docker-hub-user"),
            "{what} tells: {said}"
        );
    }
    for (method, foreign, absent) in [
        ("DELETE", "/robots/hers-rower", "/robots/none-rower"),
        ("GET", "/robots?project=hers", "/robots?project=none"),
        ("GET", "/grants?project=hers", "/grants?project=none"),
        (
            "GET",
            "/documents?kind=Credential&name=hub&project=hers",
            "/documents?kind=Credential&name=hub&project=none",
        ),
        (
            "DELETE",
            "/documents?kind=Credential&name=hub&project=hers",
            "/documents?kind=Credential&name=hub&project=none",
        ),
    ] {
        let (forbidden, missing) = (
            call(&mut alice, method, foreign, &Value::Null)?,
            call(&mut alice, method, absent, &Value::Null)?,
        );
        indistinguishable((&missing, "none"), (&forbidden, "hers"))?;
    }
    unharmed(&scene, &mut alice, &mut bob)
}

/// A robot, a policy, a credential and a token in bob's project; the token's id.
fn furnish(site: &Site, bob: &mut Client) -> Result<String> {
    let robot = call(
        bob,
        "POST",
        "/robots",
        &json!({ "name": "hers-rower", "project": "hers" }),
    )?;
    ensure!(robot.status < 300, "{} {}", robot.status, robot.text());
    site.apply(
        "apiVersion: refloat/v1\nkind: RepositoryPolicy\nproject: hers\nmatch: bobby/locked\nimmutable_tags: [\"*\"]\n---\n\
         apiVersion: refloat/v1\nkind: Credential\nproject: hers\nname: hub\nfor: docker.io\nusername: the-docker-hub-user\npassword: x\n",
    )?;
    let token = call(bob, "POST", "/tokens", &json!({ "label": "mine" }))?;
    let token: Value = serde_json::from_slice(&token.body)?;
    Ok(token["id"].as_str().context("no id")?.to_owned())
}

fn documents(document: &Value) -> Value {
    let mut document = document.clone();
    document["apiVersion"] = json!("refloat/v1");
    json!({ "documents": [document] })
}

fn call(client: &mut Client, method: &str, path: &str, body: &Value) -> Result<Answer> {
    let text = body.to_string();
    let body = if body.is_null() {
        Body::Empty
    } else {
        Body::Whole(text.as_bytes())
    };
    ask_with(
        client,
        method,
        &format!("/api/v1{path}"),
        &[("Content-Type", "application/json")],
        body,
    )
}

/// Bob has all that he had, and alice and nobody have nothing of it.
fn unharmed(scene: &Scene, alice: &mut Client, bob: &mut Client) -> Result<()> {
    ensure!(
        ask(alice, "GET", "/v2/bobby/boat/tags/list")?.status == 404,
        "alice may pull from him"
    );
    ensure!(
        ask(
            &mut scene.site.anonymous()?,
            "GET",
            "/v2/bobby/boat/tags/list"
        )?
        .status
            == 401,
        "everybody may pull from him"
    );
    push_image(bob, "bobby/boat", "2", 2)?;
    ensure!(bob.pull("bobby/boat", "1")?.is_some() && bob.pull("bobby/boat", "2")?.is_some());
    let robots = call(bob, "GET", "/robots?project=hers", &Value::Null)?;
    ensure!(
        robots.text().contains("hers-rower") && !robots.text().contains("spy"),
        "{}",
        robots.text()
    );
    let tokens = call(bob, "GET", "/tokens", &Value::Null)?;
    ensure!(
        tokens.text().contains("mine"),
        "his token is gone: {}",
        tokens.text()
    );
    let mut admin = scene.site.client(&scene.site.admin()?)?;
    let projects = call(
        &mut admin,
        "GET",
        "/documents?kind=Project&name=hers",
        &Value::Null,
    )?;
    ensure!(
        projects.text().contains("bobby") && !projects.text().contains("alice"),
        "{}",
        projects.text()
    );
    let credentials = call(
        &mut admin,
        "GET",
        "/documents?kind=Credential&project=hers",
        &Value::Null,
    )?;
    ensure!(credentials.text().contains("hub"), "{}", credentials.text());
    let users = call(&mut admin, "GET", "/users", &Value::Null)?;
    ensure!(!users.text().contains("mallory"), "{}", users.text());
    Ok(())
}

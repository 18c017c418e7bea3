use super::*;
use crate::error::Problem;
use crate::value::{ValueSource, resolve};

fn read(text: &str) -> Result<Vec<Document>, DocumentError> {
    read_documents(Node::read_yaml(text)?)
}

const ALL: &str = r#"
apiVersion: refloat/v1
kind: Project
name: payments
prefixes: [payments, shop/checkout]
members: { alice: admin, team-payments: push }
---
apiVersion: refloat/v1
kind: Credential
project: payments
name: hub
for: docker.io
username: robot
password: "0123"
---
# a comment
apiVersion: refloat/v1
kind: RepositoryPolicy
match: "apps/**"
quarantine: off
immutable_tags: ["*", "!latest"]
anonymous_pull: false
"#;

#[test]
fn reads_several_documents_of_a_file() {
    let documents = read(ALL).expect("three documents");
    let names: Vec<_> = documents
        .iter()
        .map(|document| (document.kind().name(), document.name(), document.line))
        .collect();
    assert_eq!(
        names,
        [
            ("Project", "payments", 2),
            ("Credential", "hub", 8),
            ("RepositoryPolicy", "apps/**", 17)
        ]
    );
    assert_eq!(documents[1].project.as_deref(), Some("payments"));
    assert_eq!(
        documents[0].to_json().to_string(),
        r#"{"apiVersion":"refloat/v1","kind":"Project","name":"payments","prefixes":["payments","shop/checkout"],"members":{"alice":"admin","team-payments":"pull,push"}}"#
    );
    assert_eq!(
        documents[2].to_json().to_string(),
        r#"{"apiVersion":"refloat/v1","kind":"RepositoryPolicy","match":"apps/**","immutable_tags":["*","!latest"],"anonymous_pull":false,"quarantine":"off"}"#
    );
}

#[test]
fn json_reads_the_same() {
    for document in read(ALL).expect("documents") {
        if document.kind() != DocumentKind::Credential {
            let again = Document::read(Node::from_json(document.to_json())).expect("its own form");
            assert_eq!(again.to_json(), document.to_json());
        }
    }
}

#[test]
fn secrets_are_not_printed() {
    let documents = read(ALL).expect("documents");
    let DocumentBody::Credential(credential) = &documents[1].body else {
        panic!("a credential")
    };
    assert_eq!(credential.secret.expose(), "0123");
    let printed = format!(
        "{:?} {} {:?}",
        documents,
        documents[1].to_json(),
        Node::read_yaml(ALL)
    );
    assert!(!printed.contains("0123"), "{printed}");
}

#[test]
fn errors_name_the_line() {
    // document, line, invalid or unsupported, a part of the message
    let head = "apiVersion: refloat/v1\nkind: ";
    let cases: &[(&str, u64, Problem, &str)] = &[
        (
            "kind: Project\nname: x\n",
            1,
            Problem::Invalid,
            "no `apiVersion`",
        ),
        (
            "apiVersion: v1\nkind: Project\n",
            1,
            Problem::Invalid,
            "apiVersion `v1`",
        ),
        ("+Pod\nname: x\n", 2, Problem::Invalid, "kind `Pod`"),
        (
            "+Inbound\nname: x\n",
            2,
            Problem::Unsupported,
            "unsupported: kind Inbound (line 2)",
        ),
        ("+Project\n", 1, Problem::Invalid, "no `name`"),
        (
            "+Project\nname: x\ncolour: red\n",
            4,
            Problem::Invalid,
            "key `colour` of Project",
        ),
        (
            "+Project\nname: a b\n",
            3,
            Problem::Invalid,
            "`a b` is not a name",
        ),
        (
            "+Project\nname: x\nname: y\n",
            4,
            Problem::Invalid,
            "not acceptable YAML",
        ),
        (
            "+Project\nname: x\nprefixes: apps\n",
            4,
            Problem::Invalid,
            "must be a list",
        ),
        (
            "+Project\nname: x\nprefixes:\n  - apps\n  - Apps\n",
            6,
            Problem::Invalid,
            "`Apps`",
        ),
        (
            "+Project\nname: x\nmembers:\n  alice: owner\n",
            5,
            Problem::Invalid,
            "`alice`",
        ),
        (
            "+Project\nname: x\nproject: y\n",
            4,
            Problem::Invalid,
            "lies in no other project",
        ),
        (
            "+RepositoryPolicy\nquarantine: off\n",
            1,
            Problem::Invalid,
            "no `match`",
        ),
        (
            "+RepositoryPolicy\nmatch: a\nquarantine: enforce\n",
            4,
            Problem::Unsupported,
            "unsupported: quarantine: enforce of RepositoryPolicy (line 4)",
        ),
        (
            "+RepositoryPolicy\nmatch: a\n\nretention: { keep_last: 2 }\n",
            5,
            Problem::Unsupported,
            "unsupported: key retention of RepositoryPolicy (line 5)",
        ),
        (
            "+RepositoryPolicy\nmatch: a\nchannels: {}\n",
            4,
            Problem::Unsupported,
            "key channels",
        ),
        (
            "+RepositoryPolicy\nmatch: a\nanonymous_pull: 'yes'\n",
            4,
            Problem::Invalid,
            "true or false",
        ),
        (
            "+RepositoryPolicy\nmatch: a\nimmutable_tags: ['a b']\n",
            4,
            Problem::Invalid,
            "`a b`",
        ),
        (
            "+Credential\nname: x\nusername: u\n",
            1,
            Problem::Invalid,
            "no secret",
        ),
        (
            "+Credential\nname: x\npassword: p\n",
            1,
            Problem::Invalid,
            "no `username`",
        ),
        (
            "+Credential\nname: x\nusername: u\npassword: 12\n",
            5,
            Problem::Invalid,
            "must be text",
        ),
        (
            "+Credential\nname: x\nusername: u\npassword: { env: X }\n",
            5,
            Problem::Invalid,
            "is a reference",
        ),
        (
            "+Credential\nname: x\ntoken: t\nssh_key: k\n",
            5,
            Problem::Invalid,
            "both",
        ),
        (
            "+Credential\nname: x\nfor: 'https://a'\ntoken: t\n",
            4,
            Problem::Invalid,
            "is not a host",
        ),
        ("a: [1\n", 1, Problem::Invalid, "not acceptable YAML"),
        ("- a\n", 1, Problem::Invalid, "must be a map"),
    ];
    for (text, line, problem, message) in cases {
        let text = text
            .strip_prefix('+')
            .map_or_else(|| (*text).to_owned(), |rest| format!("{head}{rest}"));
        let error = read(&text).expect_err(&text);
        assert!(error.message.contains(message), "{text}: {error}");
        assert_eq!(
            (error.line, error.problem),
            (*line, *problem),
            "{text}: {error}"
        );
    }
}

#[test]
fn one_name_twice_is_refused() {
    let one = "apiVersion: refloat/v1\nkind: Project\nname: x\n";
    let error = read(&format!("{one}---\n{one}")).expect_err("twice");
    assert_eq!(error.line, 5);
    assert!(error.message.contains("line 1"), "{error}");
}

#[test]
fn bounds_hold() {
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c]\n".to_owned()
        + "e: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n";
    let started = Node::read_yaml(&bomb);
    assert!(started.is_err() || started.is_ok_and(|nodes| nodes.len() == 1));
    assert!(Node::read_yaml(&"[".repeat(5_000)).is_err());
    assert!(Node::read_yaml(&"# x\n".repeat(300_000)).is_err());
}

#[test]
fn values_are_resolved_by_the_client() {
    let text =
        "apiVersion: refloat/v1\nkind: Credential\nname: x\nusername: u\npassword: { env: HUB }\n";
    let mut nodes = Node::read_yaml(text).expect("yaml");
    let mut asked = Vec::new();
    resolve(&mut nodes[0], &mut |source| {
        asked.push(source.clone());
        Ok("secret".to_owned())
    })
    .expect("resolved");
    assert_eq!(asked, [ValueSource::Env("HUB".to_owned())]);
    assert!(read_documents(nodes).is_ok());
    let mut nodes = Node::read_yaml(&text.replace("env", "vault")).expect("yaml");
    let error = resolve(&mut nodes[0], &mut |_| Ok(String::new())).expect_err("no known way");
    assert_eq!(error.line, 5);
    let mut nodes = Node::read_yaml(text).expect("yaml");
    let error =
        resolve(&mut nodes[0], &mut |_| Err("HUB is not set".to_owned())).expect_err("not set");
    assert!(error.to_string().contains("HUB is not set"), "{error}");
}

#[test]
fn kinds_are_read_as_people_type_them() {
    for (text, kind) in [
        ("project", DocumentKind::Project),
        ("repositorypolicies", DocumentKind::RepositoryPolicy),
        ("Credentials", DocumentKind::Credential),
        ("tasks", DocumentKind::Task),
    ] {
        assert_eq!(text.parse::<DocumentKind>(), Ok(kind));
    }
    assert_eq!(
        "inbounds"
            .parse::<DocumentKind>()
            .expect_err("not built")
            .problem,
        Problem::Unsupported
    );
}

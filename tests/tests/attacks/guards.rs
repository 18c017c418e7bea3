use anyhow::{Context, Result, ensure};
use refloat_rig::run;
use refloat_tests::client::Client;
use refloat_tests::content::MANIFEST;
use refloat_tests::http::Body;
use refloat_tests::probe::{ask, ask_with, push_image};
use refloat_tests::site::{Account, Site};

use crate::scene::{Scene, refused};

const POLICY: &str = r#"apiVersion: refloat/v1
kind: RepositoryPolicy
match: "alice/locked"
immutable_tags: ["*", "!moving"]
"#;

/// An immutable tag holds by every way there is to it (distribution CVE-2026-41888, Quay's delete by digest).
#[test]
fn class_05_second_path_around_an_immutable_tag() -> Result<()> {
    let scene = Scene::new()?;
    let owner = scene.site.user(
        "owner",
        &[("pull,push,update,delete,clear,admin", "alice/**")],
    )?;
    let admin = scene.site.admin()?;
    let repository = "alice/locked";
    let (mut alice, _) = scene.clients()?;
    let first = push_image(&mut alice, repository, "1", 1)?;
    // The tag moved once while it still could: an undo would move it back.
    let locked = push_image(&mut alice, repository, "1", 2)?;
    let other = push_image(&mut alice, repository, "moving", 3)?;
    scene.site.apply(POLICY)?;

    for account in [&scene.alice, &owner, &admin] {
        let mut client = scene.site.client(account)?;
        over_the_wire(
            &mut client,
            repository,
            locked.digest(),
            &other.manifest.blob.bytes,
            other.digest(),
        )
        .with_context(|| format!("as {}", account.name))?;
        by_command(&scene.site, account, first.digest())?;
        let now = client
            .manifest(repository, "1")?
            .map(|served| served.digest);
        ensure!(
            now.as_deref() == Some(locked.digest()),
            "the locked tag names {now:?}"
        );
        ensure!(
            client.pull(repository, "1")?.is_some(),
            "the locked image is not whole any more"
        );
    }
    scene.site.administer(&["gc"])?;
    ensure!(
        alice.pull(repository, "1")?.as_deref() == Some(locked.digest()),
        "collected under the lock"
    );
    // The lock names tags, not the repository: the tag that it leaves out still moves.
    alice.put_manifest(repository, "moving", &first.manifest)?;
    Ok(())
}

fn over_the_wire(
    client: &mut Client,
    repository: &str,
    locked: &str,
    other: &[u8],
    other_digest: &str,
) -> Result<()> {
    let kind = [("Content-Type", MANIFEST)];
    let at = |reference: &str| format!("/v2/{repository}/manifests/{reference}");
    for (what, method, target, body) in [
        ("a push to the tag", "PUT", at("1"), Body::Whole(other)),
        (
            "a push with ?tag=",
            "PUT",
            at(&format!("{other_digest}?tag=1")),
            Body::Whole(other),
        ),
        ("a delete of the tag", "DELETE", at("1"), Body::Empty),
        (
            "a delete of its manifest",
            "DELETE",
            at(locked),
            Body::Empty,
        ),
    ] {
        let answer = ask_with(client, method, &target, &kind, body)?;
        refused(&answer, what)?;
    }
    // A push of what it names already changes nothing and is no offence, but it must not unlock either.
    let _same = ask(client, "GET", &at("1"))?;
    Ok(())
}

fn by_command(site: &Site, account: &Account, first: &str) -> Result<()> {
    let from = format!("alice/locked@{first}");
    for verb in [
        vec!["tag", "alice/locked:moving", "1"],
        vec!["tag", &from, "1"],
        vec!["untag", "alice/locked:1"],
        vec!["tag-undo", "alice/locked:1"],
    ] {
        let output = run::captured(site.refloat(account)?.args(&verb))?;
        ensure!(
            !output.status.success(),
            "refloat {} by {} was not refused",
            verb.join(" "),
            account.name
        );
    }
    Ok(())
}

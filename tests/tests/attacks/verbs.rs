use anyhow::{Result, ensure};
use refloat_rig::run;
use refloat_tests::content::MANIFEST;
use refloat_tests::http::Body;
use refloat_tests::probe::{ask, ask_with, push_image};

use crate::scene::{Scene, status};

/// Moving a tag that exists is `update`, whatever the tag is called and by whatever verb (zot CVE-2026-31801).
#[test]
fn class_04_create_is_not_update() -> Result<()> {
    let scene = Scene::new()?;
    let creator = scene.site.user("creator", &[("pull,push", "alice/**")])?;
    let (mut alice, _) = scene.clients()?;
    let mut client = scene.site.client(&creator)?;
    let first = push_image(&mut alice, "alice/boat", "1", 1)?;
    push_image(&mut alice, "alice/boat", "latest", 1)?;
    let tags_before = alice.tags("alice/boat")?;
    let latest_before = alice
        .manifest("alice/boat", "latest")?
        .map(|served| served.digest);

    // A new tag needs no more than push.
    let other = push_image(&mut client, "alice/boat", "new", 2)?;
    let bytes = &other.manifest.blob.bytes;
    let kind = [("Content-Type", MANIFEST)];
    for tag in ["1", "latest"] {
        let put = ask_with(
            &mut client,
            "PUT",
            &format!("/v2/alice/boat/manifests/{tag}"),
            &kind,
            Body::Whole(bytes),
        )?;
        status(&put, 403, &format!("a push to the tag {tag}"))?;
        let by_digest = format!(
            "/v2/alice/boat/manifests/{}?tag=fresh&tag={tag}",
            other.digest()
        );
        let put = ask_with(&mut client, "PUT", &by_digest, &kind, Body::Whole(bytes))?;
        status(&put, 403, &format!("a push by digest with ?tag={tag}"))?;
        let delete = ask(
            &mut client,
            "DELETE",
            &format!("/v2/alice/boat/manifests/{tag}"),
        )?;
        status(
            &delete,
            403,
            &format!("a delete of the tag {tag}, to make it new"),
        )?;
        let target = format!("alice/boat:{tag}");
        for verb in [
            vec!["tag", "alice/boat:new", tag],
            vec!["untag", &target],
            vec!["tag-undo", &target],
        ] {
            let output = run::captured(scene.site.refloat(&creator)?.args(&verb))?;
            ensure!(
                !output.status.success(),
                "refloat {} was not refused",
                verb.join(" ")
            );
        }
    }
    let delete = ask(
        &mut client,
        "DELETE",
        &format!("/v2/alice/boat/manifests/{}", first.digest()),
    )?;
    status(
        &delete,
        403,
        "a delete of the manifest, to make its tags new",
    )?;

    ensure!(
        alice.manifest("alice/boat", "fresh")?.is_none(),
        "half of a push with several tags was done"
    );
    ensure!(
        alice
            .manifest("alice/boat", "1")?
            .is_some_and(|served| served.digest == first.digest())
    );
    ensure!(
        alice
            .manifest("alice/boat", "latest")?
            .map(|served| served.digest)
            == latest_before
    );
    let mut tags = tags_before.unwrap_or_default();
    tags.push("new".to_owned());
    tags.sort();
    ensure!(alice.tags("alice/boat")? == Some(tags));
    Ok(())
}

//! Gates, labels, layers that are odd or unread.

use crate::layers::{
    Image, Layer, debian, judged, passes, patched, refused, static_program, status,
};
use refloat_verdict::{BaseDelta, GraphFacts, PlatformName, Tier, judge_with};
use serde_json::json;

fn app() -> Layer {
    Layer::new().program("app/server", static_program("server"))
}

#[test]
fn g1_lineage() {
    let (old, new) = (Image::of(&debian()), Image::of(&patched()));
    let elsewhere = Image::of(&debian().file("x", "y")).copy(&app());
    refused(&judged(&old, &new, &elsewhere), "G1", "");
    let mut facts = old.copy(&app()).facts();
    facts.config["history"] = json!([{"created_by": "ADD x"}]);
    let delta = BaseDelta::new(&old.facts(), &new.facts());
    let verdict = judge_with(
        &delta,
        &facts,
        &PlatformName::default(),
        &GraphFacts::default(),
    );
    refused(&verdict, "G1", "");
    // Without any history nobody knows how the layers were made.
    facts.config["history"] = json!([]);
    let verdict = judge_with(
        &delta,
        &facts,
        &PlatformName::default(),
        &GraphFacts::default(),
    );
    passes(&verdict, Tier::Test);
}

#[test]
fn g2_platforms() {
    let (old, mut new) = (Image::of(&debian()), Image::of(&patched()));
    new.platform = ("linux", "arm64");
    refused(&judged(&old, &new, &old.copy(&app())), "G2", "");
}

#[test]
fn g3_nothing_changed() {
    let old = Image::of(&debian());
    passes(&judged(&old, &old, &old.copy(&app())), Tier::Unchanged);
    // Another variable is a change.
    let new = old.set("Env", json!(["PATH=/bin", "NEW=1"]));
    passes(&judged(&old, &new, &old.copy(&app())), Tier::Proven);
}

#[test]
fn g5_a_package_goes_down() {
    let down = debian()
        .without("var/lib/dpkg/status")
        .file("var/lib/dpkg/status", status("3.0.9-1"));
    let (old, new) = (Image::of(&debian()), Image::of(&down));
    let verdict = judged(&old, &new, &old.copy(&app()));
    refused(&verdict, "G5", "libssl3");
    assert_eq!(verdict.tier, Tier::Blocked);
    assert_eq!(verdict.packages[0].old.as_deref(), Some("3.0.11-1"));
}

#[test]
fn g6_g8_and_the_label() {
    let (old, new) = (Image::of(&debian()), Image::of(&patched()));
    refused(
        &judged(
            &old,
            &new.set("OnBuild", json!(["RUN x"])),
            &old.copy(&app()),
        ),
        "G6",
        "config.OnBuild",
    );
    let says_no = old
        .copy(&app())
        .set("Labels", json!({"io.buildpacks.rebasable": "false"}));
    refused(
        &judged(&old, &new, &says_no),
        "LABEL",
        "io.buildpacks.rebasable",
    );
    let says_yes = old
        .copy(&app())
        .set("Labels", json!({"io.buildpacks.rebasable": "true"}));
    passes(&judged(&old, &new, &says_yes), Tier::Proven);
    let mut tall = old.clone();
    for number in 0..127 {
        tall = tall.copy(&Layer::new().file(&format!("app/{number}"), "x"));
    }
    refused(&judged(&old, &new, &tall), "G8", "");
}

#[test]
fn g7_layers_that_cannot_be_read() {
    let (old, new) = (Image::of(&debian()), Image::of(&patched()));
    let delta = BaseDelta::new(&old.facts(), &new.facts());
    let judge = |facts| {
        judge_with(
            &delta,
            &facts,
            &PlatformName::default(),
            &GraphFacts::default(),
        )
    };
    let mut foreign = old.copy(&app()).facts();
    foreign.media_types = vec!["application/vnd.oci.image.layer.v1.tar+encrypted".into()];
    refused(&judge(foreign), "G7", "");
    let mut missing = old.copy(&app()).facts();
    missing.layers.pop();
    missing.unread.push((1, "truncated".into()));
    refused(&judge(missing), "G7", "");
}

#[test]
fn g4_g9_and_h24_come_from_the_graph() {
    let (old, new) = (Image::of(&debian()), Image::of(&patched()));
    let delta = BaseDelta::new(&old.facts(), &new.facts());
    let app = old.copy(&app()).facts();
    let judge = |graph| judge_with(&delta, &app, &PlatformName::default(), &graph);
    let refusing = GraphFacts {
        base_refused: Some("quarantined".into()),
        ..GraphFacts::default()
    };
    assert_eq!(judge(refusing).tier, Tier::Blocked);
    let moved = GraphFacts {
        moved_build_edges: vec![("golang:1.22".into(), "a".into(), "b".into())],
        ..GraphFacts::default()
    };
    refused(&judge(moved), "G9", "");
    let two = GraphFacts {
        other_bases: vec!["debian:bookworm".into()],
        ..GraphFacts::default()
    };
    refused(&judge(two), "H24", "");
}

#[test]
fn foreign_package_databases_and_odd_layers_are_never_proven() {
    let pacman = |version: &str| {
        Image::of(
            &Layer::new()
                .file("var/lib/pacman/local/musl-1/desc", "%NAME%\nmusl\n")
                .file("etc/motd", version),
        )
    };
    let (old, new) = (pacman("1"), pacman("2"));
    let verdict = judged(&old, &new, &old.copy(&app()));
    passes(&verdict, Tier::Test);
    assert_eq!(verdict.reasons[0].code.word(), "PACKAGES");

    let (old, new) = (Image::of(&debian()), Image::of(&patched()));
    let odd = app().file("app/x", "1").gone("app/x");
    let verdict = judged(&old, &new, &old.copy(&odd));
    passes(&verdict, Tier::Test);
    assert_eq!(verdict.reasons[0].code.word(), "LAYER");
}

#[test]
fn packages_of_alpine_are_read() {
    let apk = |version: &str| {
        Image::of(
            &Layer::new()
                .file(
                    "lib/apk/db/installed",
                    format!("P:musl\nV:{version}\nA:x86_64\n"),
                )
                .file("etc/motd", version),
        )
    };
    let (old, new) = (apk("1.2.4-r2"), apk("1.2.4-r10"));
    let verdict = judged(&old, &new, &old.copy(&app()));
    passes(&verdict, Tier::Proven);
    assert_eq!(verdict.packages[0].kind, "apk");
    refused(&judged(&new, &old, &new.copy(&app())), "G5", "musl");
    // What is damaged is unknown, never empty.
    let broken = Image::of(
        &Layer::new()
            .file("lib/apk/db/installed", "garbage")
            .file("etc/motd", "2"),
    );
    let verdict = judged(&old, &broken, &old.copy(&app()));
    passes(&verdict, Tier::Test);
    assert_eq!(verdict.reasons[0].code.word(), "PACKAGES");
}

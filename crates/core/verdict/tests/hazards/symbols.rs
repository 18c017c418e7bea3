//! H14 and H15: symbols and their versions, in files that a compiler and a linker really made.

use std::path::Path;

use crate::layers::{Image, Layer, judged, passes, refused};
use crate::real::compiled;
use refloat_verdict::{Tier, Verdict};
use serde_json::json;

const LOADER: &str = "-Wl,--dynamic-linker=/lib/ld-test.so.1";

/// A folder in which libraries and programs are made.
struct Forge {
    folder: tempfile::TempDir,
}

impl Forge {
    /// None where there is no compiler.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        compiled(
            folder.path(),
            "probe.so",
            "int x;\n",
            &["-shared", "-nostdlib"],
        )?;
        Some(Self { folder })
    }

    fn at(&self) -> &Path {
        self.folder.path()
    }

    fn made(&self, name: &str, source: &str, flags: &[&str]) -> Vec<u8> {
        compiled(self.at(), name, source, flags).expect("compiled once already")
    }

    /// `libtalk.so.1`, which later programs are linked with.
    fn library(&self, source: &str, versions: Option<&str>) -> Vec<u8> {
        let mut flags = vec!["-shared", "-fPIC", "-nostdlib", "-Wl,-soname,libtalk.so.1"];
        let script = self.at().join("versions");
        let flag = format!("-Wl,--version-script={}", script.display());
        if let Some(versions) = versions {
            std::fs::write(&script, versions).expect("a script");
            flags.push(&flag);
        }
        self.made("libtalk.so", source, &flags)
    }

    fn program(&self, calls: &str) -> Vec<u8> {
        let source =
            format!("int {calls}(void);\nvoid _start(void) {{ {calls}(); for (;;) {{}} }}\n");
        self.made(
            "tool",
            &source,
            &["-nostdlib", "-nostartfiles", LOADER, "-ltalk"],
        )
    }

    /// A library of the app's own that calls the base's.
    fn middle(&self, calls: &str, flags: &[&str]) -> Vec<u8> {
        let source = format!("int {calls}(void);\nint middle(void) {{ return {calls}(); }}\n");
        let mut all = vec![
            "-shared",
            "-fPIC",
            "-nostdlib",
            "-Wl,-soname,libmiddle.so.1",
        ];
        all.extend(flags);
        self.made("libmiddle.so", &source, &all)
    }
}

fn base(library: &[u8]) -> Image {
    Image::of(
        &Layer::new()
            .program("lib/ld-test.so.1", library)
            .file("usr/lib/libtalk.so.1", library),
    )
}

fn app(path: &str, bytes: &[u8]) -> Layer {
    Layer::new().program(path, bytes)
}

const ONE: &str = "int hello(void) { return 1; }\n";
const TWO: &str = "int hello(void) { return 1; }\nint goodbye(void) { return 2; }\n";
const THREE: &str = "int hello(void) { return 1; }\nint goodbye(void) { return 2; }\nint again(void) { return 3; }\n";
const VERSION_ONE: &str = "TALK_1.0 { global: hello; local: *; };\n";
const VERSION_TWO: &str =
    "TALK_1.0 { global: hello; local: *; };\nTALK_2.0 { global: goodbye; } TALK_1.0;\n";
const VERSION_THREE: &str = "TALK_1.0 { global: hello; local: *; };\nTALK_2.0 { global: goodbye; } TALK_1.0;\n\
    TALK_3.0 { global: again; } TALK_2.0;\n";

fn codes(verdict: &Verdict) -> Vec<&'static str> {
    verdict
        .reasons
        .iter()
        .map(|reason| reason.code.word())
        .collect()
}

#[test]
fn h14_a_version_that_the_new_base_does_not_define() {
    let Some(forge) = Forge::new() else { return };
    let older = forge.library(ONE, Some(VERSION_ONE));
    // The symbol is still there, of an older version.
    let renamed = forge.library(
        TWO,
        Some("TALK_1.0 { global: hello; goodbye; local: *; };\n"),
    );
    let newer = forge.library(THREE, Some(VERSION_THREE));
    let bare = forge.library(TWO, None);
    let now = forge.library(TWO, Some(VERSION_TWO));
    let (old, tool) = (base(&now), forge.program("goodbye"));
    let own = old.copy(&app("app/tool", &tool));
    let verdict = judged(&old, &base(&older), &own);
    refused(&verdict, "H14", "app/tool");
    let reason = verdict
        .reasons
        .iter()
        .find(|reason| reason.code.word() == "H14")
        .expect("told");
    assert_eq!(reason.old.as_deref(), Some("2 versions, up to TALK_2.0"));
    assert_eq!(reason.new.as_deref(), Some("1 versions, up to TALK_1.0"));
    refused(&judged(&old, &base(&renamed), &own), "H14", "app/tool");
    refused(&judged(&old, &base(&bare), &own), "H14", "app/tool");

    // A library of the app's, loaded by name and by nobody.
    let middle = forge.middle("goodbye", &["-ltalk"]);
    let plugin = old.copy(&app("app/plugins/middle.so", &middle));
    refused(
        &judged(&old, &base(&older), &plugin),
        "H14",
        "app/plugins/middle.so",
    );
    let program = forge.made(
        "outer",
        "int middle(void);\nvoid _start(void) { middle(); for (;;) {} }\n",
        &[
            "-nostdlib",
            "-nostartfiles",
            LOADER,
            "-lmiddle",
            "-ltalk",
            "-Wl,-rpath,$ORIGIN",
        ],
    );
    let pair = old.copy(&app("app/outer", &program).file("app/libmiddle.so.1", &middle));
    refused(&judged(&old, &base(&older), &pair), "H14", "app/outer");

    // Near: one more version, and an older one that the app does not need.
    passes(&judged(&old, &base(&newer), &own), Tier::Proven);
    passes(&judged(&old, &base(&newer), &plugin), Tier::Proven);
    let modest = old.copy(&app("app/tool", &forge.program("hello")));
    passes(&judged(&old, &base(&older), &modest), Tier::Test);
}

#[test]
fn h15_a_symbol_that_is_gone_behind_the_same_name() {
    let Some(forge) = Forge::new() else { return };
    let without = forge.library(ONE, None);
    let newer = forge.library(THREE, None);
    let now = forge.library(TWO, None);
    let old = base(&now);
    let own = old.copy(&app("app/tool", &forge.program("goodbye")));
    let verdict = judged(&old, &base(&without), &own);
    refused(&verdict, "H15", "app/tool");
    assert!(
        verdict.reasons[0].detail.contains("goodbye"),
        "{verdict:#?}"
    );
    assert_eq!(
        verdict.reasons[0].old.as_deref(),
        Some("usr/lib/libtalk.so.1")
    );

    // Only a library of the app's uses it, with and without saying from whom.
    let middle = forge.middle("goodbye", &["-ltalk"]);
    let plugin = old.copy(&app("app/plugins/middle.so", &middle));
    refused(
        &judged(&old, &base(&without), &plugin),
        "H15",
        "app/plugins/middle.so",
    );
    let loose = forge.middle("goodbye", &["-Wl,--unresolved-symbols=ignore-all"]);
    let loose = old.copy(&app("app/plugins/loose.so", &loose));
    refused(
        &judged(&old, &base(&without), &loose),
        "H15",
        "app/plugins/loose.so",
    );

    // Near: the app does not use what is gone; more than before.
    let modest = old.copy(&app("app/tool", &forge.program("hello")));
    let verdict = judged(&old, &base(&without), &modest);
    passes(&verdict, Tier::Test);
    assert_eq!(codes(&verdict), ["DYNAMIC"]);
    passes(&judged(&old, &base(&newer), &own), Tier::Proven);
    // What a plugin without a list of needs is opened by is never certain.
    passes(&judged(&old, &base(&newer), &loose), Tier::Test);
}

/// The shape of an extension module: its host is a program that exports symbols, and no list names it.
#[test]
fn h15_symbols_of_the_host() {
    let Some(forge) = Forge::new() else { return };
    forge.library(ONE, None);
    let host = |functions: &str| {
        let source = format!("{functions}\nvoid _start(void) {{ for (;;) {{}} }}\n");
        let flags = [
            "-nostdlib",
            "-nostartfiles",
            "-rdynamic",
            "-fPIE",
            "-pie",
            LOADER,
        ];
        let program = forge.made("host", &source, &flags);
        Image::of(
            &Layer::new()
                .program("lib/ld-test.so.1", &program)
                .program("usr/bin/host", &program),
        )
    };
    let old = host("int Api_Old(void) { return 1; } int Api_Both(void) { return 2; }");
    let new = host("int Api_New(void) { return 1; } int Api_Both(void) { return 2; }");
    let module = |calls: &str| {
        let loose = forge.middle(calls, &["-Wl,--unresolved-symbols=ignore-all"]);
        old.copy(&app("app/ext.so", &loose))
            .set("Cmd", json!(["/usr/bin/host", "/app/ext.so"]))
    };
    refused(&judged(&old, &new, &module("Api_Old")), "H15", "app/ext.so");
    passes(&judged(&old, &new, &module("Api_Both")), Tier::Test);
}

/// musl has no versions: `preadv2: symbol not found` is all that its loader says (docker-library/python#927).
#[test]
fn h15_a_base_whose_c_library_is_older() {
    let Some(forge) = Forge::new() else { return };
    let musl = |functions: &str| {
        let flags = [
            "-shared",
            "-fPIC",
            "-nostdlib",
            "-Wl,-soname,libc.musl-x86_64.so.1",
        ];
        let bytes = forge.made("libtalk.so", functions, &flags);
        Image::of(
            &Layer::new()
                .file("etc/os-release", "ID=alpine\nVERSION_ID=3.18.4\n")
                .program("lib/ld-musl-x86_64.so.1", bytes)
                .link("lib/libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1"),
        )
    };
    let old = musl("int preadv(void) { return 1; } int preadv2(void) { return 2; }");
    let module = forge.middle("preadv2", &["-ltalk"]);
    let new = musl("int preadv(void) { return 1; }");
    let own = old.copy(&app(
        "usr/local/lib/python3.11/lib-dynload/posix.so",
        &module,
    ));
    refused(
        &judged(&old, &new, &own),
        "H15",
        "usr/local/lib/python3.11/lib-dynload/posix.so",
    );
}

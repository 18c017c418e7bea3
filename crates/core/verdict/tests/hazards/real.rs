//! Programs that a compiler really made.

use std::path::Path;
use std::process::Command;

use crate::layers::{Image, Layer, judged, passes, refused};
use refloat_verdict::Tier;

/// Compiles C; none where there is no compiler.
#[expect(clippy::print_stderr, reason = "says why the test was left out")]
pub fn compiled(folder: &Path, name: &str, source: &str, flags: &[&str]) -> Option<Vec<u8>> {
    let at = folder.join(format!("{name}.c"));
    std::fs::write(&at, source).expect("a source");
    let out = folder.join(name);
    let done = Command::new("cc")
        .arg(&at)
        .arg("-o")
        .arg(&out)
        .arg(format!("-L{}", folder.display()))
        .args(flags)
        .output();
    let Ok(done) = done else {
        assert!(std::env::var("CI").is_err(), "cc is missing");
        eprintln!("skipped: cc is not installed");
        return None;
    };
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    Some(std::fs::read(out).expect("a program"))
}

#[test]
fn a_compiled_program_and_its_library() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let library = |version: &str, soname: &str| {
        let source = format!("int greet(void) {{ return {version}; }}\n");
        compiled(
            at,
            "libgreet.so",
            &source,
            &[
                "-shared",
                "-fPIC",
                "-nostdlib",
                &format!("-Wl,-soname,{soname}"),
            ],
        )
    };
    let Some(one) = library("1", "libgreet.so.1") else {
        return;
    };
    let source = "int greet(void); void _start(void) { greet(); for (;;) {} }\n";
    let loader = "-Wl,--dynamic-linker=/lib/ld-test.so.1";
    let Some(tool) = compiled(
        at,
        "tool",
        source,
        &["-nostdlib", "-nostartfiles", loader, "-lgreet"],
    ) else {
        return;
    };
    let two = library("2", "libgreet.so.1").expect("compiled once already");
    let three = library("3", "libgreet.so.2").expect("compiled once already");
    let base = |name: &str, library: &[u8]| {
        Image::of(
            &Layer::new()
                .program("lib/ld-test.so.1", &one)
                .file(&format!("usr/lib/{name}"), library),
        )
    };
    let old = base("libgreet.so.1", &one);
    let app = old.copy(&Layer::new().program("app/tool", &tool));
    // Another build that gives the same symbols.
    passes(
        &judged(&old, &base("libgreet.so.1", &two), &app),
        Tier::Proven,
    );
    refused(
        &judged(&old, &base("libgreet.so.2", &three), &app),
        "H13",
        "app/tool",
    );
    refused(
        &judged(&old, &base("libgreet.so.1", &three), &app),
        "H13",
        "usr/lib/libgreet.so.1",
    );
}

//! H18 and H23: what an image was compiled for, and what it brings itself.

use crate::layers::{
    Image, Layer, debian, judged, library, passes, patched, program, refused, static_program,
};
use crate::real::compiled;
use refloat_verdict::Tier;
use serde_json::json;

/// A class file of a `major_version`, as far as its head.
pub fn class(major: u16) -> Vec<u8> {
    let mut bytes = b"\xca\xfe\xba\xbe\0\0".to_vec();
    bytes.extend(major.to_be_bytes());
    bytes.extend(b"\0\x10constant pool");
    bytes
}

/// An archive whose members are stored, as `jar --no-compress` writes it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "an archive of a few hundred bytes"
)]
pub fn jar(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in members {
        let mut common = Vec::new();
        common.extend([10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let size = u32::try_from(content.len()).expect("a small member");
        common.extend(size.to_le_bytes());
        common.extend(size.to_le_bytes());
        common.extend(
            u16::try_from(name.len())
                .expect("a short name")
                .to_le_bytes(),
        );
        common.extend([0, 0]);
        let at = u32::try_from(file.len()).expect("a small archive");
        directory.extend(b"PK\x01\x02\x0a\0");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
        file.extend(b"PK\x03\x04");
        file.extend(&common);
        file.extend(name.as_bytes());
        file.extend(content);
    }
    let (count, at) = (members.len() as u16, file.len() as u32);
    file.extend(&directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend(count.to_le_bytes());
    file.extend(count.to_le_bytes());
    file.extend((directory.len() as u32).to_le_bytes());
    file.extend(at.to_le_bytes());
    file.extend([0, 0]);
    file
}

/// The shape of eclipse-temurin: one folder for all versions, told by variables and a file.
pub fn temurin(version: &str) -> Image {
    let layer = debian()
        .program(
            "opt/java/openjdk/bin/java",
            program(&["libc.so.6"], version),
        )
        .file(
            "opt/java/openjdk/lib/server/libjvm.so",
            library("libjvm.so", &["libc.so.6"], version),
        )
        .file(
            "opt/java/openjdk/release",
            format!("IMPLEMENTOR=\"Eclipse Adoptium\"\nJAVA_VERSION=\"{version}\"\n"),
        );
    Image::of(&layer).set(
        "Env",
        json!([
            "JAVA_HOME=/opt/java/openjdk",
            "PATH=/opt/java/openjdk/bin:/usr/local/bin:/usr/bin:/bin",
            format!("JAVA_VERSION=jdk-{version}+12"),
        ]),
    )
}

fn runs(old: &Image, layer: &Layer) -> Image {
    old.copy(layer)
        .set("Entrypoint", json!(["java", "-jar", "/app/app.jar"]))
}

#[test]
fn h18_classes_for_a_newer_java() {
    let (old, new) = (temurin("21.0.1"), temurin("17.0.9"));
    let app = |bytes: Vec<u8>| Layer::new().file("app/app.jar", bytes);
    let plain = app(jar(&[
        ("a/Main.class", class(65)),
        ("module-info.class", class(53)),
    ]));
    let verdict = judged(&old, &new, &runs(&old, &plain));
    refused(&verdict, "H18", "app/app.jar");
    assert!(
        verdict.reasons[0].detail.contains("Java 21"),
        "{verdict:#?}"
    );
    // In an archive in the archive, as Spring Boot packs them.
    let nested = jar(&[("b/Used.class", class(65))]);
    let fat = app(jar(&[
        ("a/Main.class", class(52)),
        ("BOOT-INF/lib/used.jar", nested),
    ]));
    refused(&judged(&old, &new, &runs(&old, &fat)), "H18", "app/app.jar");
    let loose = old.copy(&Layer::new().file("app/Main.class", class(65)));
    refused(&judged(&old, &new, &loose), "H18", "app/Main.class");

    // Near: classes for an older Java, also beside newer ones that this Java leaves alone.
    let older = app(jar(&[
        ("a/Main.class", class(61)),
        ("META-INF/versions/21/a/Main.class", class(65)),
    ]));
    passes(&judged(&old, &new, &runs(&old, &older)), Tier::Test);
    let patch = temurin("21.0.9");
    passes(&judged(&old, &patch, &runs(&old, &plain)), Tier::Proven);
    // What an archive holds besides classes, or that could not be looked at, is for a test.
    let native = app(jar(&[
        ("a/Main.class", class(65)),
        ("linux/libx.so", b"x".to_vec()),
    ]));
    passes(&judged(&old, &patch, &runs(&old, &native)), Tier::Test);
    let ruined = app(b"PK\x03\x04 and no directory".to_vec());
    passes(&judged(&old, &patch, &runs(&old, &ruined)), Tier::Test);
}

#[test]
fn h18_what_one_exact_java_made() {
    let (old, new) = (temurin("21.0.1"), temurin("21.0.9"));
    let jar = || Layer::new().file("app/app.jar", jar(&[("a/Main.class", class(65))]));
    let archive = jar().file("opt/java/openjdk/lib/server/classes.jsa", "made by 21.0.1");
    let verdict = judged(&old, &new, &old.run(&archive));
    refused(&verdict, "H3", "opt/java/openjdk/lib/server/classes.jsa");
    // The app's own archive is refused by the JVM, or not: a test shows it.
    let own = jar().file("app/app.jsa", "made by 21.0.1");
    passes(&judged(&old, &new, &runs(&old, &own)), Tier::Test);
}

#[test]
fn h18_scripts_that_name_the_old_home() {
    let java = |version: &str| {
        let home = format!("opt/java-{version}");
        Image::of(&debian().program(
            &format!("{home}/bin/java"),
            program(&["libc.so.6"], version),
        ))
        .set(
            "Env",
            json!([
                format!("PATH=/{home}/bin:/usr/bin:/bin"),
                format!("JAVA_HOME=/{home}")
            ]),
        )
    };
    let (old, new) = (java("17.0.8"), java("17.0.9"));
    let starts = |script: &str| {
        old.copy(&Layer::new().program("app/start", script))
            .set("Cmd", json!(["/app/start"]))
    };
    let verdict = judged(
        &old,
        &new,
        &starts("#!/bin/sh\nexec \"/opt/java-17.0.8/bin/java\" -jar x\n"),
    );
    refused(&verdict, "H18", "opt/java-17.0.8/bin/java");
    let verdict = judged(
        &old,
        &new,
        &starts("#!/bin/sh\nJAVA_HOME=/opt/java-17.0.8\n$JAVA_HOME/bin/java\n"),
    );
    passes(&verdict, Tier::Unsafe);
    // The variable arrives.
    passes(
        &judged(
            &old,
            &new,
            &starts("#!/bin/sh\nexec $JAVA_HOME/bin/java -jar x\n"),
        ),
        Tier::Test,
    );
}

#[test]
fn h18_frameworks_of_dotnet() {
    let dotnet = |version: &str| {
        Image::of(
            &debian()
                .program("usr/bin/dotnet", program(&["libc.so.6"], "host"))
                .file(
                    &format!("usr/share/dotnet/shared/Microsoft.NETCore.App/{version}/System.dll"),
                    version,
                ),
        )
    };
    let old = dotnet("8.0.4");
    let app = |roll: &str, wanted: &str| {
        let text = json!({"runtimeOptions": {"rollForward": roll,
            "framework": {"name": "Microsoft.NETCore.App", "version": wanted}}});
        let layer = Layer::new()
            .file("app/app.dll", b"MZ\x90\0 program")
            .file("app/app.runtimeconfig.json", text.to_string());
        old.copy(&layer)
            .set("Entrypoint", json!(["dotnet", "/app/app.dll"]))
    };
    let refuses = |new: &str, roll: &str, wanted: &str| {
        let verdict = judged(&old, &dotnet(new), &app(roll, wanted));
        refused(&verdict, "H18", "app/app.runtimeconfig.json");
    };
    refuses("9.0.0", "Minor", "8.0.0");
    refuses("8.1.0", "LatestPatch", "8.0.0");
    refuses("8.0.11", "Disable", "8.0.4");
    refuses("8.0.3", "Minor", "8.0.4");
    passes(
        &judged(&old, &dotnet("8.0.11"), &app("Minor", "8.0.0")),
        Tier::Test,
    );
    passes(
        &judged(&old, &dotnet("9.0.0"), &app("Major", "8.0.0")),
        Tier::Test,
    );
}

#[test]
fn h23_copies_of_what_the_base_replaces() {
    let (old, new) = (Image::of(&debian()), Image::of(&patched()));
    // COPY --from=build /usr/lib/.../libssl.so.3 /app/lib/
    let vulnerable = library("libssl.so.3", &["libc.so.6"], "3.0.11");
    let copy = |bytes: Vec<u8>| old.copy(&Layer::new().file("app/lib/libssl.so.3", bytes));
    let verdict = judged(&old, &new, &copy(vulnerable));
    refused(&verdict, "H23", "app/lib/libssl.so.3");
    // Near: the app has the patched one.
    let fixed = library("libssl.so.3", &["libc.so.6"], "3.0.17");
    passes(&judged(&old, &new, &copy(fixed)), Tier::Test);
    // A static program that holds nothing of what moved is E1.
    let other = Layer::new().program("app/server", static_program("x"));
    passes(&judged(&old, &new, &old.copy(&other)), Tier::Proven);
}

#[test]
fn h23_code_that_is_linked_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = |version: &str| {
        let source = format!(
            "const char mark[] __attribute__((used)) = \"OpenSSL {version} 19 Sep 2023\";\nvoid _start(void) {{ for (;;) {{}} }}\n"
        );
        let flags = ["-static", "-nostdlib", "-nostartfiles"];
        compiled(folder.path(), "server", &source, &flags)
    };
    let Some(vulnerable) = server("3.0.11") else {
        return;
    };
    let (old, new) = (Image::of(&debian()), Image::of(&patched()));
    let app = |bytes: Vec<u8>| old.copy(&Layer::new().program("app/server", bytes));
    let verdict = judged(&old, &new, &app(vulnerable));
    refused(&verdict, "H23", "app/server");
    assert_eq!(verdict.reasons[0].new.as_deref(), Some("3.0.17"));
    // Near: linked with the version that the base moves to may lack a later fix, a newer one does not.
    let same = server("3.0.17").expect("compiled once already");
    passes(&judged(&old, &new, &app(same)), Tier::Test);
    let newer = server("3.1.4").expect("compiled once already");
    passes(&judged(&old, &new, &app(newer)), Tier::Proven);
}

#[test]
fn h23_vendored_packages() {
    let site = "usr/lib/python3/dist-packages";
    let python = |version: &str| {
        Image::of(
            &debian()
                .file(
                    &format!("{site}/urllib3-{version}.dist-info/METADATA"),
                    version,
                )
                .file(&format!("{site}/urllib3/__init__.py"), version),
        )
    };
    let (old, new) = (python("1.26.5"), python("1.26.18"));
    let environment = |version: &str| {
        let folder = "app/venv/lib/python3.11/site-packages";
        let layer = Layer::new()
            .file(
                &format!("{folder}/urllib3-{version}.dist-info/METADATA"),
                version,
            )
            .file(&format!("{folder}/urllib3/__init__.py"), "vendored");
        judged(&old, &new, &old.copy(&layer))
    };
    refused(
        &environment("1.26.5"),
        "H23",
        "app/venv/lib/python3.11/site-packages/urllib3-1.26.5.dist-info",
    );
    passes(&environment("2.2.0"), Tier::Test);

    let java = |version: &str| {
        Image::of(&debian().file(
            &format!("usr/share/java/log4j-core-{version}.jar"),
            jar(&[("a.class", class(52))]),
        ))
    };
    let (old, new) = (java("2.14.1"), java("2.17.1"));
    let app = |version: &str| {
        let at = format!("app/lib/log4j-core-{version}.jar");
        old.copy(&Layer::new().file(&at, jar(&[("b.class", class(52))])))
    };
    refused(
        &judged(&old, &new, &app("2.14.1")),
        "H23",
        "app/lib/log4j-core-2.14.1.jar",
    );
    passes(&judged(&old, &new, &app("2.20.0")), Tier::Test);
}

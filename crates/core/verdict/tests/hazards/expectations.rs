//! Worked expectations: what common images come out as.

use crate::layers::{
    Image, Layer, debian, judged, library, passes, patched, program, refused, static_program,
    status,
};
use refloat_verdict::Tier;
use serde_json::json;

#[test]
fn e1_a_static_program_on_distroless_is_proven() {
    let base = |version: &str| {
        Image::of(
            &Layer::new()
                .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
                .file("etc/passwd", "root:x:0:0::/root:/sbin/nologin\nnonroot:x:65532:65532::/home/nonroot:/sbin/nologin\n")
                .file("usr/share/zoneinfo/UTC", version)
                .file("var/lib/dpkg/status.d/tzdata", format!("Package: tzdata\nVersion: {version}\nArchitecture: all\n")),
        )
        .set("User", json!("65532"))
    };
    let (old, new) = (base("2024a-0"), base("2024b-0"));
    let app = old
        .copy(&Layer::new().program("app", static_program("go")))
        .set("Entrypoint", json!(["/app"]));
    let verdict = judged(&old, &new, &app);
    passes(&verdict, Tier::Proven);
    assert_eq!(verdict.reasons, []);
    assert_eq!(verdict.packages[0].name, "tzdata");
}

#[test]
fn e2_npm_on_the_same_node_is_for_a_test() {
    let node = |version: &str| {
        Image::of(
            &debian()
                .program("usr/local/bin/node", program(&["libc.so.6"], version))
                .file(
                    "usr/lib/x86_64-linux-gnu/libstdc++.so.6",
                    library("libstdc++.so.6", &["libc.so.6"], "13"),
                ),
        )
        .set(
            "Env",
            json!([
                "PATH=/usr/local/bin:/usr/bin:/bin",
                format!("NODE_VERSION={version}")
            ]),
        )
    };
    let (old, new) = (node("20.11.0"), node("20.19.0"));
    let modules = Layer::new()
        .file(
            "app/node_modules/bcrypt/build/Release/bcrypt.node",
            library("bcrypt.node", &["libstdc++.so.6", "libc.so.6"], "x"),
        )
        .file(
            "app/node_modules/bcrypt/index.js",
            "require('./build/Release/bcrypt.node')",
        );
    let app = old
        .run(&modules)
        .copy(&Layer::new().file("app/index.js", "x"))
        .set("Cmd", json!(["node", "/app/index.js"]));
    passes(&judged(&old, &new, &app), Tier::Test);
}

/// The shape of docker-library/python#969: the same tag, the same minor, and setuptools is gone.
#[test]
fn e3_python_without_setuptools_is_unsafe() {
    let bare = || {
        debian()
            .program("usr/local/bin/python3.11", program(&["libc.so.6"], "3.11"))
            .link("usr/local/bin/python3", "python3.11")
            .link("usr/local/bin/python", "python3")
            .program("usr/local/bin/pip", "#!/usr/local/bin/python3.11\n")
            .file("usr/local/lib/python3.11/os.py", "os")
            .file(
                "usr/local/lib/python3.11/site-packages/pip/__init__.py",
                "pip",
            )
    };
    let whole = bare()
        .file(
            "usr/local/lib/python3.11/site-packages/setuptools/__init__.py",
            "setuptools",
        )
        .file(
            "usr/local/lib/python3.11/site-packages/pkg_resources/__init__.py",
            "pkg",
        )
        .file(
            "usr/local/lib/python3.11/site-packages/wheel/__init__.py",
            "wheel",
        )
        .program("usr/local/bin/wheel", "#!/usr/local/bin/python3.11\n");
    let (old, new) = (Image::of(&whole), Image::of(&bare()));
    let installed = old.run(&Layer::new().file(
        "usr/local/lib/python3.11/site-packages/flask/__init__.py",
        "import werkzeug",
    ));
    let verdict = judged(&old, &new, &installed);
    passes(&verdict, Tier::Unsafe);
    assert!(
        verdict
            .reasons
            .iter()
            .any(|reason| reason.code.word() == "H8" && reason.path.contains("setuptools")),
        "{verdict:#?}"
    );
    // Also where only a script is copied.
    let script = old
        .copy(&Layer::new().file("app/main.py", "print(1)"))
        .set("Cmd", json!(["python", "/app/main.py"]));
    passes(&judged(&old, &new, &script), Tier::Unsafe);
    // The patch release that removes nothing.
    let patched = whole
        .clone()
        .without("usr/local/lib/python3.11/os.py")
        .file("usr/local/lib/python3.11/os.py", "os 2");
    passes(&judged(&old, &Image::of(&patched), &installed), Tier::Test);
}

#[test]
fn e4_apt_install_is_unsafe() {
    let (old, new) = (Image::of(&debian()), Image::of(&patched()));
    let installed = Layer::new()
        .program("usr/bin/jq", program(&["libc.so.6"], "jq"))
        .file("var/lib/dpkg/info/jq.list", "/usr/bin/jq\n")
        .file("var/lib/dpkg/status", format!("{}\nPackage: jq\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.6\n", status("3.0.11-1")));
    refused(
        &judged(&old, &new, &old.run(&installed)),
        "H2",
        "var/lib/dpkg/status",
    );
}

/// E5: a jar on temurin: proven if the variables merge, its classes are for this Java, and it has no archive of classes.
#[test]
fn e5_a_jar_on_temurin_is_proven() {
    use crate::runtimes::{class, jar, temurin};
    let (old, new) = (temurin("21.0.1"), temurin("21.0.9"));
    let layer = Layer::new().file("app.jar", jar(&[("a/Main.class", class(65))]));
    let app = old
        .copy(&layer)
        .set("Entrypoint", json!(["java", "-jar", "/app.jar"]));
    let verdict = judged(&old, &new, &app);
    passes(&verdict, Tier::Proven);
    assert_eq!(verdict.reasons, []);
    // Both changed the variable: it does not merge.
    let own = app.set(
        "Env",
        json!([
            "JAVA_HOME=/app/java",
            "JAVA_VERSION=jdk-mine",
            "PATH=/usr/bin"
        ]),
    );
    refused(&judged(&old, &new, &own), "H21", "config.Env.JAVA_VERSION");
    // Its archive of classes is bound to the old Java.
    let archive = layer.file("opt/java/openjdk/lib/server/classes.jsa", "21.0.1");
    passes(&judged(&old, &new, &old.run(&archive)), Tier::Unsafe);
}

#[test]
fn e6_nginx_without_its_default_site() {
    let (old, new) = (Image::of(&debian()), Image::of(&patched()));
    let app = old
        .run(&Layer::new().gone("etc/nginx/conf.d/default.conf"))
        .copy(&Layer::new().file("etc/nginx/conf.d/app.conf", "server {}"));
    passes(&judged(&old, &new, &app), Tier::Test);
    let renamed = debian().without("etc/nginx/conf.d/default.conf").file(
        "etc/nginx/conf.d/00-default.conf",
        "server { listen 80; }\n",
    );
    refused(
        &judged(&old, &Image::of(&renamed), &app),
        "H4",
        "etc/nginx/conf.d/default.conf",
    );
}

#[test]
fn e7_a_user_added_by_the_app() {
    let alpine = |more: &str, patch: &str| {
        Image::of(
            &Layer::new()
                .file(
                    "etc/os-release",
                    format!("ID=alpine\nVERSION_ID=3.18.{patch}\n"),
                )
                .file("etc/passwd", format!("root:x:0:0::/root:/bin/ash\n{more}"))
                .file("etc/group", "root:x:0:\n")
                .file("lib/apk/db/installed", format!("P:musl\nV:1.2.{patch}\n"))
                .file(
                    "lib/ld-musl-x86_64.so.1",
                    library("libc.musl-x86_64.so.1", &[], patch),
                ),
        )
    };
    let old = alpine("", "4");
    let app = old.run(
        &Layer::new()
            .file(
                "etc/passwd",
                "root:x:0:0::/root:/bin/ash\napp:x:1000:1000::/app:/bin/ash\n",
            )
            .file("etc/group", "root:x:0:\napp:x:1000:\n"),
    );
    passes(&judged(&old, &alpine("", "5"), &app), Tier::Test);
    refused(
        &judged(&old, &alpine("ntp:x:123:123::/:/sbin/nologin\n", "5"), &app),
        "H10",
        "etc/passwd",
    );
}

/// E8: copy-only on a team's base that stands on Debian: after the team's base is rebuilt, the many are rebased.
#[test]
fn e8_copy_only_on_a_rebuilt_team_base() {
    let team = |base: &Layer, version: &str| {
        let tool = Layer::new()
            .program("usr/bin/jq", program(&["libc.so.6"], "jq"))
            .file("var/lib/dpkg/status", format!("{}\nPackage: jq\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.6\n", status(version)));
        Image::of(base).run(&tool)
    };
    let (old, new) = (team(&debian(), "3.0.11-1"), team(&patched(), "3.0.17-1"));
    let app = old
        .copy(&Layer::new().program("app/server", static_program("x")))
        .set("Cmd", json!(["/app/server"]));
    let verdict = judged(&old, &new, &app);
    passes(&verdict, Tier::Proven);
    assert_eq!(verdict.packages.len(), 1);
}

#[test]
fn e9_only_times_differ() {
    let old = Image::of(&debian());
    // A second, empty layer: other DiffIDs, the same tree.
    let new = Image::of(&debian()).copy(&Layer::new().folder("usr"));
    let app = old.run(&Layer::new().program("app/server", "#!/bin/sh\n"));
    let verdict = judged(&old, &new, &app);
    passes(&verdict, Tier::Proven);
    assert_eq!(verdict.reasons[0].code.word(), "SAME");
}

#[test]
fn e10_the_flip_to_merged_usr() {
    let split = Layer::new()
        .file("etc/os-release", "ID=debian\nVERSION_ID=\"11\"\n")
        .program("bin/dash", program(&["libc.so.6"], "dash"))
        .link("bin/sh", "dash")
        .file(
            "lib/x86_64-linux-gnu/libc.so.6",
            library("libc.so.6", &[], "c"),
        );
    let (old, new) = (Image::of(&split), Image::of(&debian()));
    let verdict = judged(
        &old,
        &new,
        &old.copy(
            &Layer::new()
                .folder("bin")
                .program("bin/tool", static_program("x")),
        ),
    );
    refused(&verdict, "H22", "etc/os-release");
    refused(&verdict, "H6", "bin");
}

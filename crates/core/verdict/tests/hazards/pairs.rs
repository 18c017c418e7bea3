//! Pairs: the hazard, and what looks like it and is none.

use crate::layers::{
    Image, Layer, debian, judged, library, passes, patched, program, refused, static_program,
    status,
};
use refloat_verdict::Tier;
use serde_json::json;

/// The app of most pairs: one static program.
fn app() -> Layer {
    Layer::new()
        .folder("app")
        .program("app/server", static_program("server"))
}

fn bases(new: &Layer) -> (Image, Image) {
    (Image::of(&debian()), Image::of(new))
}

#[test]
fn h1_a_copy_hides_the_patched_library() {
    let (old, new) = bases(&patched());
    let at = "usr/lib/x86_64-linux-gnu/libssl.so.3";
    let copy = app().file(at, library("libssl.so.3", &["libc.so.6"], "3.0.11"));
    let verdict = judged(&old, &new, &old.run(&copy));
    refused(&verdict, "H1", at);
    let reason = verdict
        .reasons
        .iter()
        .find(|reason| reason.path == at)
        .expect("told");
    assert!(
        reason
            .layer
            .as_deref()
            .expect("a layer")
            .starts_with("sha256:")
    );
    assert_ne!(reason.old, reason.new);

    // The app has the patched one already.
    let near = app().file(at, library("libssl.so.3", &["libc.so.6"], "3.0.17"));
    passes(&judged(&old, &new, &old.copy(&near)), Tier::Test);
    // Another name in the same directory.
    let near = app().file("usr/lib/x86_64-linux-gnu/libmine.so.1", "data");
    passes(&judged(&old, &new, &old.copy(&near)), Tier::Proven);
    // The same file, told with `./` and written twice: the last one counts.
    let twice = app()
        .file(&format!("./{at}"), "x")
        .file(at, library("libssl.so.3", &[], "own"));
    refused(&judged(&old, &new, &old.copy(&twice)), "H1", at);
}

#[test]
fn h1_a_file_that_the_base_dropped_or_brings() {
    let (old, new) = bases(&debian().without("usr/share/tool/data.txt"));
    let touched = app().owned("usr/share/tool/data.txt", "data", 0o600, (0, 0));
    refused(
        &judged(&old, &new, &old.copy(&touched)),
        "H1",
        "usr/share/tool/data.txt",
    );
    let (old, new) = bases(&debian().file("usr/share/tool/more.txt", "base's"));
    let own = app().file("usr/share/tool/more.txt", "app's");
    refused(
        &judged(&old, &new, &old.copy(&own)),
        "H1",
        "usr/share/tool/more.txt",
    );
    let same = app().file("usr/share/tool/more.txt", "base's");
    passes(&judged(&old, &new, &old.copy(&same)), Tier::Proven);
}

#[test]
fn h2_the_package_database() {
    let (old, new) = bases(&patched());
    let installed = app().file(
        "var/lib/dpkg/status",
        format!(
            "{}\nPackage: jq\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.6\n",
            status("3.0.11-1")
        ),
    );
    refused(
        &judged(&old, &new, &old.run(&installed)),
        "H2",
        "var/lib/dpkg/status",
    );
    // Only a list: the base's database changed all the same.
    let list = app().file("var/lib/dpkg/info/jq.list", "/usr/bin/jq\n");
    refused(
        &judged(&old, &new, &old.run(&list)),
        "H2",
        "var/lib/dpkg/info/jq.list",
    );
    // A lock that apt left behind is no database, and the base's changed file outside of it is not masked.
    let near = app().file("var/lib/dpkg/lock", "");
    passes(&judged(&old, &new, &old.copy(&near)), Tier::Proven);
    // The whole database deleted.
    let deleted = app().gone("var/lib/dpkg");
    refused(
        &judged(&old, &new, &old.run(&deleted)),
        "H2",
        "var/lib/dpkg",
    );
}

#[test]
fn h2_distroless_has_a_file_per_package() {
    let base = |version: &str| {
        debian()
            .without("var/lib/dpkg/status")
            .without("var/lib/dpkg/info/nginx.list")
            .file(
                "var/lib/dpkg/status.d/tzdata",
                format!("Package: tzdata\nVersion: {version}\nArchitecture: all\n"),
            )
    };
    let (old, new) = (Image::of(&base("2024a")), Image::of(&base("2024b")));
    let clash = app().file(
        "var/lib/dpkg/status.d/tzdata",
        "Package: tzdata\nVersion: 1\nArchitecture: all\n",
    );
    refused(
        &judged(&old, &new, &old.copy(&clash)),
        "H2",
        "var/lib/dpkg/status.d/tzdata",
    );
    let near = app().file(
        "var/lib/dpkg/status.d/mine",
        "Package: mine\nVersion: 1\nArchitecture: all\n",
    );
    let verdict = judged(&old, &new, &old.copy(&near));
    passes(&verdict, Tier::Proven);
    assert_eq!(verdict.packages[0].new.as_deref(), Some("2024b"));
}

#[test]
fn h3_derived_files() {
    // The base distrusts an authority; the app's bundle was made before.
    let (old, new) = bases(
        &debian()
            .without("usr/share/ca-certificates/bad.crt")
            .without("etc/ssl/certs/ca-certificates.crt")
            .file("etc/ssl/certs/ca-certificates.crt", "good"),
    );
    let bundle = app().file("etc/ssl/certs/ca-certificates.crt", "good bad own");
    refused(
        &judged(&old, &new, &old.run(&bundle)),
        "H3",
        "etc/ssl/certs/ca-certificates.crt",
    );
    // Only the loader's cache, while libraries changed.
    let (old, new) = bases(&patched());
    let cache = app().file("etc/ld.so.cache", "cache");
    refused(
        &judged(&old, &new, &old.run(&cache)),
        "H3",
        "etc/ld.so.cache",
    );
    // Compiled from a source that changed.
    let python = |text: &str| debian().file("usr/lib/python3/dist-packages/x.py", text);
    let (old, new) = (Image::of(&python("1")), Image::of(&python("2")));
    let compiled = app().file(
        "usr/lib/python3/dist-packages/__pycache__/x.cpython-311.pyc",
        "1",
    );
    refused(
        &judged(&old, &new, &old.run(&compiled)),
        "H3",
        "usr/lib/python3/dist-packages/__pycache__/x.cpython-311.pyc",
    );
    // The bundle, while the base changed nothing that it is made from.
    let (old, new) = bases(&patched());
    passes(&judged(&old, &new, &old.run(&bundle)), Tier::Test);
}

#[test]
fn h4_what_was_deleted_comes_back() {
    let at = "etc/nginx/conf.d/default.conf";
    let deleted = app().gone(at);
    // Renamed with the same content.
    let renamed = debian()
        .without(at)
        .file("etc/nginx/sites/welcome", "server { listen 80; }\n");
    let (old, new) = bases(&renamed);
    refused(&judged(&old, &new, &old.run(&deleted)), "H4", at);
    // Renamed and changed, in the same directory.
    let renamed = debian().without(at).file(
        "etc/nginx/conf.d/00-default.conf",
        "server { listen 8080; }\n",
    );
    let (old, new) = bases(&renamed);
    refused(&judged(&old, &new, &old.run(&deleted)), "H4", at);
    // Simply gone.
    let (old, new) = bases(&debian().without(at));
    passes(&judged(&old, &new, &old.run(&deleted)), Tier::Test);
    // Changed, and still hidden.
    let (old, new) = bases(&debian().without(at).file(at, "server { listen 81; }\n"));
    passes(&judged(&old, &new, &old.run(&deleted)), Tier::Test);
}

#[test]
fn h4_emptied_and_opaque_directories() {
    let more = debian().file("usr/share/tool/more.txt", "more");
    let (old, new) = bases(&more);
    let opaque = app()
        .opaque("usr/share/tool")
        .file("usr/share/tool/own.txt", "own");
    refused(
        &judged(&old, &new, &old.run(&opaque)),
        "H4",
        "usr/share/tool",
    );
    let whole = app().gone("usr/share/tool");
    refused(
        &judged(&old, &new, &old.run(&whole)),
        "H4",
        "usr/share/tool",
    );
    let each = app().gone("usr/share/tool/data.txt");
    refused(
        &judged(&old, &new, &old.run(&each)),
        "H4",
        "usr/share/tool/more.txt",
    );
    // Documentation may come back, and elsewhere nothing was added.
    let docs = debian().file("usr/share/doc/new/copyright", "x");
    let (old, new) = bases(&docs);
    passes(
        &judged(&old, &new, &old.copy(&app().gone("usr/share/doc"))),
        Tier::Proven,
    );
    let (old, new) = bases(&patched());
    passes(&judged(&old, &new, &old.copy(&opaque)), Tier::Proven);
}

#[test]
fn h5_a_directory_entry_keeps_the_old_owner() {
    let base = |mode: u32, owner: (u64, u64)| {
        debian()
            .without("var/www")
            .folder_as("var/www", mode, owner)
    };
    let (old, new) = (
        Image::of(&base(0o777, (33, 33))),
        Image::of(&base(0o750, (33, 33))),
    );
    let copied = app()
        .folder_as("var/www", 0o777, (33, 33))
        .file("var/www/index.html", "hello");
    refused(&judged(&old, &new, &old.copy(&copied)), "H5", "var/www");
    // No entry of the directory itself: the new attributes arrive.
    passes(
        &judged(
            &old,
            &new,
            &old.copy(&app().file("var/www/index.html", "hello")),
        ),
        Tier::Test,
    );
    // The entry says what the new base says.
    let agrees = app()
        .folder_as("var/www", 0o750, (33, 33))
        .file("var/www/index.html", "hello");
    passes(&judged(&old, &new, &old.copy(&agrees)), Tier::Proven);
}

#[test]
fn h5_a_directory_that_only_one_base_has() {
    let (old, new) = bases(&debian().folder_as("app", 0o700, (0, 0)));
    let implied = Layer::new().program("app/server", static_program("server"));
    refused(&judged(&old, &new, &old.copy(&implied)), "H5", "app");
    let data = Image::of(&debian().folder_as("data", 0o1777, (0, 0)));
    let below = Layer::new().file("data/seed", "x");
    refused(
        &judged(&data, &Image::of(&debian()), &data.copy(&below)),
        "H5",
        "data",
    );
    let (old, new) = bases(&debian().folder("app"));
    passes(&judged(&old, &new, &old.copy(&implied)), Tier::Proven);
}

#[test]
fn h1_a_link_in_place_of_a_directory() {
    let (old, new) = bases(&debian().file("usr/share/tool/more.txt", "more"));
    let moved = Layer::new().link("usr/share/tool", "/data/tool");
    refused(
        &judged(&old, &new, &old.run(&moved)),
        "H1",
        "usr/share/tool",
    );
    let (old, new) = bases(&patched());
    passes(&judged(&old, &new, &old.copy(&moved)), Tier::Proven);
}

#[test]
fn defaults_of_the_base_arrive_and_are_for_a_test() {
    let (old, new) = bases(&patched());
    let (old, new) = (
        old.set("Cmd", json!(["/usr/bin/dash"])),
        new.set("Cmd", json!(["/usr/bin/bash"])),
    );
    passes(&judged(&old, &new, &old.copy(&app())), Tier::Test);
    passes(
        &judged(
            &old,
            &new,
            &old.copy(&app()).set("Cmd", json!(["/app/server"])),
        ),
        Tier::Proven,
    );
}

#[test]
fn h6_parents_become_links() {
    let split = debian().folder("opt/tool").file("opt/tool/readme", "x");
    let linked = debian()
        .folder("srv/tool")
        .file("srv/tool/readme", "x")
        .link("opt/tool", "../srv/tool");
    let (old, new) = (Image::of(&split), Image::of(&linked));
    let below = app().file("opt/tool/plugin", "p");
    refused(
        &judged(&old, &new, &old.copy(&below)),
        "H6",
        "opt/tool/plugin",
    );
    // A directory became a file; absolute and relative links to the same place are the same.
    let (old, new) = (
        Image::of(&split),
        Image::of(&debian().file("opt/tool", "a file")),
    );
    refused(&judged(&old, &new, &old.copy(&below)), "H6", "opt/tool");
    let absolute = debian()
        .folder("srv/tool")
        .file("srv/tool/readme", "x")
        .link("opt/tool", "/srv/tool");
    let (old, new) = (Image::of(&linked), Image::of(&absolute));
    passes(&judged(&old, &new, &old.copy(&below)), Tier::Test);
    // Below a link that both bases have: for a test, since runtimes disagree.
    let (old, new) = bases(&patched());
    passes(
        &judged(&old, &new, &old.copy(&app().file("lib/mine.txt", "x"))),
        Tier::Test,
    );
    // A whiteout below what became a link.
    let (old, new) = (Image::of(&split), Image::of(&linked));
    refused(
        &judged(&old, &new, &old.run(&app().gone("opt/tool/readme"))),
        "H6",
        "opt/tool/readme",
    );
}

#[test]
fn h7_hard_links_into_the_base() {
    let (old, new) = bases(&patched());
    let link = app().hard("app/libssl.so.3", "usr/lib/x86_64-linux-gnu/libssl.so.3");
    refused(
        &judged(&old, &new, &old.copy(&link)),
        "H7",
        "app/libssl.so.3",
    );
    let near = app().hard("app/data.txt", "usr/share/tool/data.txt");
    passes(&judged(&old, &new, &old.copy(&near)), Tier::Test);
    // Hard links inside of the layer are just names.
    let farm = app()
        .hard("app/one", "app/server")
        .hard("app/two", "app/server");
    passes(&judged(&old, &new, &old.copy(&farm)), Tier::Proven);
}

#[test]
fn h8_something_that_is_used_is_gone() {
    let (old, new) = bases(&debian().without("usr/bin/curl"));
    let uses = app().file("app/check.txt", "run curl -f http://localhost\n");
    refused(&judged(&old, &new, &old.copy(&uses)), "H8", "usr/bin/curl");
    // A link of the app's to it.
    let link = app().link("app/fetch", "/usr/bin/curl");
    refused(&judged(&old, &new, &old.copy(&link)), "H8", "app/fetch");
    // Nobody speaks of it; a compiled program could all the same.
    let page = Layer::new().file("srv/index.html", "hello");
    passes(&judged(&old, &new, &old.copy(&page)), Tier::Proven);
    passes(&judged(&old, &new, &old.copy(&app())), Tier::Test);
    passes(&judged(&old, &new, &old.run(&app())), Tier::Test);
    // Documentation is not used.
    let (old, new) = bases(&debian().without("usr/share/doc/openssl/changelog"));
    let speaks = app().file("app/notes.txt", "see changelog\n");
    passes(&judged(&old, &new, &old.copy(&speaks)), Tier::Proven);
    // The library's file is called otherwise; its name for others stays.
    let renamed = debian()
        .without("usr/lib/x86_64-linux-gnu/libz.so.1.2.13")
        .without("usr/lib/x86_64-linux-gnu/libz.so.1")
        .file(
            "usr/lib/x86_64-linux-gnu/libz.so.1.2.14",
            library("libz.so.1", &["libc.so.6"], "1.2.14"),
        )
        .link("usr/lib/x86_64-linux-gnu/libz.so.1", "libz.so.1.2.14");
    let (old, new) = bases(&renamed);
    passes(&judged(&old, &new, &old.copy(&app())), Tier::Proven);
    let zlib = app().program("app/zip", program(&["libz.so.1"], "zip"));
    passes(&judged(&old, &new, &old.copy(&zlib)), Tier::Test);
}

#[test]
fn h9_capabilities_and_set_id_bits() {
    let dropped = debian()
        .without("usr/bin/ping")
        .capability(b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0")
        .program("usr/bin/ping", program(&["libc.so.6"], "ping"));
    let (old, new) = bases(&dropped);
    let uses = old
        .copy(&app())
        .set("Cmd", json!(["ping", "-c1", "localhost"]));
    refused(&judged(&old, &new, &uses), "H9", "usr/bin/ping");
    passes(&judged(&old, &new, &old.copy(&app())), Tier::Test);
}

#[test]
fn h10_users_on_both_sides() {
    let base = "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www:/var/www:/usr/sbin/nologin\n";
    let more = debian().without("etc/passwd").file(
        "etc/passwd",
        format!("{base}sshd:x:100:65534::/run/sshd:/bin/false\n"),
    );
    let (old, new) = bases(&more);
    let adduser = app().file(
        "etc/passwd",
        format!("{base}app:x:1000:1000::/app:/bin/sh\n"),
    );
    refused(&judged(&old, &new, &old.run(&adduser)), "H10", "etc/passwd");
    let (old, new) = bases(&patched());
    passes(&judged(&old, &new, &old.run(&adduser)), Tier::Test);
}

#[test]
fn h11_numbers_that_mean_somebody_else() {
    let moved = debian()
        .without("etc/passwd")
        .file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nwww-data:x:82:82:www:/var/www:/usr/sbin/nologin\ndb:x:33:33::/db:/bin/sh\n");
    let (old, new) = bases(&moved);
    let by_name = old.copy(&app()).set("User", json!("www-data"));
    refused(&judged(&old, &new, &by_name), "H11", "config.User");
    let files = old.copy(&app().owned("app/upload", "x", 0o600, (33, 0)));
    refused(&judged(&old, &new, &files), "H11", "app/upload");
    let near = old
        .copy(&app().owned("app/upload", "x", 0o600, (1000, 1000)))
        .set("User", json!("1000"));
    passes(&judged(&old, &new, &near), Tier::Proven);
}

#[test]
fn h12_the_loader() {
    let without = debian()
        .without("usr/lib64/ld-linux-x86-64.so.2")
        .folder("usr/lib64");
    let (old, new) = bases(&without);
    let dynamic = app().program("app/tool", program(&["libc.so.6"], "tool"));
    refused(&judged(&old, &new, &old.copy(&dynamic)), "H12", "app/tool");
    let (old, new) = bases(&debian().without("usr/share/tool/data.txt"));
    passes(&judged(&old, &new, &old.copy(&dynamic)), Tier::Proven);
}

#[test]
fn h13_needed_libraries() {
    let tool = app().program("app/tool", program(&["libssl.so.3"], "tool"));
    // Gone, and replaced by the next version.
    let next = debian()
        .without("usr/lib/x86_64-linux-gnu/libssl.so.3")
        .file(
            "usr/lib/x86_64-linux-gnu/libssl.so.4",
            library("libssl.so.4", &[], "4"),
        );
    let (old, new) = bases(&next);
    refused(&judged(&old, &new, &old.copy(&tool)), "H13", "app/tool");
    // The name stays as a link to another library.
    let lying = debian()
        .without("usr/lib/x86_64-linux-gnu/libssl.so.3")
        .file(
            "usr/lib/x86_64-linux-gnu/libssl.so.4",
            library("libssl.so.4", &[], "4"),
        )
        .link("usr/lib/x86_64-linux-gnu/libssl.so.3", "libssl.so.4");
    let (old, new) = bases(&lying);
    refused(
        &judged(&old, &new, &old.copy(&tool)),
        "H13",
        "usr/lib/x86_64-linux-gnu/libssl.so.4",
    );
    // Needed by a library of the base that the app loads.
    let deeper = debian()
        .without("usr/lib/x86_64-linux-gnu/libssl.so.3")
        .file(
            "usr/lib/x86_64-linux-gnu/libssl.so.3",
            library("libssl.so.3", &["libjitter.so.1"], "3.1"),
        );
    let (old, new) = bases(&deeper);
    refused(&judged(&old, &new, &old.copy(&tool)), "H13", "app/tool");
    // The app brings it itself, beside the program.
    let own = Layer::new()
        .program(
            "app/bin/tool",
            crate::layers::Elf {
                interpreter: Some(crate::layers::LOADER),
                soname: None,
                needed: &["libssl.so.3"],
                runpath: Some("$ORIGIN/../lib"),
                salt: "x",
            }
            .bytes(),
        )
        .file(
            "app/lib/libssl.so.3",
            library("libssl.so.3", &["libc.so.6"], "own"),
        );
    let (old, new) = bases(&next);
    passes(&judged(&old, &new, &old.copy(&own)), Tier::Test);
    // Changed behind the same name: its symbols were not compared.
    let (old, new) = bases(&patched());
    let verdict = judged(&old, &new, &old.copy(&tool));
    passes(&verdict, Tier::Test);
    assert!(
        verdict
            .reasons
            .iter()
            .any(|reason| reason.code.word() == "DYNAMIC")
    );
}

#[test]
fn h16_the_base_would_load_the_apps_library() {
    let (old, new) = bases(&patched().without("usr/bin/curl").program(
        "usr/bin/curl",
        program(&["libssl.so.3", "libmine.so.1"], "curl 2"),
    ));
    let shadow = app().file(
        "usr/local/lib/x86_64-linux-gnu/libssl.so.3",
        library("libssl.so.3", &["libc.so.6"], "old"),
    );
    refused(
        &judged(&old, &new, &old.copy(&shadow)),
        "H16",
        "usr/local/lib/x86_64-linux-gnu/libssl.so.3",
    );
    let near = app().file(
        "app/lib/libssl.so.3",
        library("libssl.so.3", &["libc.so.6"], "old"),
    );
    passes(&judged(&old, &new, &old.copy(&near)), Tier::Test);
}

#[test]
fn h17_the_language_moved() {
    let python = |minor: u32, salt: &str| {
        debian()
            .program(
                &format!("usr/local/bin/python3.{minor}"),
                program(&["libc.so.6"], salt),
            )
            .link("usr/local/bin/python3", &format!("python3.{minor}"))
            .file(&format!("usr/local/lib/python3.{minor}/os.py"), salt)
    };
    let site = app().file(
        "usr/local/lib/python3.11/site-packages/flask/app.py",
        "import os\n",
    );
    let (old, new) = (Image::of(&python(11, "a")), Image::of(&python(12, "a")));
    let verdict = judged(&old, &new, &old.run(&site));
    refused(
        &verdict,
        "H17",
        "usr/local/lib/python3.11/site-packages/flask/app.py",
    );
    let (old, new) = (Image::of(&python(11, "a")), Image::of(&python(11, "b")));
    passes(&judged(&old, &new, &old.run(&site)), Tier::Test);
    // By the variable alone: node's files do not tell.
    let node = |version: &str| {
        Image::of(&debian().program("usr/local/bin/node", program(&["libc.so.6"], version))).set(
            "Env",
            json!([
                "PATH=/usr/local/bin:/usr/bin",
                format!("NODE_VERSION={version}")
            ]),
        )
    };
    let js = app().file("app/node_modules/x/index.js", "x");
    let (old, new) = (node("20.11.0"), node("22.1.0"));
    refused(
        &judged(&old, &new, &old.copy(&js)),
        "H17",
        "app/node_modules/x/index.js",
    );
    let new = node("20.19.0");
    passes(&judged(&old, &new, &old.copy(&js)), Tier::Test);
}

#[test]
fn h18_java_home() {
    let java = |version: &str| {
        let home = format!("/opt/java-{version}");
        let layer = debian().program(
            &format!("opt/java-{version}/bin/java"),
            program(&["libc.so.6"], version),
        );
        Image::of(&layer).set(
            "Env",
            json!([
                format!("PATH={home}/bin:/usr/bin"),
                format!("JAVA_HOME={home}")
            ]),
        )
    };
    let (old, new) = (java("17.0.8"), java("17.0.9"));
    let jar = Layer::new().file("app/app.jar", "PK\x03\x04 classes");
    let inherits = old
        .copy(&jar)
        .set("Entrypoint", json!(["java", "-jar", "/app/app.jar"]));
    passes(&judged(&old, &new, &inherits), Tier::Test);
    let written_out = old.copy(&jar).set(
        "Entrypoint",
        json!(["/opt/java-17.0.8/bin/java", "-jar", "/app/app.jar"]),
    );
    refused(
        &judged(&old, &new, &written_out),
        "H19",
        "config.Entrypoint",
    );
    let own_variable = old.copy(&jar).set(
        "Env",
        json!([
            "PATH=/usr/bin",
            "JAVA_HOME=/opt/java-17.0.8",
            "TOOL_HOME=/usr/share/tool"
        ]),
    );
    passes(
        &judged(
            &old,
            &Image::of(&patched()).set(
                "Env",
                json!(["PATH=/usr/bin", "JAVA_HOME=/opt/java-17.0.8"]),
            ),
            &own_variable,
        ),
        Tier::Unsafe,
    );
}

#[test]
fn h19_what_is_started() {
    let script = app().program("app/start", "#!/bin/sh\nexec /app/server\n");
    // sh was dash and is bash.
    let (old, new) = bases(&debian().without("usr/bin/sh").link("usr/bin/sh", "bash"));
    let started = old.copy(&script).set("Cmd", json!(["/app/start"]));
    refused(&judged(&old, &new, &started), "H19", "app/start");
    // The entrypoint is gone.
    let (old, new) = bases(&debian().without("usr/bin/curl"));
    let curl = old.copy(&app()).set("Entrypoint", json!(["curl"]));
    refused(&judged(&old, &new, &curl), "H19", "config.Entrypoint");
    // A busybox: one file of many names took the place of the shell.
    let mut box_layer = debian()
        .without("usr/bin/sh")
        .program("usr/bin/busybox", static_program("busybox"))
        .hard("usr/bin/sh", "usr/bin/busybox");
    for name in ["ls", "cp", "mv", "rm", "cat"] {
        box_layer = box_layer.hard(&format!("usr/bin/{name}"), "usr/bin/busybox");
    }
    let (old, new) = bases(&box_layer);
    let started = old.copy(&script).set("Cmd", json!(["/app/start"]));
    refused(&judged(&old, &new, &started), "H19", "app/start");
    // The shell is untouched.
    let (old, new) = bases(&patched());
    let started = old.copy(&script).set("Cmd", json!(["/app/start"]));
    passes(&judged(&old, &new, &started), Tier::Test);
    // The app's own static program needs nothing.
    let own = old.copy(&app()).set("Entrypoint", json!(["/app/server"]));
    passes(&judged(&old, &new, &own), Tier::Proven);
}

#[test]
fn h20_configuration_beside_the_apps() {
    let (old, new) = bases(
        &debian()
            .without("etc/nginx/nginx.conf")
            .file("etc/nginx/nginx.conf", "include sites/*;\n"),
    );
    let beside = app().file("etc/nginx/conf.d/app.conf", "server {}\n");
    let verdict = judged(&old, &new, &old.copy(&beside));
    passes(&verdict, Tier::Test);
    assert_eq!(verdict.reasons[0].code.word(), "H20");
    let edited = app().file("etc/nginx/nginx.conf", "include conf.d/*.conf; gzip on;\n");
    refused(
        &judged(&old, &new, &old.run(&edited)),
        "H1",
        "etc/nginx/nginx.conf",
    );
    passes(
        &judged(&old, &new, &old.copy(&app().file("etc/app/app.conf", "x"))),
        Tier::Proven,
    );
}

#[test]
fn h21_configs_that_cannot_be_merged() {
    let (old, new) = bases(&patched());
    let (old, new) = (
        old.set("Env", json!(["MODE=a"])),
        new.set("Env", json!(["MODE=b"])),
    );
    let own = old.copy(&app()).set("Env", json!(["MODE=c"]));
    let verdict = judged(&old, &new, &own);
    refused(&verdict, "H21", "config.Env.MODE");
    assert_eq!(
        (
            verdict.reasons[0].old.as_deref(),
            verdict.reasons[0].new.as_deref()
        ),
        (Some("a"), Some("b"))
    );
    passes(&judged(&old, &new, &old.copy(&app())), Tier::Proven);
}

#[test]
fn h22_another_thing() {
    let next = debian()
        .without("usr/lib/os-release")
        .file("usr/lib/os-release", "ID=debian\nVERSION_ID=\"13\"\n");
    let (old, new) = bases(&next);
    refused(
        &judged(&old, &new, &old.copy(&app())),
        "H22",
        "etc/os-release",
    );
    let (old, new) = bases(&patched());
    let user = new.set("User", json!("www-data"));
    refused(
        &judged(&old, &user, &old.copy(&app())),
        "H22",
        "config.User",
    );
    let musl = debian().file(
        "usr/lib/ld-musl-x86_64.so.1",
        library("libc.musl-x86_64.so.1", &[], "musl"),
    );
    refused(
        &judged(&old, &Image::of(&musl), &old.copy(&app())),
        "H22",
        "lib",
    );
    // A new line that is not the version.
    let near = debian().without("usr/lib/os-release").file(
        "usr/lib/os-release",
        "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"12.9\"\n",
    );
    passes(
        &judged(&old, &Image::of(&near), &old.copy(&app())),
        Tier::Proven,
    );
}

#[test]
fn h25_new_files_change_lookups() {
    // A program found before the one that is started.
    let (old, new) =
        bases(&debian().program("usr/local/bin/curl", program(&["libc.so.6"], "other curl")));
    let curl = old.copy(&app()).set("Entrypoint", json!(["curl"]));
    refused(&judged(&old, &new, &curl), "H25", "config.Entrypoint");
    // A library found before the one that is loaded.
    let (old, new) = bases(&debian().file(
        "usr/local/lib/x86_64-linux-gnu/libssl.so.3",
        library("libssl.so.3", &[], "local"),
    ));
    let tool = app().program("app/tool", program(&["libssl.so.3"], "tool"));
    refused(
        &judged(&old, &new, &old.copy(&tool)),
        "H25",
        "usr/local/lib/x86_64-linux-gnu/libssl.so.3",
    );
    // A drop-in is for a test; a new program that nobody speaks of changes nothing.
    let (old, new) = bases(&debian().file("etc/profile.d/new.sh", "export X=1\n"));
    passes(&judged(&old, &new, &old.copy(&app())), Tier::Test);
    let (old, new) = bases(&debian().program("usr/bin/brandnew", static_program("new")));
    passes(&judged(&old, &new, &old.copy(&app())), Tier::Proven);
}

//! Variants of the hazards that the plain pairs do not have: links through links, layers that undo each other, chains.

use crate::layers::{
    Elf, Image, LOADER, Layer, debian, judged, library, patched, program, static_program,
};
use refloat_verdict::Tier;
use serde_json::json;

/// The least that the verdict must be, and the most.
struct Expected {
    name: &'static str,
    old: Image,
    new: Image,
    app: Image,
    tiers: &'static [Tier],
    code: &'static str,
}

const UNSAFE: &[Tier] = &[Tier::Unsafe];
const TEST: &[Tier] = &[Tier::Test];
const PASSES: &[Tier] = &[Tier::Proven, Tier::Test];
const PROVEN: &[Tier] = &[Tier::Proven];

const LIB: &str = "usr/lib/x86_64-linux-gnu";

fn app() -> Layer {
    Layer::new()
        .folder("app")
        .program("app/server", static_program("server"))
}

fn script(text: &str) -> Layer {
    Layer::new().program("app/run", text)
}

fn check(cases: Vec<Expected>) {
    let mut wrong = Vec::new();
    for case in cases {
        let verdict = judged(&case.old, &case.new, &case.app);
        let told: Vec<String> = verdict
            .reasons
            .iter()
            .take(6)
            .map(|reason| {
                format!(
                    "{:?} {} {} {}",
                    reason.tier,
                    reason.code.word(),
                    reason.path,
                    reason.detail
                )
            })
            .collect();
        let has_code = case.code.is_empty()
            || verdict
                .reasons
                .iter()
                .any(|reason| reason.code.word() == case.code && reason.tier == verdict.tier);
        if !case.tiers.contains(&verdict.tier) || !has_code {
            wrong.push(format!(
                "{}: {:?}, wanted {:?} {}\n    {}",
                case.name,
                verdict.tier,
                case.tiers,
                case.code,
                told.join("\n    ")
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn case(
    name: &'static str,
    (old, new): (&Layer, &Layer),
    app: impl Fn(&Image) -> Image,
    tiers: &'static [Tier],
    code: &'static str,
) -> Expected {
    let (old, new) = (Image::of(old), Image::of(new));
    let app = app(&old);
    Expected {
        name,
        old,
        new,
        app,
        tiers,
        code,
    }
}

#[test]
fn what_the_image_writes_over_the_base() {
    let ssl = format!("{LIB}/libssl.so.3");
    let bases = || (debian(), patched());
    let own = || library("libssl.so.3", &["libc.so.6"], "own");
    let (old, new) = bases();
    let pair = (&old, &new);
    check(vec![
        case(
            "through the link of merged usr",
            pair,
            |base| base.copy(&app().file("lib/x86_64-linux-gnu/libssl.so.3", own())),
            UNSAFE,
            "H1",
        ),
        case(
            "as a hard link in the same layer",
            pair,
            |base| base.copy(&app().file("app/libssl", own()).hard(&ssl, "app/libssl")),
            UNSAFE,
            "H1",
        ),
        case(
            "as a link to a copy",
            pair,
            |base| base.copy(&app().file("app/libssl", own()).link(&ssl, "/app/libssl")),
            UNSAFE,
            "H1",
        ),
        case(
            "in one layer, again in the next",
            pair,
            |base| {
                base.copy(&app().file(&ssl, own()))
                    .copy(&Layer::new().file(&ssl, own()))
            },
            UNSAFE,
            "H1",
        ),
        case(
            "deleted, then written by a later layer",
            pair,
            |base| {
                base.run(&app().gone(&ssl))
                    .copy(&Layer::new().file(&ssl, own()))
            },
            UNSAFE,
            "H1",
        ),
        case(
            "written, then deleted by a later layer",
            pair,
            |base| {
                base.copy(&app().file(&ssl, own()))
                    .run(&Layer::new().gone(&ssl))
            },
            PASSES,
            "",
        ),
        case(
            "the directory emptied and filled again",
            pair,
            |base| base.run(&app().opaque(LIB).file(&ssl, own())),
            UNSAFE,
            "",
        ),
        case(
            "only touched: another mode",
            pair,
            |base| {
                base.run(&app().owned(
                    &ssl,
                    library("libssl.so.3", &["libc.so.6"], "3.0.11"),
                    0o755,
                    (0, 0),
                ))
            },
            UNSAFE,
            "H1",
        ),
        case(
            "a copy elsewhere is seen",
            pair,
            |base| {
                base.copy(&app().file(
                    "opt/libssl.so.3",
                    library("libssl.so.3", &["libc.so.6"], "3.0.11"),
                ))
            },
            &[Tier::Unsafe, Tier::Test],
            "H23",
        ),
    ]);
}

#[test]
fn derived_files_in_other_places() {
    let old = debian().link("etc/ssl/cert.pem", "certs/ca-certificates.crt");
    let new = debian()
        .link("etc/ssl/cert.pem", "certs/ca-certificates.crt")
        .without("usr/share/ca-certificates/bad.crt")
        .without("etc/ssl/certs/ca-certificates.crt")
        .file("etc/ssl/certs/ca-certificates.crt", "good");
    let pair = (&old, &new);
    check(vec![
        case(
            "alpine's own name of the bundle",
            pair,
            |base| base.run(&app().file("etc/ssl/cert.pem", "good bad mine")),
            UNSAFE,
            "H3",
        ),
        case(
            "the bundle of OpenSSL's folder",
            pair,
            |base| base.run(&app().file("usr/lib/ssl/cert.pem", "good bad mine")),
            UNSAFE,
            "H3",
        ),
        case(
            "Java's store",
            pair,
            |base| base.run(&app().file("etc/ssl/certs/java/cacerts", "store")),
            UNSAFE,
            "H3",
        ),
        case(
            "Java's store in its own place",
            pair,
            |base| base.run(&app().file("opt/java/openjdk/lib/security/cacerts", "store")),
            UNSAFE,
            "H3",
        ),
        case(
            "red hat's place",
            pair,
            |base| base.run(&app().file("etc/pki/tls/cert.pem", "good bad mine")),
            UNSAFE,
            "H3",
        ),
        case(
            "a certificate of its own beside them, not joined",
            pair,
            |base| base.copy(&app().file("usr/local/share/ca-certificates/mine.crt", "mine")),
            PASSES,
            "",
        ),
    ]);
}

#[test]
fn what_is_deleted_and_comes_back() {
    let old = debian();
    let moved = debian()
        .without("etc/nginx/conf.d/default.conf")
        .file("etc/nginx/http.d/default.conf", "server { listen 80; }\n");
    let more = debian().file("etc/nginx/conf.d/10-status.conf", "status");
    let kept = debian()
        .without("etc/nginx/nginx.conf")
        .file("etc/nginx/nginx.conf", "include conf.d/*.conf; # new\n");
    let gone = "etc/nginx/conf.d/default.conf";
    check(vec![
        case(
            "moved to another directory",
            (&old, &moved),
            |base| base.run(&app().gone(gone)),
            UNSAFE,
            "H4",
        ),
        case(
            "the directory deleted, and made again",
            (&old, &more),
            |base| {
                base.run(
                    &app()
                        .gone("etc/nginx/conf.d")
                        .folder("etc/nginx/conf.d")
                        .file("etc/nginx/conf.d/mine.conf", "x"),
                )
            },
            UNSAFE,
            "H4",
        ),
        case(
            "all deleted one by one",
            (&old, &more),
            |base| base.run(&app().gone(gone)),
            UNSAFE,
            "H4",
        ),
        case(
            "a directory above deleted",
            (&old, &more),
            |base| base.run(&app().gone("etc/nginx")),
            UNSAFE,
            "H4",
        ),
        case(
            "deleted, and the base changed another",
            (&old, &kept),
            |base| base.run(&app().gone(gone)),
            TEST,
            "",
        ),
    ]);
}

#[test]
fn loaders_and_libraries() {
    let foo = |salt: &str| library("libfoo.so.1", &["libc.so.6"], salt);
    let needs_foo = || program(&["libfoo.so.1", "libc.so.6"], "tool");
    let old = debian()
        .file("opt/lib/libfoo.so.1", foo("1"))
        .file("etc/ld.so.conf.d/opt.conf", "/opt/lib\n");
    let unlisted = debian().file("opt/lib/libfoo.so.1", foo("1"));
    let elsewhere = debian().file("srv/lib/libfoo.so.1", foo("1"));
    let here = debian().file("opt/lib/libfoo.so.1", foo("1"));
    let run = |path: &str| {
        Elf {
            interpreter: Some(LOADER),
            soname: None,
            needed: &["libfoo.so.1"],
            runpath: Some(path),
            salt: "r",
        }
        .bytes()
    };
    let absolute = || program(&["/opt/lib/libfoo.so.1"], "absolute");
    let bare = debian();
    let opened = debian().file(&format!("{LIB}/libfoo.so.1"), foo("1"));
    check(vec![
        case(
            "the list of directories is shorter",
            (&old, &unlisted),
            |base| base.copy(&app().program("app/tool", needs_foo())),
            UNSAFE,
            "H13",
        ),
        case(
            "a needed name that is a path",
            (&here, &elsewhere),
            |base| base.copy(&app().program("app/tool", absolute())),
            UNSAFE,
            "H13",
        ),
        case(
            "RUNPATH into the base",
            (&here, &elsewhere),
            |base| base.copy(&app().program("app/tool", run("/opt/lib"))),
            UNSAFE,
            "H13",
        ),
        case(
            "RUNPATH from the program's place",
            (&here, &elsewhere),
            |base| base.copy(&app().program("app/tool", run("$ORIGIN/../opt/lib"))),
            UNSAFE,
            "H13",
        ),
        case(
            "RUNPATH from the place that a link leads to",
            (&here, &elsewhere),
            |base| {
                base.copy(
                    &app()
                        .program("app/tool", run("${ORIGIN}/../opt/lib"))
                        .link("usr/bin/tool", "/app/tool"),
                )
            },
            UNSAFE,
            "H13",
        ),
        case(
            "a native part of a node module",
            (&opened, &bare),
            |base| {
                base.copy(&app().file(
                    "app/node_modules/x/build/Release/x.node",
                    library("x.node", &["libfoo.so.1"], "n"),
                ))
            },
            UNSAFE,
            "H13",
        ),
        case(
            "opened by a script by name",
            (&opened, &bare),
            |base| {
                base.copy(&app().file("app/x.py", "import ctypes\nctypes.CDLL('libfoo.so.1')\n"))
            },
            UNSAFE,
            "H8",
        ),
        case(
            "opened by a program by name",
            (&opened, &bare),
            |base| {
                base.copy(&app().program("app/tool", program(&["libc.so.6"], "x\0libfoo.so.1\0y")))
            },
            UNSAFE,
            "H8",
        ),
        case(
            "a link of the image to the base's library",
            (&opened, &bare),
            |base| {
                base.copy(&app().link("app/libfoo.so", "../usr/lib/x86_64-linux-gnu/libfoo.so.1"))
            },
            UNSAFE,
            "H8",
        ),
        case(
            "not used at all",
            (&opened, &bare),
            |base| base.copy(&app()),
            PASSES,
            "",
        ),
    ]);
    let with = Image::of(&here).set(
        "Env",
        json!(["PATH=/usr/bin:/bin", "LD_LIBRARY_PATH=/opt/lib"]),
    );
    let without = Image::of(&here).set("Env", json!(["PATH=/usr/bin:/bin"]));
    let tool = with.copy(&app().program("app/tool", needs_foo()));
    check(vec![Expected {
        name: "LD_LIBRARY_PATH of the base is gone",
        old: with.clone(),
        new: without,
        app: tool,
        tiers: UNSAFE,
        code: "H13",
    }]);
}

#[test]
fn what_starts_and_what_starts_that() {
    let entry = |shebang: &str| format!("{shebang}\nexec \"$@\"\n");
    let base = |interpreter: &str| debian().program("docker-entrypoint.sh", entry(interpreter));
    let bash_gone = || debian().without("usr/bin/bash");
    let old = base("#!/bin/bash");
    let new = bash_gone().program("docker-entrypoint.sh", entry("#!/bin/bash"));
    let started =
        |layer: &Layer| Image::of(layer).set("Entrypoint", json!(["/docker-entrypoint.sh"]));
    let wrapper = |layer: Layer| layer.program("usr/bin/wrapper", "#!/usr/bin/bash\nexec \"$@\"\n");
    let both = (wrapper(debian()), wrapper(bash_gone()));
    let tool =
        |layer: Layer, needed: &[&str]| layer.program("usr/bin/tool", program(needed, "tool"));
    let (whole, broken) = (
        tool(
            debian().file(
                &format!("{LIB}/libbar.so.1"),
                library("libbar.so.1", &[], "bar"),
            ),
            &["libbar.so.1"],
        ),
        tool(debian(), &["libbar.so.1"]),
    );
    let python = |layer: Layer| layer.program("usr/bin/python3", program(&["libc.so.6"], "py"));
    let (with, without) = (python(debian()), debian());
    let versioned = |version: &str| {
        debian()
            .program(
                &format!("usr/bin/python{version}"),
                program(&["libc.so.6"], version),
            )
            .link("usr/bin/python3", &format!("python{version}"))
            .file(&format!("usr/lib/python{version}/os.py"), version)
    };
    let (eleven, twelve) = (versioned("3.11"), versioned("3.12"));
    let mut cases = vec![
        case(
            "an interpreter that is a script",
            (&both.0, &both.1),
            |base| base.copy(&script("#!/usr/bin/wrapper\nhello\n")),
            UNSAFE,
            "H19",
        ),
        case(
            "env -S with flags",
            (&with, &without),
            |base| base.copy(&script("#!/usr/bin/env -S python3 -u\nprint()\n")),
            UNSAFE,
            "H19",
        ),
        case(
            "env -S with a variable before",
            (&with, &without),
            |base| {
                base.copy(&script(
                    "#!/usr/bin/env -S PYTHONPATH=/app python3\nprint()\n",
                ))
            },
            UNSAFE,
            "H19",
        ),
        case(
            "env with a variable",
            (&with, &without),
            |base| base.copy(&script("#!/usr/bin/env  python3\nprint()\n")),
            UNSAFE,
            "H19",
        ),
        case(
            "an interpreter by version",
            (&eleven, &twelve),
            |base| base.copy(&script("#!/usr/bin/python3.11\nprint()\n")),
            UNSAFE,
            "H19",
        ),
        case(
            "behind tini",
            (&with, &without),
            |base| {
                base.copy(&app().program("app/tini", static_program("t")))
                    .set(
                        "Entrypoint",
                        json!(["/app/tini", "--", "python3", "/app/x.py"]),
                    )
            },
            UNSAFE,
            "",
        ),
        case(
            "in a shell line",
            (&with, &without),
            |base| {
                base.copy(&app()).set(
                    "Cmd",
                    json!(["/bin/sh", "-c", "cd /app && exec python3 -m x"]),
                )
            },
            UNSAFE,
            "H19",
        ),
        case(
            "a health check",
            (&with, &without),
            |base| {
                base.copy(&app()).set(
                    "Healthcheck",
                    json!({"Test": ["CMD", "python3", "-c", "1"]}),
                )
            },
            UNSAFE,
            "H19",
        ),
        case(
            "a unit file",
            (&with, &without),
            |base| {
                base.copy(&app().file(
                    "etc/systemd/system/x.service",
                    "[Service]\nExecStart=/usr/bin/python3 /app/x.py\n",
                ))
            },
            UNSAFE,
            "H8",
        ),
        case(
            "a table of cron",
            (&with, &without),
            |base| base.copy(&app().file("etc/cron.d/x", "* * * * * root python3 /app/x.py\n")),
            UNSAFE,
            "H8",
        ),
        case(
            "a Makefile that is not run",
            (&with, &without),
            |base| base.copy(&app().file("app/notes.txt", "nothing of interest\n")),
            PASSES,
            "",
        ),
    ];
    let (was, is) = (started(&old), started(&new));
    let inherited = was.copy(&app()).set("Cmd", json!(["/app/server"]));
    cases.push(Expected {
        name: "the base's entrypoint lost its shell",
        old: was,
        new: is,
        app: inherited,
        tiers: UNSAFE,
        code: "H19",
    });
    let (was, is) = (Image::of(&whole), Image::of(&broken));
    let starts = was.copy(&app()).set("Entrypoint", json!(["tool"]));
    cases.push(Expected {
        name: "the base's program lost a library",
        old: was,
        new: is,
        app: starts,
        tiers: UNSAFE,
        code: "H13",
    });
    check(cases);
}

#[test]
fn languages_without_their_variables() {
    let php = |api: &str| {
        debian()
            .program("usr/local/bin/php", program(&["libc.so.6"], api))
            .file(
                &format!("usr/local/lib/php/extensions/no-debug-non-zts-{api}/opcache.so"),
                library("opcache.so", &[], api),
            )
    };
    let (php82, php83) = (php("20220829"), php("20230831"));
    let debian_php = |api: &str| {
        debian()
            .program("usr/bin/php", program(&["libc.so.6"], api))
            .file(
                &format!("usr/lib/php/{api}/opcache.so"),
                library("opcache.so", &[], api),
            )
    };
    let (deb82, deb83) = (debian_php("20220829"), debian_php("20230831"));
    let python = |version: &str| {
        debian()
            .program(
                &format!("usr/local/bin/python{version}"),
                program(&["libc.so.6"], version),
            )
            .file(&format!("usr/local/lib/python{version}/os.py"), version)
    };
    let (eleven, twelve) = (python("3.11"), python("3.12"));
    let erlang = |erts: &str| {
        debian()
            .program("usr/local/bin/erl", "#!/bin/sh\nexec erl\n")
            .program(
                &format!("usr/local/lib/erlang/erts-{erts}/bin/beam.smp"),
                program(&["libc.so.6"], erts),
            )
    };
    let (otp25, otp26) = (erlang("13.2"), erlang("14.1"));
    let node = |version: &str| {
        debian()
            .program("usr/local/bin/node", program(&["libc.so.6"], version))
            .file(
                "usr/local/include/node/node_version.h",
                format!("#define NODE_MAJOR_VERSION {version}\n"),
            )
    };
    let (node18, node20) = (node("18"), node("20"));
    let ruby = |version: &str| {
        debian()
            .program("usr/local/bin/ruby", program(&["libc.so.6"], version))
            .file(
                &format!("usr/local/lib/ruby/gems/{version}.0/specifications/x.gemspec"),
                version,
            )
    };
    let (ruby32, ruby33) = (ruby("3.2"), ruby("3.3"));
    check(vec![
        case(
            "an extension of php",
            (&php82, &php83),
            |base| {
                base.copy(&app().file(
                    "usr/local/lib/php/extensions/no-debug-non-zts-20220829/redis.so",
                    library("redis.so", &[], "r"),
                ))
            },
            UNSAFE,
            "H17",
        ),
        case(
            "an extension of Debian's php",
            (&deb82, &deb83),
            |base| {
                base.copy(&app().file(
                    "usr/lib/php/20220829/redis.so",
                    library("redis.so", &[], "r"),
                ))
            },
            UNSAFE,
            "H17",
        ),
        case(
            "a module of python outside of site-packages",
            (&eleven, &twelve),
            |base| {
                base.copy(&app().file(
                    "app/fast.cpython-311-x86_64-linux-gnu.so",
                    library("fast.so", &[], "f"),
                ))
            },
            UNSAFE,
            "H17",
        ),
        case(
            "a virtual environment",
            (&eleven, &twelve),
            |base| {
                base.copy(
                    &app()
                        .file(
                            "venv/pyvenv.cfg",
                            "home = /usr/local/bin\nversion = 3.11.4\n",
                        )
                        .link("venv/bin/python", "/usr/local/bin/python3.11"),
                )
            },
            UNSAFE,
            "",
        ),
        case(
            "modules of erlang",
            (&otp25, &otp26),
            |base| base.copy(&app().file("app/ebin/x.beam", "FOR1")),
            UNSAFE,
            "H17",
        ),
        case(
            "node without a variable: a native part",
            (&node18, &node20),
            |base| base.copy(&app().file("app/node_modules/x/x.node", library("x.node", &[], "n"))),
            &[Tier::Unsafe, Tier::Test],
            "H17",
        ),
        case(
            "node without a variable: only scripts",
            (&node18, &node20),
            |base| base.copy(&app().file("app/x.js", "1")),
            &[Tier::Unsafe, Tier::Test],
            "H17",
        ),
        case(
            "gems",
            (&ruby32, &ruby33),
            |base| base.copy(&app().file("usr/local/bundle/ruby/3.2.0/gems/x-1/lib/x.rb", "1")),
            UNSAFE,
            "H17",
        ),
        case(
            "the same python, patched",
            (
                &eleven,
                &python("3.11").file("usr/local/lib/python3.11/ssl.py", "new"),
            ),
            |base| base.copy(&app().file("app/x.py", "import os")),
            TEST,
            "",
        ),
    ]);
}

#[test]
fn users_times_and_words() {
    let users = |line: &str, group: &str| {
        debian()
            .without("etc/passwd")
            .without("etc/group")
            .file(
                "etc/passwd",
                format!("root:x:0:0:root:/root:/bin/sh\n{line}\n"),
            )
            .file("etc/group", format!("root:x:0:\n{group}\n"))
    };
    let old = users(
        "www-data:x:33:33::/var/www:/usr/sbin/nologin",
        "www-data:x:33:\nstaff:x:50:",
    );
    let moved = users(
        "www-data:x:34:33::/var/www:/usr/sbin/nologin",
        "www-data:x:33:\nstaff:x:50:",
    );
    let group = users(
        "www-data:x:33:33::/var/www:/usr/sbin/nologin",
        "www-data:x:33:\nstaff:x:51:",
    );
    let home = users(
        "www-data:x:33:33::/srv/www:/usr/sbin/nologin",
        "www-data:x:33:\nstaff:x:50:",
    );
    let added = users(
        "www-data:x:33:33::/var/www:/usr/sbin/nologin\nubuntu:x:1000:1000::/home/ubuntu:/bin/bash",
        "www-data:x:33:\nstaff:x:50:\nubuntu:x:1000:",
    );
    let zone = |layer: Layer| layer.file("usr/share/zoneinfo/US/Pacific", "TZif");
    let locale = |layer: Layer| {
        layer
            .file("usr/lib/locale/pl_PL.utf8/LC_COLLATE", "l")
            .file("usr/lib/locale/C.utf8/LC_COLLATE", "c")
    };
    let (zoned, unzoned) = (zone(debian()), debian());
    let (polish, plain) = (
        locale(debian()),
        debian().file("usr/lib/locale/C.utf8/LC_COLLATE", "c"),
    );
    let data = |layer: Layer| layer.file("opt/shared/module.py", "x");
    let (shared, unshared) = (data(debian()), debian());
    check(vec![
        case(
            "a user by number",
            (&old, &moved),
            |base| base.copy(&app()).set("User", json!("33")),
            UNSAFE,
            "H11",
        ),
        case(
            "a user by name",
            (&old, &moved),
            |base| base.copy(&app()).set("User", json!("www-data")),
            UNSAFE,
            "H11",
        ),
        case(
            "a group by name",
            (&old, &group),
            |base| base.copy(&app()).set("User", json!("1000:staff")),
            UNSAFE,
            "H11",
        ),
        case(
            "a home",
            (&old, &home),
            |base| base.copy(&app()).set("User", json!("www-data")),
            UNSAFE,
            "H11",
        ),
        case(
            "a new user takes the image's number",
            (&old, &added),
            |base| base.copy(&app().owned("app/data", "x", 0o600, (1000, 1000))),
            UNSAFE,
            "H11",
        ),
        case(
            "a new user that nobody uses",
            (&old, &added),
            |base| base.copy(&app()),
            PASSES,
            "",
        ),
        case(
            "a time zone that a variable names",
            (&zoned, &unzoned),
            |base| {
                base.copy(&app())
                    .set("Env", json!(["PATH=/usr/bin", "TZ=US/Pacific"]))
            },
            UNSAFE,
            "H8",
        ),
        case(
            "a locale that a variable names",
            (&polish, &plain),
            |base| {
                base.copy(&app().program("app/tool", program(&["libc.so.6"], "t")))
                    .set("Env", json!(["PATH=/usr/bin", "LANG=pl_PL.UTF-8"]))
            },
            UNSAFE,
            "H8",
        ),
        case(
            "another locale",
            (&polish, &plain),
            |base| {
                base.copy(&app())
                    .set("Env", json!(["PATH=/usr/bin", "LANG=C.UTF-8"]))
            },
            PASSES,
            "",
        ),
        case(
            "a path in a .pth file",
            (&shared, &unshared),
            |base| {
                base.copy(&app().file(
                    "usr/local/lib/python3.11/site-packages/x.pth",
                    "/opt/shared\n",
                ))
            },
            &[Tier::Test, Tier::Unsafe],
            "H8",
        ),
        case(
            "a folder in a configuration",
            (&shared, &unshared),
            |base| base.copy(&app().file("etc/tool/tool.conf", "plugins = /opt/shared\n")),
            &[Tier::Test, Tier::Unsafe],
            "H8",
        ),
    ]);
}

#[test]
fn configs() {
    let (old, new) = (Image::of(&debian()), Image::of(&patched()));
    let with = |image: &Image, field: &str, value: serde_json::Value| image.set(field, value);
    let cases = vec![
        Expected {
            name: "the base brings a health check that is no shell line",
            old: old.clone(),
            new: with(
                &new,
                "Healthcheck",
                json!({"Test": ["CMD", "curl", "localhost"]}),
            ),
            app: old.copy(&app()),
            tiers: TEST,
            code: "",
        },
        Expected {
            name: "the base brings a health check",
            old: old.clone(),
            new: with(
                &new,
                "Healthcheck",
                json!({"Test": ["CMD-SHELL", "curl -f localhost"]}),
            ),
            app: old.copy(&app()),
            tiers: TEST,
            code: "",
        },
        Expected {
            name: "the base brings a volume over the image's files",
            old: old.clone(),
            new: with(&new, "Volumes", json!({"/app": {}})),
            app: old.copy(&app()),
            tiers: &[Tier::Test, Tier::Unsafe],
            code: "",
        },
        Expected {
            name: "the base's shell of shell lines",
            old: with(&old, "Shell", json!(["/bin/bash", "-c"])),
            new: with(&new, "Shell", json!(["/bin/sh", "-c"])),
            app: with(&old, "Shell", json!(["/bin/bash", "-c"])).copy(&app()),
            tiers: PASSES,
            code: "",
        },
        Expected {
            name: "the base's user",
            old: old.clone(),
            new: with(&new, "User", json!("nobody")),
            app: old.copy(&app()),
            tiers: UNSAFE,
            code: "H22",
        },
        Expected {
            name: "both set a user",
            old: old.clone(),
            new: with(&new, "User", json!("nobody")),
            app: old.copy(&app()).set("User", json!("33")),
            tiers: UNSAFE,
            code: "H21",
        },
        Expected {
            name: "a command that only its base has",
            old: with(&old, "Entrypoint", json!(["/usr/bin/env"])),
            new: with(&new, "Entrypoint", json!(["/usr/bin/dash"])),
            app: with(&old, "Entrypoint", json!(["/usr/bin/env"]))
                .copy(&app())
                .set("Cmd", json!(["/app/server"])),
            tiers: UNSAFE,
            code: "H21",
        },
        Expected {
            name: "a file of the image under its patched base",
            old: old.clone(),
            new: new.clone(),
            app: old.copy(&app()),
            tiers: PROVEN,
            code: "",
        },
    ];
    check(cases);
}

#[test]
fn variables_of_the_base() {
    let base = |layer: &Layer, more: &[&str]| {
        let mut all = vec!["PATH=/usr/bin:/bin"];
        all.extend(more);
        Image::of(layer).set("Env", json!(all))
    };
    let (old, gone) = (
        base(&debian(), &["DATA_DIR=somewhere", "OTHER=1"]),
        base(&patched(), &["OTHER=1"]),
    );
    let other = base(&patched(), &["DATA_DIR=elsewhere", "OTHER=1"]);
    let reads = old.copy(&script("#!/bin/sh\nexec server --data $DATA_DIR\n"));
    let command = old
        .copy(&app())
        .set("Cmd", json!(["/bin/sh", "-c", "server ${DATA_DIR:?}"]));
    let expected = |name, new: &Image, app: &Image, tiers, code| Expected {
        name,
        old: old.clone(),
        new: new.clone(),
        app: app.clone(),
        tiers,
        code,
    };
    check(vec![
        expected("gone, and a script reads it", &gone, &reads, UNSAFE, "H21"),
        expected(
            "gone, and the command reads it",
            &gone,
            &command,
            UNSAFE,
            "H21",
        ),
        expected(
            "gone, and nobody reads it",
            &gone,
            &old.copy(&app()),
            PROVEN,
            "",
        ),
        expected(
            "otherwise, and a script reads it",
            &other,
            &reads,
            TEST,
            "H21",
        ),
        expected(
            "otherwise, and nobody reads it",
            &other,
            &old.copy(&app()),
            PROVEN,
            "",
        ),
    ]);
}

#[test]
fn set_id_bits_and_other_programs() {
    let lost = debian()
        .without("usr/bin/ping")
        .program("usr/bin/ping", program(&["libc.so.6"], "ping"));
    let java = |major: &str| {
        debian()
            .program(
                &format!("usr/lib/jvm/java-{major}/bin/java"),
                program(&["libc.so.6"], major),
            )
            .link(
                "etc/alternatives/java",
                &format!("/usr/lib/jvm/java-{major}/bin/java"),
            )
            .link("usr/bin/java", "/etc/alternatives/java")
    };
    let editor = |target: &str| {
        debian()
            .program("usr/bin/nano", program(&["libc.so.6"], "nano"))
            .program("usr/bin/vim", program(&["libc.so.6"], "vim"))
            .link("etc/alternatives/editor", &format!("/usr/bin/{target}"))
            .link("usr/bin/editor", "/etc/alternatives/editor")
    };
    let awk = |target: &str| {
        debian()
            .program("usr/bin/gawk", program(&["libc.so.6"], "gawk"))
            .program("usr/bin/mawk", program(&["libc.so.6"], "mawk"))
            .link("etc/alternatives/awk", &format!("/usr/bin/{target}"))
            .link("usr/bin/awk", "/etc/alternatives/awk")
    };
    check(vec![
        case(
            "a script that pings",
            (&debian(), &lost),
            |base| base.copy(&script("#!/bin/sh\nping -c1 db\n")),
            UNSAFE,
            "H9",
        ),
        case(
            "an entrypoint that pings",
            (&debian(), &lost),
            |base| {
                base.copy(&app())
                    .set("Entrypoint", json!(["/usr/bin/ping", "db"]))
            },
            UNSAFE,
            "H9",
        ),
        case(
            "nobody pings",
            (&debian(), &lost),
            |base| base.copy(&app()),
            TEST,
            "H9",
        ),
        case(
            "java by way of alternatives",
            (&java("17"), &java("21")),
            |base| {
                base.copy(&app().file("app/x.jar", "PK"))
                    .set("Cmd", json!(["java", "-jar", "/app/x.jar"]))
            },
            UNSAFE,
            "",
        ),
        case(
            "an editor by way of alternatives",
            (&editor("nano"), &editor("vim")),
            |base| base.copy(&script("#!/bin/sh\neditor x\n")),
            UNSAFE,
            "H19",
        ),
        case(
            "awk in an interpreter line",
            (&awk("gawk"), &awk("mawk")),
            |base| base.copy(&script("#!/usr/bin/awk -f\nBEGIN {}\n")),
            UNSAFE,
            "H19",
        ),
        case(
            "awk that nobody speaks of",
            (&awk("gawk"), &awk("mawk")),
            |base| base.copy(&app()),
            PASSES,
            "",
        ),
    ]);
}

#[test]
fn layers_that_undo_each_other_and_odd_entries() {
    let old = debian()
        .file("opt/tool/a.conf", "a")
        .file("opt/tool/b.conf", "b");
    let changed = debian()
        .file("opt/tool/a.conf", "a2")
        .file("opt/tool/b.conf", "b");
    let linked = debian()
        .folder("opt/tool-2")
        .file("opt/tool-2/a.conf", "a")
        .file("opt/tool-2/b.conf", "b")
        .link("opt/tool", "tool-2");
    let hard = |salt: &str| {
        debian()
            .program("usr/bin/one", program(&["libc.so.6"], salt))
            .hard("usr/bin/two", "usr/bin/one")
    };
    let (hard1, hard2) = (hard("1"), hard("2"));
    let cap = |layer: Layer| {
        layer
            .capability(&[1, 0, 0, 2, 0, 4, 0, 0])
            .program("usr/bin/cap", program(&["libc.so.6"], "cap"))
    };
    let (with, without) = (
        cap(debian()),
        debian().program("usr/bin/cap", program(&["libc.so.6"], "cap")),
    );
    let loop_ = || debian().link("opt/x", "y").link("opt/y", "x");
    check(vec![
        case(
            "a copy under a directory that became a link",
            (&old, &linked),
            |base| base.copy(&app().file("opt/tool/mine.conf", "m")),
            UNSAFE,
            "H6",
        ),
        case(
            "emptied, the base changed a file of it",
            (&old, &changed),
            |base| base.run(&app().opaque("opt/tool").file("opt/tool/mine.conf", "m")),
            PASSES,
            "",
        ),
        case(
            "a hard link to a program of the base",
            (&hard1, &hard2),
            |base| base.run(&Layer::new().folder("app").hard("app/one", "usr/bin/one")),
            UNSAFE,
            "H7",
        ),
        case(
            "one of two names of a program written over",
            (&hard1, &hard2),
            |base| base.run(&app().program("usr/bin/two", program(&["libc.so.6"], "1"))),
            UNSAFE,
            "H1",
        ),
        case(
            "a capability lost by what is started",
            (&with, &without),
            |base| base.copy(&app()).set("Entrypoint", json!(["/usr/bin/cap"])),
            UNSAFE,
            "H9",
        ),
        case(
            "a link of the image through the base's",
            (&old, &linked),
            |base| base.copy(&app().link("app/conf", "/opt/tool/a.conf")),
            PASSES,
            "",
        ),
        case(
            "links in a circle",
            (&loop_(), &loop_().file("usr/share/more", "m")),
            |base| base.copy(&app().link("app/x", "/opt/x")),
            PASSES,
            "",
        ),
        case(
            "a file where the base has a directory now",
            (
                &debian(),
                &debian().folder("app/server").file("app/server/x", "x"),
            ),
            |base| base.copy(&app()),
            UNSAFE,
            "",
        ),
        case(
            "a set-id bit that the image sets",
            (&debian(), &patched()),
            |base| {
                base.run(&app().owned(
                    "usr/bin/curl",
                    program(&["libssl.so.3", "libc.so.6"], "curl"),
                    0o4755,
                    (0, 0),
                ))
            },
            PASSES,
            "",
        ),
    ]);
}

#[test]
fn drop_ins_and_new_names() {
    let old = debian().program("usr/bin/python3", program(&["libc.so.6"], "py"));
    let earlier = debian()
        .program("usr/bin/python3", program(&["libc.so.6"], "py"))
        .program("usr/local/bin/python3", program(&["libc.so.6"], "py-own"));
    let preload = debian()
        .program("usr/bin/python3", program(&["libc.so.6"], "py"))
        .file("etc/ld.so.preload", "/usr/lib/x.so\n");
    let closer = debian().file(
        "usr/local/lib/x86_64-linux-gnu/libssl.so.3",
        library("libssl.so.3", &[], "other"),
    );
    let hwcaps = debian().file(
        &format!("{LIB}/glibc-hwcaps/x86-64-v3/libssl.so.3"),
        library("libssl.so.3", &[], "v3"),
    );
    let profile = debian().file("etc/profile.d/x.sh", "export PATH=/x\n");
    let site = debian()
        .program("usr/bin/python3", program(&["libc.so.6"], "py"))
        .file("usr/lib/python3/dist-packages/sitecustomize.py", "x");
    let entry = debian()
        .folder("docker-entrypoint.d")
        .file("docker-entrypoint.d/50-x.sh", "x");
    let tls = || program(&["libssl.so.3", "libc.so.6"], "tls");
    check(vec![
        case(
            "an earlier python for env",
            (&old, &earlier),
            |base| base.copy(&script("#!/usr/bin/env python3\n1\n")),
            UNSAFE,
            "H25",
        ),
        case(
            "an earlier python that nobody starts by name",
            (&old, &earlier),
            |base| base.copy(&app()),
            PASSES,
            "",
        ),
        case(
            "a library found before",
            (&debian(), &closer),
            |base| base.copy(&app().program("app/tls", tls())),
            UNSAFE,
            "H25",
        ),
        case(
            "a library for newer machines",
            (&debian(), &hwcaps),
            |base| base.copy(&app().program("app/tls", tls())),
            &[Tier::Test, Tier::Unsafe],
            "H25",
        ),
        case(
            "a library that is loaded into everything",
            (&old, &preload),
            |base| base.copy(&app().program("app/tls", tls())),
            &[Tier::Test, Tier::Unsafe],
            "H25",
        ),
        case(
            "a script of the shell's start",
            (&debian(), &profile),
            |base| base.copy(&app()),
            TEST,
            "H25",
        ),
        case(
            "a hook of python",
            (&old, &site),
            |base| base.copy(&app().file("app/x.py", "1")),
            TEST,
            "H25",
        ),
        case(
            "a step of the entrypoint",
            (&debian(), &entry),
            |base| base.copy(&app()),
            TEST,
            "H25",
        ),
        case(
            "a new manual page",
            (&debian(), &debian().file("usr/share/man/man1/x.1", "x")),
            |base| base.copy(&app()),
            PROVEN,
            "",
        ),
    ]);
}

#[test]
fn other_systems() {
    let alpine = |version: &str| {
        Layer::new()
            .folder("etc")
            .folder("lib")
            .folder("usr/bin")
            .file(
                "etc/os-release",
                format!("ID=alpine\nVERSION_ID={version}\n"),
            )
            .file("etc/alpine-release", version)
            .program(
                "lib/ld-musl-x86_64.so.1",
                library("libc.musl-x86_64.so.1", &[], version),
            )
            .link("lib/libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1")
            .program("bin/busybox", program(&[], version))
            .link("bin/sh", "/bin/busybox")
            .file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
            .file(
                "lib/apk/db/installed",
                format!("P:musl\nV:1.2.{version}\n\n"),
            )
    };
    let musl = || {
        Elf {
            interpreter: Some("/lib/ld-musl-x86_64.so.1"),
            soname: None,
            needed: &["libc.musl-x86_64.so.1"],
            runpath: None,
            salt: "m",
        }
        .bytes()
    };
    let (three, patch, four) = (alpine("3.19.1"), alpine("3.19.2"), alpine("3.20.0"));
    let bookworm = debian();
    let trixie = debian()
        .without("usr/lib/os-release")
        .file("usr/lib/os-release", "ID=debian\nVERSION_ID=\"13\"\n");
    let ubuntu = debian()
        .without("usr/lib/os-release")
        .file("usr/lib/os-release", "ID=ubuntu\nVERSION_ID=\"22.04\"\n");
    let point = debian().without("usr/lib/os-release").file(
        "usr/lib/os-release",
        "ID=debian\nVERSION_ID=\"12\"\nDEBIAN_VERSION_FULL=12.9\n",
    );
    check(vec![
        case(
            "alpine goes to the next release",
            (&three, &four),
            |base| base.copy(&app()),
            UNSAFE,
            "H22",
        ),
        case(
            "alpine is patched",
            (&three, &patch),
            |base| base.copy(&app().program("app/tool", musl())),
            PASSES,
            "",
        ),
        case(
            "musl goes to glibc",
            (&three, &bookworm),
            |base| base.copy(&app().program("app/tool", musl())),
            UNSAFE,
            "H12",
        ),
        case(
            "the same for a static program",
            (&three, &bookworm),
            |base| base.copy(&app()),
            UNSAFE,
            "H22",
        ),
        case(
            "the next Debian",
            (&bookworm, &trixie),
            |base| base.copy(&app()),
            UNSAFE,
            "H22",
        ),
        case(
            "another distribution",
            (&bookworm, &ubuntu),
            |base| base.copy(&app()),
            UNSAFE,
            "H22",
        ),
        case(
            "a point release",
            (&bookworm, &point),
            |base| base.copy(&app()),
            PASSES,
            "",
        ),
        case(
            "apk added above",
            (&three, &patch),
            |base| {
                base.run(&app().file(
                    "lib/apk/db/installed",
                    "P:musl\nV:1.2.3.19.1\n\nP:jq\nV:1\n\n",
                ))
            },
            UNSAFE,
            "H2",
        ),
        case(
            "only the world of apk",
            (&three, &patch),
            |base| base.run(&app().file("etc/apk/world", "jq\n")),
            UNSAFE,
            "H2",
        ),
    ]);
}

#[test]
fn packages_services_and_files_that_are_named() {
    let pip = |layer: Layer| {
        layer
            .program("usr/local/bin/python3.12", program(&["libc.so.6"], "py"))
            .link("usr/local/bin/python3", "python3.12")
            .file("usr/local/lib/python3.12/os.py", "os")
    };
    let requests = |layer: Layer| {
        pip(layer)
            .file(
                "usr/local/lib/python3.12/site-packages/requests/__init__.py",
                "r",
            )
            .file(
                "usr/local/lib/python3.12/site-packages/requests-2.31.dist-info/METADATA",
                "m",
            )
    };
    let (with, without) = (requests(debian()), pip(debian()));
    let tool = |layer: Layer| {
        layer
            .program("usr/bin/jq", program(&["libc.so.6"], "jq"))
            .file("usr/share/jq/lib.jq", "x")
    };
    let (jq, nojq) = (tool(debian()), debian());
    let node = |layer: Layer| {
        layer
            .program("usr/local/bin/node", program(&["libc.so.6"], "node"))
            .file("usr/local/lib/node_modules/pm2/package.json", "{}")
            .link("usr/local/bin/pm2", "../lib/node_modules/pm2/bin/pm2")
            .program(
                "usr/local/lib/node_modules/pm2/bin/pm2",
                "#!/usr/bin/env node\n",
            )
    };
    let nopm = |layer: Layer| layer.program("usr/local/bin/node", program(&["libc.so.6"], "node"));
    let (pm2, bare) = (node(debian()), nopm(debian()));
    let nss = |layer: Layer| {
        layer
            .file(
                &format!("{LIB}/libnss_ldap.so.2"),
                library("libnss_ldap.so.2", &["libc.so.6"], "n"),
            )
            .file("etc/nsswitch.conf", "passwd: files ldap\n")
    };
    let (ldap, noldap) = (
        nss(debian()),
        debian().file("etc/nsswitch.conf", "passwd: files ldap\n"),
    );
    let perl = |line: &str| {
        debian()
            .program("usr/bin/perl", program(&["libc.so.6"], line))
            .file(&format!("{LIB}/perl/{line}/Config.pm"), line)
    };
    let (p36, p38) = (perl("5.36"), perl("5.38"));
    check(vec![
        case(
            "a module that the image imports",
            (&with, &without),
            |base| base.copy(&app().file("app/x.py", "import requests\n")),
            UNSAFE,
            "H8",
        ),
        case(
            "a module that pip found there already",
            (&with, &without),
            |base| {
                base.run(
                    &app()
                        .file("app/requirements.txt", "requests\n")
                        .file("app/x.py", "print(1)\n"),
                )
            },
            UNSAFE,
            "H8",
        ),
        case(
            "a program in a shell script",
            (&jq, &nojq),
            |base| base.copy(&script("#!/bin/sh\njq . /x\n")),
            UNSAFE,
            "H8",
        ),
        case(
            "a program in a configuration",
            (&jq, &nojq),
            |base| base.copy(&app().file("etc/supervisor/x.conf", "command=/usr/bin/jq -r .\n")),
            UNSAFE,
            "H8",
        ),
        case(
            "a program in JSON",
            (&jq, &nojq),
            |base| base.copy(&app().file("app/hooks.json", "{\"exec\":[\"jq\",\".\"]}")),
            UNSAFE,
            "H8",
        ),
        case(
            "a global package of node that is the command",
            (&pm2, &bare),
            |base| {
                base.copy(&app().file("app/x.js", "1"))
                    .set("Cmd", json!(["pm2", "start", "/app/x.js"]))
            },
            UNSAFE,
            "",
        ),
        case(
            "a source of names for users",
            (&ldap, &noldap),
            |base| base.copy(&app().program("app/tool", program(&["libc.so.6"], "t"))),
            &[Tier::Test, Tier::Unsafe],
            "H8",
        ),
        case(
            "perl goes to the next line",
            (&p36, &p38),
            |base| base.copy(&script("#!/usr/bin/perl\nprint 1;\n")),
            UNSAFE,
            "H17",
        ),
        case(
            "a variable with a path that is gone",
            (&jq, &nojq),
            |base| {
                base.copy(&app())
                    .set("Env", json!(["PATH=/usr/bin", "JQ_LIB=/usr/share/jq"]))
            },
            UNSAFE,
            "H8",
        ),
        case(
            "a working directory of the base that is gone",
            (&jq, &nojq),
            |base| base.copy(&app()).set("WorkingDir", json!("/usr/share/jq")),
            &[Tier::Test, Tier::Unsafe],
            "",
        ),
        case(
            "nobody speaks of it",
            (&jq, &nojq),
            |base| base.copy(&app().file("app/data.csv", "a,b\n1,2\n")),
            PASSES,
            "",
        ),
    ]);
}

#[test]
fn whole_trees_that_move() {
    let split = |layer: Layer| {
        layer
            .folder("sbin")
            .folder("usr/sbin")
            .program("sbin/ip", program(&["libc.so.6"], "ip"))
    };
    let merged = |layer: Layer| {
        layer
            .folder("usr/sbin")
            .program("usr/sbin/ip", program(&["libc.so.6"], "ip"))
            .link("sbin", "usr/sbin")
    };
    let (apart, joined) = (split(debian()), merged(debian()));
    let run = |layer: Layer| layer.folder("var/run").file("var/run/keep", "k");
    let linked = |layer: Layer| layer.folder("run").link("var/run", "/run");
    let (was, is) = (run(debian()), linked(debian()));
    let www = |layer: Layer| layer.folder_as("srv/www", 0o750, (33, 33));
    let (kept, opened) = (www(debian()), debian().folder_as("srv/www", 0o755, (0, 0)));
    check(vec![
        case(
            "a program in a directory that became a link",
            (&apart, &joined),
            |base| base.copy(&Layer::new().program("sbin/mine", static_program("m"))),
            UNSAFE,
            "H6",
        ),
        case(
            "the same, deleted there",
            (&apart, &joined),
            |base| base.run(&app().gone("sbin/ip")),
            UNSAFE,
            "",
        ),
        case(
            "the program still answers to its old path",
            (&apart, &joined),
            |base| base.copy(&script("#!/bin/sh\n/sbin/ip addr\n")),
            PASSES,
            "",
        ),
        case(
            "below var/run",
            (&was, &is),
            |base| base.copy(&app().file("var/run/app/pid", "1")),
            UNSAFE,
            "H6",
        ),
        case(
            "a directory with another owner",
            (&kept, &opened),
            |base| {
                base.copy(
                    &app()
                        .folder_as("srv/www", 0o750, (33, 33))
                        .file("srv/www/index.html", "x"),
                )
            },
            UNSAFE,
            "H5",
        ),
        case(
            "a file in it, without an entry for it",
            (&kept, &opened),
            |base| base.copy(&app().file("srv/www/index.html", "x")),
            &[Tier::Test, Tier::Unsafe],
            "",
        ),
        case(
            "no file in it",
            (&kept, &opened),
            |base| base.copy(&app()),
            TEST,
            "",
        ),
    ]);
}

//! The grammar, the help and the exit codes, as they are typed.

use super::*;
use crate::arguments::{UNBUILT, Verb};
use clap::CommandFactory as _;

fn parse(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(line.split_whitespace())
}

/// What only the binary has.
fn absent() -> CliError {
    CliError::unsupported("this")
}

fn exit(line: &str) -> String {
    let local = Local {
        serve: |_| Ok(()),
        restore: |_| Ok(serde_json::json!({ "files": 1, "bytes": 2 })),
        demo: |_| Ok(()),
        pod_images: |_, _, _| Ok(Vec::new()),
        rebase: |_, _| Err(absent()),
        compare: |_, _| Err(absent()),
        inspect: |_, _| Err(absent()),
        build: |_, _| Err(absent()),
        calibrate: |_, _, _| Err(absent()),
        watch: |_, _| Err(absent()),
        runner: |_| Err(absent()),
        charts: ChartPlaces {
            pull: |_, _| Err(absent()),
            provenance: |_, _| Err(absent()),
            push: |_, _, _| Err(absent()),
            tags: |_, _| Err(absent()),
            index: |_, _| Err(absent()),
            file: |_, _, _| Err(absent()),
            file_provenance: |_, _| Err(absent()),
            search: |_| Vec::new(),
        },
        deploy: |_, _, _, _, _| Err(absent()),
        releases: |_, _| Err(absent()),
    };
    let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
    format!("{:?}", run(words, &local))
}

#[test]
fn the_grammar_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn every_verb_of_the_interface_parses() {
    let lines = [
        "refloat serve --config f --data d --listen 127.0.0.1:0 --log-format json",
        "refloat login host:5000 -u u -p p",
        "refloat login host --token t",
        "refloat login -u u --password-stdin --server http://127.0.0.1:5000",
        "refloat logout host",
        "refloat repo list -o json",
        "refloat lint charts/a charts/b --strict --with-subcharts --quiet -f v.yaml --set a=b -o json",
        "refloat dependency update charts/a --skip-refresh --verify --keyring k",
        "refloat dep up",
        "refloat dependency build charts/a",
        "refloat dependency list",
        "refloat verify a-1.tgz --keyring k",
        "refloat search word -o json",
        "refloat search -r host word",
        "refloat show readme charts/a",
        "refloat show crds host/a:1",
        "refloat pull a --repo https://x.y --version ^1 --verify --keyring k --prov",
        "refloat tags apps/web",
        "refloat tag apps/web:1 2",
        "refloat untag apps/web:1",
        "refloat tag-history apps/web:1",
        "refloat tag-undo apps/web:1",
        "refloat events --after c --follow --type tag.*",
        "refloat user create alice --password-stdin",
        "refloat user list",
        "refloat user delete alice",
        "refloat user passwd alice --password-stdin",
        "refloat robot create ci --expires 30d",
        "refloat robot list",
        "refloat robot delete ci",
        "refloat grant alice pull,push apps/**",
        "refloat grant list",
        "refloat revoke alice push apps/**",
        "refloat revoke alice apps/**",
        "refloat token create --label l --expires 1d --scope pull=apps/**",
        "refloat token list",
        "refloat token revoke tok_x",
        "refloat apply -f a.yaml -f b.yaml",
        "refloat get projects",
        "refloat get RepositoryPolicy apps/** -o yaml",
        "refloat delete Project payments",
        "refloat gc --dry-run",
        "refloat scrub",
        "refloat backup name",
        "refloat restore b --data d",
        "refloat audit verify --quiet --no-color --project p --detailed-exitcode",
        "refloat completions bash",
        "refloat man dir",
    ];
    for line in lines {
        let parsed = parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(!matches!(parsed.verb, Verb::Other(_)), "{line}");
    }
}

#[test]
fn wrong_usage_exits_2() {
    for line in [
        "refloat",
        "refloat fly",
        "refloat tags",
        "refloat robot create ci --expires soon",
        "refloat grant alice pull",
        "refloat repo list -o xml",
        "refloat login h --token t --password-stdin",
        "refloat --server ftp://x repo list",
        "refloat --server http://127.0.0.1:1 untag apps/web",
    ] {
        assert_eq!(
            exit(line),
            format!("{:?}", ExitCode::from(error::EXIT_USAGE)),
            "{line}"
        );
    }
}

#[test]
fn verbs_that_are_not_built_exit_1_and_are_in_no_help() {
    let known: Vec<String> = Arguments::command()
        .get_subcommands()
        .map(|verb| verb.get_name().to_owned())
        .collect();
    for verb in UNBUILT {
        assert_eq!(
            exit(&format!("refloat {verb} --some x")),
            format!("{:?}", ExitCode::from(error::EXIT_FAILED)),
            "{verb}"
        );
        assert!(
            !known.contains(&(*verb).to_owned()),
            "{verb} is built and still refused"
        );
    }
    assert!(UNBUILT.is_sorted());
}

#[test]
fn every_verb_explains_itself() {
    fn walk(command: &clap::Command) {
        assert!(
            command.get_about().is_some(),
            "{} says nothing",
            command.get_name()
        );
        for argument in command
            .get_arguments()
            .filter(|argument| !argument.is_hide_set())
        {
            assert!(
                argument.get_help().is_some(),
                "{} {} says nothing",
                command.get_name(),
                argument.get_id()
            );
        }
        command.get_subcommands().for_each(walk);
    }
    walk(&Arguments::command());
    let help = Arguments::command().render_help().to_string();
    for word in [
        "serve",
        "login",
        "tag-undo",
        "REFLOAT_SERVER",
        "Examples:",
        "--output",
        "Exit codes",
    ] {
        assert!(help.contains(word), "{word} is missing in:\n{help}");
    }
}

#[test]
fn errors_have_their_json_form() {
    let error = CliError::unsupported("`refloat plan`");
    let json = error.to_json();
    assert_eq!(json["error"]["code"], "unsupported");
    assert!(
        json["error"]["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("unsupported: "))
    );
}

#[test]
fn what_the_binary_does_is_called() {
    assert_eq!(exit("refloat serve"), format!("{:?}", ExitCode::SUCCESS));
    assert_eq!(
        exit("refloat restore b --data d"),
        format!("{:?}", ExitCode::SUCCESS)
    );
}

#[test]
fn a_cursor_may_begin_with_a_hyphen() {
    let parsed = parse("refloat events --after -Tk2 -o json").map(|arguments| arguments.verb);
    assert!(
        matches!(&parsed, Ok(Verb::Events(events)) if events.after.as_deref() == Some("-Tk2")),
        "{parsed:?}"
    );
}

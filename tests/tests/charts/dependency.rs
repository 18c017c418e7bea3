//! Dependencies out of classic repositories, registries and folders: the real helm accepts our locks and archives, we its.

use std::fs;

use anyhow::{Context, Result, ensure};
use refloat_rig::{Tool, require, run};
use refloat_tests::site::{Site, Wire};

use crate::classic::Repository;
use crate::helm::Bench;

/// base64 of `keeper:secret`.
const ACCOUNT: &str = "Basic a2VlcGVyOnNlY3JldA==";

/// Charts `oar` of three versions and `sail`, packaged and indexed by helm in the folder `site`.
fn stocked(bench: &Bench) -> Result<()> {
    for (name, version) in [
        ("oar", "1.2.0"),
        ("oar", "1.10.1"),
        ("oar", "2.0.0"),
        ("sail", "0.3.0"),
    ] {
        bench.write(
            &format!("stock/{name}/Chart.yaml"),
            &format!(
                "apiVersion: v2\nname: {name}\nversion: {version}\ndescription: Moves a {name}\n"
            ),
        )?;
        bench.write(
            &format!("stock/{name}/templates/a.yaml"),
            "a: {{ .Chart.Version }}\n",
        )?;
        let folder = format!("stock/{name}");
        run::checked(&mut bench.helm(&["package", &folder, "-d", "site"])?)?;
    }
    run::checked(&mut bench.helm(&["repo", "index", "site"])?)?;
    Ok(())
}

fn boat(bench: &Bench, dependencies: &str) -> Result<()> {
    let text = format!("apiVersion: v2\nname: boat\nversion: 0.1.0\ndependencies:\n{dependencies}");
    bench.write("boat/Chart.yaml", &text)?;
    bench.write("boat/templates/a.yaml", "a: b\n")
}

fn names(bench: &Bench) -> Result<Vec<String>> {
    let entries = fs::read_dir(bench.path("boat/charts"))?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.collect::<Result<_>>()?;
    names.sort();
    Ok(names)
}

#[test]
fn a_classic_repository_with_ranges_and_locks() -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let bench = Bench::new()?;
    stocked(&bench)?;
    let mut site = Repository::serve(&bench.path("site"), None)?;
    let url = site.url();
    let wanted = format!(
        "- {{name: oar, version: ^1, repository: '{url}', alias: left, tags: [a]}}\n- {{name: oar, version: '<2', repository: '{url}', alias: right, condition: right.enabled}}\n- {{name: sail, version: 0.x.x, repository: '{url}/'}}\n"
    );
    boat(&bench, &wanted)?;
    run::checked(&mut bench.refloat(&["dependency", "update", "boat"])?)?;
    ensure!(
        names(&bench)? == ["oar-1.10.1.tgz", "sail-0.3.0.tgz"],
        "{:?}",
        names(&bench)?
    );
    let ours = fs::read_to_string(bench.path("boat/Chart.lock"))?;
    bench.alike(&["dependency", "list", "boat"])?;
    bench.same(&["template", "boat"])?;

    // Helm finds our lock in order: it builds from it. Ours finds helm's in order, and changes nothing.
    fs::remove_dir_all(bench.path("boat/charts"))?;
    run::checked(&mut bench.helm(&["repo", "add", "site", &url])?)?;
    run::checked(&mut bench.helm(&["dependency", "build", "boat"])?)?;
    fs::remove_file(bench.path("boat/Chart.lock"))?;
    run::checked(&mut bench.helm(&["dependency", "update", "boat"])?)?;
    let theirs = fs::read_to_string(bench.path("boat/Chart.lock"))?;
    let timeless = |lock: &str| -> Vec<String> {
        let lines = lock.lines().filter(|line| !line.starts_with("generated:"));
        lines.map(str::to_owned).collect()
    };
    ensure!(timeless(&ours) == timeless(&theirs), "{ours}\n{theirs}");
    let again =
        run::stdout(&mut bench.refloat(&["dependency", "update", "boat", "-o", "json"])?)?;
    ensure!(again.contains("\"changed\": false"), "{again}");
    fs::remove_dir_all(bench.path("boat/charts"))?;
    run::checked(&mut bench.refloat(&["dependency", "build", "boat"])?)?;
    ensure!(fs::read_to_string(bench.path("boat/Chart.lock"))? == theirs);

    // Without the repository all of it comes out of the store.
    let asked = site.asked("oar-1.10.1.tgz");
    site.close();
    fs::remove_dir_all(bench.path("boat/charts"))?;
    run::checked(&mut bench.refloat(&["dependency", "build", "boat"])?)?;
    ensure!(names(&bench)?.len() == 2 && site.asked("oar-1.10.1.tgz") == asked);

    // A lock of other dependencies is refused by both.
    boat(&bench, &wanted.replace("0.x.x", "0.4.x"))?;
    for program in [
        bench.helm(&["dependency", "build", "boat"])?,
        bench.refloat(&["dependency", "build", "boat"])?,
    ] {
        let mut program = program;
        let ended = run::captured(&mut program)?;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        ensure!(
            !ended.status.success() && said.contains("out of sync"),
            "{said}"
        );
    }
    Ok(())
}

#[test]
fn names_accounts_and_damage_of_a_repository() -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let bench = Bench::new()?;
    stocked(&bench)?;
    let site = Repository::serve(&bench.path("site"), Some(ACCOUNT))?;
    let url = site.url();
    boat(
        &bench,
        "- {name: oar, version: 1.2.0, repository: '@site'}\n- {name: sail, version: '*', repository: 'alias:site'}\n",
    )?;
    let update = ["dependency", "update", "boat"];
    let refused = run::captured(&mut bench.refloat(&update)?)?;
    ensure!(!refused.status.success());
    run::checked(&mut bench.helm(&[
        "repo",
        "add",
        "site",
        &url,
        "--username",
        "keeper",
        "--password",
        "secret",
    ])?)?;
    run::checked(&mut bench.refloat(&update)?)?;
    ensure!(names(&bench)? == ["oar-1.2.0.tgz", "sail-0.3.0.tgz"]);
    run::checked(&mut bench.helm(&["dependency", "build", "boat"])?)?;

    // A version that is taken no more goes, a stranger's file stays.
    bench.write("boat/charts/_note.txt", "mine")?;
    boat(
        &bench,
        "- {name: oar, version: 2.0.0, repository: '@site'}\n",
    )?;
    run::checked(&mut bench.refloat(&update)?)?;
    ensure!(
        names(&bench)? == ["_note.txt", "oar-2.0.0.tgz"],
        "{:?}",
        names(&bench)?
    );
    let no_version = "- {name: oar, version: ^3, repository: '@site'}\n";
    boat(&bench, no_version)?;
    let refused = run::captured(&mut bench.refloat(&update)?)?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(
        said.contains("can't get a valid version for 1 subchart(s)"),
        "{said}"
    );
    ensure!(
        names(&bench)? == ["_note.txt", "oar-2.0.0.tgz"],
        "a refusal changed something"
    );

    // An archive that is not what the index says is not taken.
    fs::write(
        bench.path("site/oar-1.10.1.tgz"),
        fs::read(bench.path("site/oar-1.2.0.tgz"))?,
    )?;
    boat(
        &bench,
        "- {name: oar, version: 1.10.1, repository: '@site'}\n",
    )?;
    let refused = run::captured(&mut bench.refloat(&update)?)?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(said.contains("but the index says"), "{said}");
    Ok(())
}

#[test]
fn registries_and_folders() -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let bench = Bench::new()?;
    stocked(&bench)?;
    let site = Site::start(Wire::Http)?;
    let alice = site.user("alice", &[("pull,push,update", "charts/**")])?;
    let authority = &site.reach().authority;
    bench.sign_helm_in(authority, &alice)?;
    let place = format!("oci://{authority}/charts");
    for version in ["1.2.0", "1.10.1", "2.0.0"] {
        let file = format!("site/oar-{version}.tgz");
        run::checked(&mut bench.helm(&["push", &file, &place, "--plain-http"])?)?;
    }
    boat(
        &bench,
        &format!(
            "- {{name: oar, version: ~1, repository: '{place}'}}\n- {{name: sail, version: '0.x', repository: 'file://../stock/sail'}}\n"
        ),
    )?;
    // The account is the one that helm was told.
    run::checked(&mut bench.refloat(&["dependency", "update", "boat"])?)?;
    ensure!(
        names(&bench)? == ["oar-1.10.1.tgz", "sail-0.3.0.tgz"],
        "{:?}",
        names(&bench)?
    );
    bench.alike(&["dependency", "list", "boat"])?;
    fs::remove_dir_all(bench.path("boat/charts"))?;
    run::checked(&mut bench.helm(&["dependency", "build", "boat", "--plain-http"])?)?;
    let shown = run::stdout(&mut bench.refloat(&[
        "show",
        "chart",
        &format!("{place}/oar"),
        "--version",
        "^1",
    ])?)?;
    ensure!(shown.contains("version: 1.10.1"), "{shown}");
    let newest = run::stdout(&mut bench.refloat(&["show", "chart", &format!("{place}/oar")])?)?;
    ensure!(newest.contains("version: 2.0.0"), "{newest}");
    let found = run::stdout(&mut bench.refloat(&["search", "moves", "-o", "json"])?)?;
    let found: serde_json::Value = serde_json::from_str(&found)?;
    ensure!(found.as_array().context("no list")?.len() == 2, "{found}");
    Ok(())
}

//! An environment with values that sops encrypted: they reach what the chart renders, and nothing else of the server.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::shop::Shop;

/// What the file of refloat-sops' tests holds at `web.password`.
const PASSWORD: &str = "p:w #1";
const TEMPLATE: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  image: \"{{ .Values.web.image.repository }}:{{ .Values.web.image.tag }}\"
  api: \"{{ .Values.api.image.repository }}:{{ .Values.api.image.tag }}\"
  password: {{ quote .Values.web.password }}
";
const STAGING: &str =
    "  - name: staging\n    secrets: [secrets-staging.yaml]\n    target: { folder: out/staging }\n";

#[test]
fn secrets_reach_what_is_rendered_and_nothing_else() -> Result<()> {
    let shop = Shop::open()?;
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/formats/sops/tests/files");
    fs::copy(
        files.join("whole.yaml"),
        shop.chart_folder().join("secrets-staging.yaml"),
    )?;
    shop.write_chart(TEMPLATE)?;
    shop.publish_chart("1.1.0")?;
    let source = "chart: charts/shop:1.1.0\npublish: charts/shop";

    // Without a key it is not taken; with another one nothing is released, and it is said why.
    let refused = shop.release(source, STAGING);
    let refused = format!(
        "{:#}",
        refused.err().unwrap_or_else(|| anyhow::anyhow!("taken"))
    );
    ensure!(refused.contains("age_key"), "{refused}");
    let credential = |name: &str, file: &str| -> Result<()> {
        let path = shop.site.folder().join("credential.yaml");
        let file = files.join(file);
        fs::write(
            &path,
            format!(
                "apiVersion: refloat/v1\nkind: Credential\nname: {name}\nage_key: {{ file: \"{}\" }}\n",
                file.display()
            ),
        )?;
        shop.ok(&["apply", "-f", &path.to_string_lossy()]).map(drop)
    };
    credential("another", "other.txt")?;
    shop.release(source, STAGING)?;
    let status = shop.until("the missing key", |status| {
        !status["change"]["error"].is_null()
    })?;
    let error = status["change"]["error"].to_string();
    ensure!(
        error.contains("secrets-staging.yaml") && error.contains("encrypted for age1"),
        "{error}"
    );
    credential("sops", "key.txt")?;
    shop.moved("apps/web", "build-7", 3)?;
    shop.deployed("1.1.1")?;
    let file = shop.out("out/staging/shop/shop/templates/settings.yaml");
    let text = fs::read_to_string(&file)?;
    ensure!(
        text.contains(PASSWORD) && text.contains("apps/web:build-7"),
        "{text}"
    );

    let identity = fs::read_to_string(files.join("key.txt"))?;
    let identity = identity.lines().last().unwrap_or_default().to_owned();
    for told in [
        &["status", "shop"][..],
        &["history", "shop"],
        &["events"],
        &["get", "Release", "shop"],
        &["get", "Credential", "sops"],
        &["why", "release/shop"],
    ] {
        let text = shop.ok(&[told, &["-o", "json"][..]].concat())?;
        ensure!(
            !text.contains(PASSWORD) && !text.contains(&identity),
            "{told:?}: {text}"
        );
    }
    let log = shop.site.server().log();
    ensure!(!log.contains(PASSWORD) && !log.contains(&identity), "{log}");
    let data = shop.site.server().data();
    for path in files_below(data, &data.join("out"))? {
        let bytes = fs::read(&path).unwrap_or_default();
        for hidden in [PASSWORD.as_bytes(), identity.as_bytes()] {
            let found = bytes.windows(hidden.len()).any(|part| part == hidden);
            ensure!(!found, "{} holds a secret", path.display());
        }
    }
    Ok(())
}

/// All files below a folder but those of `without`.
fn files_below(folder: &Path, without: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path == without {
            continue;
        }
        if path.is_dir() {
            found.extend(files_below(&path, without)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

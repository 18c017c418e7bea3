//! Charts, made and packaged by helm itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{Tool, run};

/// A chart in both its forms.
#[derive(Debug, Clone)]
pub struct Chart {
    /// The folder with `Chart.yaml`.
    pub folder: PathBuf,
    /// The packaged `NAME-VERSION.tgz`.
    pub archive: PathBuf,
}

/// Makes the chart that `helm create` makes, in `folder`, packaged as `version`.
pub fn chart(folder: &Path, name: &str, version: &str) -> Result<Chart> {
    let helm = Tool::Helm.path()?;
    let chart = folder.join(name);
    run::checked(helm_command(&helm, folder).arg("create").arg(&chart))?;
    run::checked(
        helm_command(&helm, folder)
            .args(["package", "--version", version, "--destination"])
            .arg(folder)
            .arg(&chart),
    )?;
    Ok(Chart {
        folder: chart,
        archive: folder.join(format!("{name}-{version}.tgz")),
    })
}

/// helm with all its state below `folder`, so that it neither reads nor writes a person's.
fn helm_command(helm: &Path, folder: &Path) -> Command {
    let mut command = Command::new(helm);
    command
        .env("HELM_CACHE_HOME", folder.join(".helm/cache"))
        .env("HELM_CONFIG_HOME", folder.join(".helm/config"))
        .env("HELM_DATA_HOME", folder.join(".helm/data"));
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::require;

    #[test]
    fn helm_reads_back_what_it_packaged() -> Result<()> {
        if !require(&[Tool::Helm])? {
            return Ok(());
        }
        let folder = tempfile::tempdir()?;
        let chart = chart(folder.path(), "dinghy", "1.4.2")?;
        assert!(chart.folder.join("Chart.yaml").exists());
        let mut show = helm_command(&Tool::Helm.path()?, folder.path());
        let shown = run::stdout(show.args(["show", "chart"]).arg(&chart.archive))?;
        assert!(
            shown.contains("name: dinghy") && shown.contains("version: 1.4.2"),
            "{shown}"
        );
        Ok(())
    }
}

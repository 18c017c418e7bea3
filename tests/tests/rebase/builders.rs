//! Images that builders made: rebased and rebuilt, they have the same files and run.

use anyhow::{Context, Result};
use refloat_rig::foreign::{Access, Program, Registry};
use refloat_rig::{Tool, require, run};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::scene::Scene;

/// buildah with its storage in a folder of its own.
struct Buildah {
    folder: PathBuf,
}

impl Buildah {
    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(Tool::Buildah.path()?);
        command.args(["--storage-driver", "vfs"]);
        for (flag, name) in [("--root", "root"), ("--runroot", "run")] {
            command.arg(flag).arg(self.folder.join(name));
        }
        command
            .args(arguments)
            .env("HOME", &self.folder)
            .env_remove("XDG_RUNTIME_DIR");
        Ok(command)
    }

    /// Builds and pushes.
    fn build(&self, name: &str, dockerfile: &str, extra: &[&str]) -> Result<()> {
        let context = self.folder.join("context");
        fs::create_dir_all(&context)?;
        fs::copy(Tool::Busybox.path()?, context.join("busybox"))?;
        fs::write(context.join("page.html"), "<p>afloat</p>\n")?;
        let path = self.folder.join("Dockerfile");
        fs::write(&path, dockerfile)?;
        let fixed = [
            "build",
            "--isolation",
            "chroot",
            "--tls-verify=false",
            "--pull-always",
            "--tag",
            name,
        ];
        let mut build = self.command(&[&fixed[..], extra].concat())?;
        run::checked(build.arg("--file").arg(&path).arg(&context))?;
        run::checked(
            self.command(&["push", "--tls-verify=false", name])?
                .env("HOME", &self.folder),
        )?;
        Ok(())
    }

    /// What a command in a container of an image prints.
    fn runs(&self, image: &str, command: &[&str]) -> Result<String> {
        run::checked(&mut self.command(&["pull", "--quiet", "--tls-verify=false", image])?)?;
        let container = run::stdout(&mut self.command(&["from", "--pull-never", image])?)?;
        let container = container.trim();
        let told = run::stdout(
            &mut self
                .command(&[&["run", "--isolation", "chroot", container, "--"], command].concat())?,
        )?;
        Ok(told.trim().to_owned())
    }
}

fn base_of(version: &str) -> String {
    format!(
        "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\n\
         RUN /bin/busybox mkdir -p /etc /var/lib/dpkg /usr/share/keel \
         && /bin/busybox echo 'ID=debian' > /etc/os-release && /bin/busybox echo 'VERSION_ID=\"12\"' >> /etc/os-release \
         && /bin/busybox echo '{version}' > /usr/share/keel/version \
         && /bin/busybox printf 'Package: keel\\nStatus: install ok installed\\nArchitecture: amd64\\nVersion: {version}\\n' > /var/lib/dpkg/status\n\
         ENV KEEL={version}\nENV PATH=/bin\n"
    )
}

const CHILD: &str = "COPY busybox /app/busybox\nCOPY page.html /app/page.html\nENV PORT=8080\nENTRYPOINT [\"/app/busybox\", \"cat\", \"/usr/share/keel/version\"]\n";

#[test]
fn a_rebased_image_has_the_files_of_a_rebuilt_one_and_runs() -> Result<()> {
    if !require(&[Tool::Busybox, Tool::Buildah, Tool::DockerRegistry])? {
        return Ok(());
    }
    let scene = Scene::new()?;
    let registry = Registry::start(Program::DockerRegistry, &Access::Open)?;
    let buildah = Buildah {
        folder: scene.folder.path().join("buildah"),
    };
    fs::create_dir(&buildah.folder)?;
    let named = |name: &str| format!("{}/{name}", registry.address());
    let (base, web) = (named("team/base:12"), named("apps/web:1"));
    buildah.build(&base, &base_of("1.0"), &[])?;
    run::checked(&mut buildah.command(&[
        "push",
        "--tls-verify=false",
        &base,
        &named("team/base:before"),
    ])?)?;
    let child = format!("FROM {base}\n{CHILD}");
    buildah.build(&web, &child, &[])?;
    // Docker's form, whose manifest has no annotations.
    let plain = named("apps/plain:1");
    buildah.build(&plain, &child, &["--format", "docker"])?;
    buildah.build(&base, &base_of("1.0.1"), &[])?;

    for (image, found_by) in [(&web, "annotation"), (&plain, "layers")] {
        let patched = format!("{image}-p1");
        let done = scene.json(&["rebase", image, "--onto", &base, "--tag", &patched], 0)?;
        assert_eq!(
            (&done["verdict"], &done["found_by"]),
            (&json!("proven"), &json!(found_by)),
            "{done:#}"
        );
        let rebuilt = format!("{image}-rebuilt");
        let extra: &[&str] = if found_by == "layers" {
            &["--format", "docker"]
        } else {
            &[]
        };
        buildah.build(&rebuilt, &child, extra)?;
        let same = scene.json(&["compare", &patched, &rebuilt], 0)?;
        assert_eq!(same["same_files"], true, "{same:#}");
        let config: Vec<&Value> = same["config"]
            .as_array()
            .context("config")?
            .iter()
            .filter(|entry| {
                !entry["field"]
                    .as_str()
                    .unwrap_or_default()
                    .starts_with("config.Labels.")
            })
            .collect();
        assert!(config.is_empty(), "{config:#?}");
        let told = buildah.runs(
            &patched,
            &["/app/busybox", "cat", "/usr/share/keel/version"],
        )?;
        assert_eq!(told, "1.0.1", "the program of the app sees the new base");
    }
    Ok(())
}

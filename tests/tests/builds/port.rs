//! The suite of the port `Builder`, run by buildah with the product's own runner and registry.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use refloat_builders::{Buildah, BuildahOptions};
use refloat_core::Secret;
use refloat_oci::Reference;
use refloat_ports::builder_suite::{self, Ground};
use refloat_ports::{BuildRequest, BuildSource, RegistryLogin};
use refloat_rig::server::{ADMIN, binary};

use crate::workshop::{Workshop, can_build};

#[test]
fn the_suite_of_the_port() -> Result<()> {
    if !can_build()? {
        return Ok(());
    }
    let workshop = Workshop::open()?;
    let base = workshop.base_reference();
    let source = workshop.source("suite", &[("Dockerfile", &format!("FROM {base}\n"))])?;
    let digest = workshop
        .tag("team/base", "1")?
        .context("the base has its tag")?;
    let destination = Reference::parse(&workshop.site.reach().reference("apps/suite"), None)?;
    let runs = workshop.site.folder().join("suite-runs");
    let login = RegistryLogin {
        registry: destination.registry.to_string(),
        username: ADMIN.to_owned(),
        password: Secret::new(workshop.site.server().admin_password()?.trim().to_owned()),
    };
    let pinned = Reference {
        digest: Some(digest.parse()?),
        tag: None,
        ..Reference::parse(&base, None)?
    };
    let ground = Ground {
        build: BuildRequest {
            run: "run_00000000000000000000000000".parse()?,
            source: BuildSource::Folder {
                folder: source.to_string_lossy().into_owned(),
            },
            context: ".".to_owned(),
            dockerfile: "Dockerfile".to_owned(),
            target: None,
            platform: "linux/amd64".to_owned(),
            arguments: BTreeMap::new(),
            bases: BTreeMap::from([(base, pinned)]),
            secrets: BTreeMap::new(),
            destination,
            annotations: BTreeMap::new(),
            logins: vec![login],
            timeout_seconds: 0,
            tests: Vec::new(),
        },
        hidden: source.to_string_lossy().into_owned(),
    };
    let builder = Buildah::new(BuildahOptions {
        folder: runs,
        runner: vec![binary()?.into_os_string(), "runner".into()],
        user: None,
    });
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(builder_suite::run(&builder, &ground));
    Ok(())
}

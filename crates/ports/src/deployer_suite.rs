//! What every deployer does, whatever it deploys to.

use crate::deployer::{DeployStatus, Deployer, Deployment, Namespace, Rendered, Target, Wait};
use refloat_core::{Failure, ReleaseId};
use serde_json::json;
use std::time::Duration;

/// Looks at a status until it is an end, at most this often.
const LOOKS_MAX: u32 = 600;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A deployment of the suite.
#[derive(Debug, Clone)]
pub struct Case {
    deployment: Deployment,
}

impl Case {
    /// A small release: `number` is its id, and a value that its object holds.
    pub fn new(name: &str, target: &Target, number: u64) -> Self {
        let id = format!("{}{number:026}", ReleaseId::PREFIX);
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  number: \"{number}\"\n"
        );
        let path = format!("{name}/templates/settings.yaml");
        let manifest = format!("---\n# Source: {path}\n{text}");
        Self {
            deployment: Deployment {
                id: id.parse().expect("it has the form of an id"),
                target: target.clone(),
                rendered: Rendered {
                    name: name.to_owned(),
                    namespace: "default".to_owned(),
                    manifest,
                    crds: String::new(),
                    files: vec![(path, text)],
                    hooks: json!([]),
                    chart: json!({ "metadata": { "name": name, "version": "1.0.0", "apiVersion": "v2" } }),
                    config: json!({}),
                    notes: String::new(),
                    description: String::new(),
                },
                wait: Wait::Rollout,
                timeout_seconds: 60,
                namespace: Namespace::MustExist,
            },
        }
    }

    /// With these files instead.
    #[must_use]
    pub fn files(mut self, files: &[(&str, &str)]) -> Self {
        let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        self.deployment.rendered.files = files.iter().map(owned).collect();
        self
    }

    /// What is passed to the deployer.
    pub fn deployment(&self) -> Deployment {
        self.deployment.clone()
    }
}

/// Starts it and looks until it has ended.
///
/// # Errors
/// What the deployer says, or that it does not come to an end.
pub async fn deploy(
    deployer: &dyn Deployer,
    deployment: &Deployment,
) -> Result<DeployStatus, Failure> {
    deployer.start(deployment.clone()).await?;
    for _ in 0..LOOKS_MAX {
        let status = deployer.observe(deployment).await?;
        if !matches!(status, DeployStatus::Running { .. }) {
            return Ok(status);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Err(Failure::Terminal("it does not come to an end".to_owned()))
}

/// Runs all of it.
///
/// # Errors
/// The first thing that is not as it should be.
pub async fn run(deployer: &dyn Deployer, target: &Target) -> Result<(), String> {
    let said = |failure: Failure| failure.to_string();
    let expect = |what: &str, found: DeployStatus, wanted: DeployStatus| {
        if found == wanted {
            Ok(())
        } else {
            Err(format!("{what}: {found:?} instead of {wanted:?}"))
        }
    };
    let (first, second, other) = (
        Case::new("suite", target, 1).deployment(),
        Case::new("suite", target, 2).deployment(),
        Case::new("suite-other", target, 3).deployment(),
    );
    let found = deployer.observe(&first).await.map_err(said)?;
    expect("before it is started", found, DeployStatus::Absent)?;
    let found = deploy(deployer, &first).await.map_err(said)?;
    expect("the first", found, DeployStatus::Deployed { revision: 1 })?;
    let found = deploy(deployer, &first).await.map_err(said)?;
    let wanted = DeployStatus::Deployed { revision: 1 };
    expect("the first, started again", found, wanted)?;
    let found = deploy(deployer, &second).await.map_err(said)?;
    expect("the second", found, DeployStatus::Deployed { revision: 2 })?;
    let found = deployer.observe(&first).await.map_err(said)?;
    let wanted = DeployStatus::Deployed { revision: 1 };
    expect("the first, after the second", found, wanted)?;
    let found = deploy(deployer, &other).await.map_err(said)?;
    let wanted = DeployStatus::Deployed { revision: 1 };
    expect("another release beside it", found, wanted)?;
    deployer.cancel(&second).await.map_err(said)?;
    let found = deployer.observe(&second).await.map_err(said)?;
    let wanted = DeployStatus::Deployed { revision: 2 };
    expect("what has ended, cancelled", found, wanted)
}

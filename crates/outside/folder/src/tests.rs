use super::*;
use anyhow::Result;
use refloat_ports::deployer_suite::{self, Case};
use refloat_ports::{Deployer, Target};

#[tokio::test]
async fn the_suite_passes() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let deployer = FolderDeployer::new(folder.path().to_owned());
    let target = Target::Folder {
        path: "out/staging".to_owned(),
    };
    deployer_suite::run(&deployer, &target)
        .await
        .map_err(anyhow::Error::msg)
}

#[tokio::test]
async fn a_revision_takes_the_place_of_the_one_before() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let deployer = FolderDeployer::new(folder.path().to_owned());
    let target = Target::Folder {
        path: "out".to_owned(),
    };
    let first = Case::new("shop", &target, 1).files(&[("shop/templates/a.yaml", "a: 1\n")]);
    deployer.start(first.deployment()).await?;
    let second = Case::new("shop", &target, 2).files(&[("shop/templates/b.yaml", "b: 1\n")]);
    deployer.start(second.deployment()).await?;
    // Starting the earlier one again does not bring it back.
    deployer.start(first.deployment()).await?;
    let shop = folder.path().join("out/shop/shop/templates");
    let names: Vec<_> = std::fs::read_dir(&shop)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<Result<_, _>>()?;
    assert_eq!(names, ["b.yaml"]);
    let above: Vec<_> = std::fs::read_dir(folder.path().join("out"))?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()?;
    assert_eq!(above.len(), 2, "nothing is left aside: {above:?}");
    Ok(())
}

#[tokio::test]
async fn nothing_is_written_outside() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let deployer = FolderDeployer::new(folder.path().to_owned());
    let target = Target::Folder {
        path: "out".to_owned(),
    };
    let bad = Case::new("shop", &target, 1).files(&[("../../a.yaml", "a: 1\n")]);
    let refused = deployer.start(bad.deployment()).await;
    assert!(matches!(refused, Err(Failure::Terminal(_))), "{refused:?}");
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
    Ok(())
}

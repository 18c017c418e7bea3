//! A full disk: nothing is acknowledged that is not there, reads go on, writes go on when there is room.

use crate::site::{Site, caller, close, name, pulls, push_blob};
use refloat_core::Failure;
use refloat_flow::{BeginUpload, Begun, FlowError};
use refloat_oci::Digest;
use refloat_ports::suite::{body, sample};
use std::path::Path;
use std::process::Command;

/// A tmpfs of some MiB, unmounted at the end.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().ok()?;
        let size = format!("size={mib}m");
        run(
            "mount",
            &["-t", "tmpfs", "-o", &size, "tmpfs"],
            folder.path(),
        )
        .then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &[], self.0.path());
    }
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> bool {
    let output = Command::new(program).args(arguments).arg(folder).output();
    output.is_ok_and(|output| output.status.success())
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers_by_itself() {
    let Some(disk) = SmallDisk::mount(8) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "mounting a tmpfs needs root"
        );
        println!("skipped: mounting a tmpfs needs root");
        return;
    };
    let (site, repository) = (
        Site::with_blobs(disk.0.path()).without_grace(),
        name("apps/web"),
    );
    let registry = site.open().await;
    let filler = push_blob(&registry, &repository, &sample(4 << 20)).await;
    let bytes = sample(6 << 20);
    let begun = registry
        .begin_upload(&caller(), &repository, BeginUpload::default())
        .await
        .expect("begun");
    let Begun::Started(upload) = begun else {
        panic!("{begun:?}")
    };
    let part = |from: usize, to: usize| body(&bytes.slice(from..to), 65_536);
    let caller = caller();
    let append = |from, to| {
        registry.append_upload(&caller, &repository, &upload.id, None, None, part(from, to))
    };
    let first = append(0, 1 << 20).await.expect("there is room");
    assert_eq!(first.received, 1 << 20);
    let full = append(1 << 20, 6 << 20).await;
    assert!(
        matches!(full, Err(FlowError::Failed(Failure::Full(_)))),
        "{full:?}"
    );
    let status = registry
        .upload_status(&caller, &repository, &upload.id)
        .await
        .expect("it is there");
    assert_eq!(status.received, 1 << 20, "what was acknowledged stays");
    assert!(
        pulls(&registry, &repository, &filler, &sample(4 << 20)).await,
        "reads go on"
    );
    registry
        .delete_blob(&caller, &repository, &filler)
        .await
        .expect("deleted");
    registry.collect_all().await;
    append(1 << 20, 6 << 20).await.expect("there is room again");
    let digest = Digest::sha256(&bytes);
    let nothing = crate::site::empty();
    registry
        .finish_upload(
            &caller,
            &repository,
            &upload.id,
            None,
            None,
            nothing,
            digest,
        )
        .await
        .expect("finished");
    assert!(pulls(&registry, &repository, &digest, &bytes).await);
    close(registry).await;
}

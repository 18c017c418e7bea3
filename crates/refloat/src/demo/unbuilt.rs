//! The demo where no builder is: a copy-only image, put together by a script, is rebased on the patched Debian.
//!
//! What needs a build, and the servers that order one, are left out and named.

use super::base::{self, EPOCH, Mirror};
use super::stage::Stage;
use anyhow::Result;
use std::time::Instant;

/// An image of tars as an OCI layout (image-spec, "image-layout"), with the tag 1.
const IMAGE: &str = r#"# sh image.sh LAYOUT TAR..: an image of these layers, lowest first
set -e
layout=$1; shift
mkdir -p "$layout/blobs/sha256"
blob() {
  sum=sha256:$(sha256sum < "$1" | cut -d' ' -f1); size=$(wc -c < "$1")
  cp "$1" "$layout/blobs/sha256/${sum#sha256:}"
}
oci=application/vnd.oci.image
diffs=; layers=; history=
for tar in "$@"; do
  blob "$tar"
  diffs="$diffs${diffs:+,}\"$sum\""
  layers="$layers${layers:+,}{\"mediaType\":\"$oci.layer.v1.tar\",\"digest\":\"$sum\",\"size\":$size}"
  history="$history${history:+,}{\"created_by\":\"ADD $tar /\"}"
done
printf '{"architecture":"%s","os":"linux","config":{"Env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],"Cmd":["cat","/app/message"]},"rootfs":{"type":"layers","diff_ids":[%s]},"history":[%s]}' \
  "$(dpkg --print-architecture)" "$diffs" "$history" > config.json
blob config.json
printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s","digest":"%s","size":%s},"layers":[%s]}' \
  $oci.manifest.v1+json $oci.config.v1+json $sum $size "$layers" > manifest.json
blob manifest.json
printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"1"}}]}' \
  $oci.manifest.v1+json $sum $size > "$layout/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' > "$layout/oci-layout"
"#;

/// Plays it.
pub(super) fn play(stage: &mut Stage, mirror: &Mirror) -> Result<()> {
    stage.chapter("Debian before its security updates, and with them");
    for (name, lines) in [("before", mirror.before()), ("after", mirror.after())] {
        let since = Instant::now();
        base::make_tar(stage, name, &lines)?;
        stage.mark(&format!("Debian, {name}"), since);
    }
    stage.write("image.sh", IMAGE)?;
    stage.run("sh image.sh before before.tar")?;
    stage.run("sh image.sh after after.tar")?;

    stage.chapter("An image of one file on the old base");
    stage.write("web/app/message", "the web of the shop\n")?;
    stage.run(&format!(
        "tar --sort=name --mtime=@{EPOCH} --owner=0 --group=0 --numeric-owner -C web -cf web.tar app"
    ))?;
    stage.run("sh image.sh web before.tar web.tar")?;

    stage.chapter("Can it stand on the patched base?");
    let since = Instant::now();
    let rebase = "refloat rebase oci:web:1 --old-base oci:before:1 --onto oci:after:1";
    stage.run(&format!("{rebase} --explain --dry-run"))?;
    stage.run(&format!("{rebase} --tag oci:patched:1"))?;
    stage.mark("judged twice and rebased", since);
    stage.say("The rebased image has the same files as one that is put together on the new base:");
    stage.run("sh image.sh anew after.tar web.tar")?;
    stage.run("refloat compare oci:patched:1 oci:anew:1")?;
    Ok(())
}

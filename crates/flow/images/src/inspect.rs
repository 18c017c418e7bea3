//! What an image is made of: layers, the base it stands on and how that was found, packages.

use crate::base::{Base, Bases, find_base};
use crate::cache::IndexCache;
use crate::error::ImageError;
use crate::facts::facts;
use crate::observe::Observer;
use crate::packages::installed;
use crate::tree::Files;
use crate::walk::{PlatformImage, walk};
use refloat_packages::Package;
use refloat_ports::{Place, Places};
use serde_json::{Value, json};

/// JSON: `{"image","reference","digest","media_type","platforms":[{"platform","digest","size","config","base":
/// {"reference","digest","found_by","layers"},"layers":[{"digest","diff_id","size","media_type","files","from",
/// "created_by"}],"packages":[{"type","name","version"}]}],"others":[]}`. Sizes are bytes as they are sent.
///
/// # Errors
/// [`ImageError`] for what cannot be read; that no base is found is no error.
pub async fn inspect(
    place: &Place,
    bases: &Bases,
    places: &dyn Places,
    cache: &dyn IndexCache,
    observer: &Observer,
) -> Result<Value, ImageError> {
    let tree = walk(place).await?;
    let found = find_base(&tree, bases, places, observer).await?;
    let mut platforms = Vec::new();
    for (image, (_, base)) in tree.platforms.iter().zip(found) {
        let facts = facts(place, image, cache, observer).await?;
        let files = Files::of(&facts.layers);
        let packages = match installed(&files) {
            Ok(packages) => json!(packages.iter().map(package).collect::<Vec<_>>()),
            Err(reason) => json!({ "unknown": reason }),
        };
        platforms.push(json!({
            "platform": image.platform.to_string(),
            "digest": image.manifest.digest,
            "size": image.layers.iter().map(|layer| layer.size).sum::<u64>(),
            "base": base.as_ref().map(described),
            "layers": layers(image, base.as_ref(), &facts),
            "packages": packages,
            "config": image.config["config"],
            "unread": facts.unread.iter().map(|(_, reason)| reason).collect::<Vec<_>>(),
        }));
    }
    Ok(json!({
        "image": place.written,
        "reference": tree.pinned(),
        "digest": tree.root.digest,
        "media_type": tree.root.media_type,
        "platforms": platforms,
        "others": tree.others,
    }))
}

fn described(base: &Base) -> Value {
    json!({
        "reference": base.tree.place.written,
        "digest": base.tree.root.digest,
        "manifest": base.image.manifest.digest,
        "found_by": base.found_by.word(),
        "layers": base.image.layers.len(),
        "others": base.others,
    })
}

fn layers(
    image: &PlatformImage,
    base: Option<&Base>,
    facts: &refloat_verdict::ImageFacts,
) -> Vec<Value> {
    let below = base
        .filter(|base| image.stands_on(&base.image))
        .map_or(0, |base| base.image.layers.len());
    let history = image.config["history"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut made = history.iter().filter(|entry| entry["empty_layer"] != true);
    let layers = image.layers.iter().zip(&image.diff_ids).enumerate();
    layers
        .map(|(position, (layer, diff_id))| {
            let index = facts.layers.iter().find(|index| index.diff_id == *diff_id);
            json!({
                "digest": layer.digest,
                "diff_id": diff_id,
                "size": layer.size,
                "media_type": layer.media_type,
                "files": index.map(|index| index.entries.len()),
                "from": if position < below { "base" } else { "image" },
                "created_by": made.next().map_or(Value::Null, |entry| entry["created_by"].clone()),
            })
        })
        .collect()
}

fn package(package: &Package) -> Value {
    json!({ "type": package.kind.word(), "name": package.name, "version": package.version, "architecture": package.architecture })
}

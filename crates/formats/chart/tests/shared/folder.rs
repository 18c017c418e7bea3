//! Reads a chart's folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Files by their paths relative to the folder.
pub fn folder(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut files, mut open) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).expect("it lies below");
                files.insert(
                    name.to_string_lossy().into_owned(),
                    fs::read(&path).expect("the file can be read"),
                );
            }
        }
    }
    files
}

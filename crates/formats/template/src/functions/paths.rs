//! Paths with slashes (Go's `path`). Charts are rendered as on Linux: `os*` are the same.

use super::strings::str_at;
use super::{Function, Type, fixed};
use crate::value::Value;

const TEXT: Type = Type::String;

pub(super) const TABLE: &[Function] = &[
    fixed("base", &[TEXT], |_, args| {
        Ok(Value::from(base(str_at(args, 0))))
    }),
    fixed("osBase", &[TEXT], |_, args| {
        Ok(Value::from(base(str_at(args, 0))))
    }),
    fixed("dir", &[TEXT], |_, args| {
        Ok(Value::from(directory(str_at(args, 0))))
    }),
    fixed("osDir", &[TEXT], |_, args| {
        Ok(Value::from(directory(str_at(args, 0))))
    }),
    fixed("clean", &[TEXT], |_, args| {
        Ok(Value::from(clean(str_at(args, 0))))
    }),
    fixed("osClean", &[TEXT], |_, args| {
        Ok(Value::from(clean(str_at(args, 0))))
    }),
    fixed("ext", &[TEXT], |_, args| {
        Ok(Value::from(extension(str_at(args, 0))))
    }),
    fixed("osExt", &[TEXT], |_, args| {
        Ok(Value::from(extension(str_at(args, 0))))
    }),
    fixed("isAbs", &[TEXT], |_, args| {
        Ok(Value::Bool(str_at(args, 0).starts_with('/')))
    }),
    fixed("osIsAbs", &[TEXT], |_, args| {
        Ok(Value::Bool(str_at(args, 0).starts_with('/')))
    }),
];

/// Go's `path.Base`.
pub(crate) fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let bare = path.trim_end_matches('/');
    if bare.is_empty() {
        return "/";
    }
    bare.rsplit('/').next().unwrap_or(bare)
}

fn directory(path: &str) -> String {
    let end = path.rfind('/').map_or(0, |slash| slash + 1);
    clean(&path[..end])
}

fn extension(path: &str) -> &str {
    let name = path.rfind('/').map_or(path, |slash| &path[slash + 1..]);
    name.rfind('.').map_or("", |dot| &name[dot..])
}

/// Go's `path.Clean`.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            other => parts.push(other),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

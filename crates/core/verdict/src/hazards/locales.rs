//! H8: the locale that the environment asks for.

use super::languages::variables_of;
use crate::case::Case;
use crate::tree::Tree;
use crate::verdict::{Code, Reason, Tier};

/// All compiled locales in one file.
const ARCHIVE: &str = "usr/lib/locale/locale-archive";

/// A locale that was there and would not be: programs fall back to plain ASCII without a word.
pub(super) fn asked_for(case: &mut Case<'_>) {
    let mut reasons = Vec::new();
    for (key, value) in variables_of(&case.merged) {
        let is_locale = key == "LANG" || key == "LANGUAGE" || key.starts_with("LC_");
        if !is_locale || matches!(value.as_str(), "" | "C" | "POSIX") {
            continue;
        }
        for name in value.split(':') {
            if let (Some(was), None) = (place(&case.old, name), place(&case.new, name)) {
                let detail = format!(
                    "the variable {key} asks for the locale {name}, which the new base does not have"
                );
                reasons.push(
                    Reason::new(Code::H8, Tier::Unsafe, detail)
                        .at(&format!("config.Env.{key}"))
                        .values(Some(was), Some("removed".into())),
                );
            }
        }
    }
    case.extend(reasons);
}

/// Where a tree has a locale. What an archive holds is not seen: one that is there counts for all.
fn place(tree: &Tree, name: &str) -> Option<String> {
    let (language, codeset) = name.split_once('.').unwrap_or((name, ""));
    let plain = codeset.to_ascii_lowercase().replace('-', "");
    let folders = [
        format!("usr/lib/locale/{name}"),
        format!("usr/lib/locale/{language}.{plain}"),
        format!("usr/share/i18n/locales/musl/{name}"),
    ];
    let archive = (language != "C").then(|| ARCHIVE.to_owned());
    folders
        .into_iter()
        .chain(archive)
        .find(|place| tree.resolve(place).is_some())
}

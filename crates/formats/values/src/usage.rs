//! Which values the templates of a chart name, as far as text tells it.

use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;

static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\.Values((?:\.[A-Za-z_][A-Za-z0-9_]*)+)").expect("the expression is right")
});

/// Paths that stand behind `.Values` in these templates.
pub fn used_paths<'a>(templates: impl Iterator<Item = &'a str>) -> BTreeSet<Vec<String>> {
    let mut paths = BTreeSet::new();
    for text in templates {
        for found in NAMED.captures_iter(text) {
            let path = found[1].split('.').skip(1);
            paths.insert(path.map(str::to_owned).collect());
        }
    }
    paths
}

//! The packed data, unpacked once in a process. A line each, fields separated by tabs:
//!
//! ```text
//! m 25 26 27 ..                                      the minor versions; bit n of a mask is the n-th of them
//! d NAME MASK JSON                                   a definition as it is in these versions
//! k GROUP VERSION KIND MASK NAME                     a kind and its definition
//! l GROUP VERSION KIND DEPRECATED REMOVED INSTEAD    a lifecycle; - is none
//! ```

use flate2::read::ZlibDecoder;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::rc::Rc;
use std::sync::LazyLock;

static PACKED: &[u8] = include_bytes!("../data/kubernetes.bin");

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = String::new();
    let read = ZlibDecoder::new(PACKED).read_to_string(&mut text);
    read.expect("the packed schemas were packed by pack()");
    text
});

pub(crate) fn minors() -> Vec<u32> {
    let line = TEXT.lines().find_map(|line| line.strip_prefix("m\t"));
    let words = line.unwrap_or_default().split(' ');
    words.filter_map(|word| word.parse().ok()).collect()
}

/// The lifecycle of a kind, as it is packed.
pub(crate) struct KindLifecycle {
    pub(crate) deprecated: Option<u32>,
    pub(crate) removed: Option<u32>,
    pub(crate) replacement: Option<&'static str>,
}

/// Group, version, kind.
type Kind = (&'static str, &'static str, &'static str);

/// What is packed of one minor version.
pub(crate) struct Data {
    definitions: BTreeMap<&'static str, &'static str>,
    kinds: BTreeMap<Kind, &'static str>,
    lifecycles: BTreeMap<Kind, (&'static str, &'static str, &'static str)>,
    /// Definitions that were parsed.
    parsed: RefCell<BTreeMap<&'static str, Rc<Value>>>,
}

fn api(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

impl Data {
    /// Of the minor version at this position.
    pub(crate) fn of(position: usize) -> Self {
        let mut data = Self {
            definitions: BTreeMap::new(),
            kinds: BTreeMap::new(),
            lifecycles: BTreeMap::new(),
            parsed: RefCell::default(),
        };
        let has =
            |mask: &str| u32::from_str_radix(mask, 16).is_ok_and(|mask| mask >> position & 1 == 1);
        for line in TEXT.lines() {
            let mut fields = line.split('\t');
            let mut next = || fields.next().unwrap_or_default();
            match next() {
                "d" => {
                    let (name, mask) = (next(), next());
                    if has(mask) {
                        data.definitions.insert(name, next());
                    }
                }
                "k" => {
                    let (kind, mask) = ((next(), next(), next()), next());
                    if has(mask) {
                        data.kinds.insert(kind, next());
                    }
                }
                "l" => {
                    let kind = (next(), next(), next());
                    data.lifecycles.insert(kind, (next(), next(), next()));
                }
                _ => {}
            }
        }
        data
    }

    pub(crate) fn kind(&self, group: &str, version: &str, kind: &str) -> Option<&'static str> {
        self.kinds.get(&(group, version, kind)).copied()
    }

    pub(crate) fn has_group(&self, group: &str) -> bool {
        self.kinds.keys().any(|kind| kind.0 == group)
            || self.lifecycles.keys().any(|kind| kind.0 == group)
    }

    /// Groups with their versions, and these with their kinds.
    pub(crate) fn apis(&self) -> Vec<String> {
        let kinds = self.kinds.keys().flat_map(|(group, version, kind)| {
            let api = api(group, version);
            [format!("{api}/{kind}"), api]
        });
        kinds.collect()
    }

    /// The versions that have a kind: of this group, or else of others.
    pub(crate) fn apis_of(&self, group: &str, kind: &str) -> Vec<String> {
        let own = self.apis_in(group, kind);
        if !own.is_empty() {
            return own;
        }
        let kinds = self.kinds.keys().filter(|known| known.2 == kind);
        kinds
            .map(|(group, version, _)| api(group, version))
            .collect()
    }

    /// The versions of a group that have a kind; stable ones last.
    pub(crate) fn apis_in(&self, group: &str, kind: &str) -> Vec<String> {
        let kinds = self.kinds.keys();
        let kinds = kinds.filter(|known| known.0 == group && known.2 == kind);
        let mut versions: Vec<&str> = kinds.map(|known| known.1).collect();
        versions.sort_by_key(|version| (!version.contains(['a', 'b']), *version));
        let versions = versions.into_iter();
        versions.map(|version| api(group, version)).collect()
    }

    pub(crate) fn definition(&self, name: &str) -> Option<Rc<Value>> {
        if let Some(parsed) = self.parsed.borrow().get(name) {
            return Some(parsed.clone());
        }
        let (name, text) = self.definitions.get_key_value(name)?;
        let parsed: Rc<Value> = Rc::new(serde_json::from_str(text).ok()?);
        self.parsed.borrow_mut().insert(name, parsed.clone());
        Some(parsed)
    }

    pub(crate) fn lifecycle(
        &self,
        group: &str,
        version: &str,
        kind: &str,
    ) -> Option<KindLifecycle> {
        let (deprecated, removed, instead) = self.lifecycles.get(&(group, version, kind))?;
        Some(KindLifecycle {
            deprecated: deprecated.parse().ok(),
            removed: removed.parse().ok(),
            replacement: (*instead != "-").then_some(*instead),
        })
    }
}

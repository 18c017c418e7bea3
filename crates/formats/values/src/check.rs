//! Keys that an environment misses or misspells, against the chart's defaults, its schema, its templates and the other
//! environments.

use crate::layer::{Layer, Located, Shape};
use crate::near::nearest;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a chart knows of its values.
pub struct Known<'a> {
    /// The defaults, those of the charts below it too, from the lowest to the highest.
    pub defaults: &'a [Layer],
    /// `values.schema.json`.
    pub schema: Option<&'a Value>,
    /// Paths that its templates name.
    pub used: &'a BTreeSet<Vec<String>>,
}

/// An environment's own files.
pub struct Environment {
    /// Its name.
    pub name: String,
    /// From the lowest to the highest; those that all environments share are defaults.
    pub layers: Vec<Layer>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It may be meant so.
    Warning,
    /// It is a mistake.
    Error,
}

/// A key that is not right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad.
    pub level: Level,
    /// `misspelt`, `unknown` or `missing`.
    pub code: &'static str,
    /// The path.
    pub key: String,
    /// The file; of what is missing the one where another environment has it.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// In one line.
    pub message: String,
    /// What was meant.
    pub suggestion: Option<String>,
}

/// What is wrong with each environment, in the order of the environments.
pub fn check(known: &Known<'_>, environments: &[Environment]) -> Vec<Vec<Problem>> {
    let chart = Chart::of(known);
    let own: Vec<Located> = environments.iter().map(|one| merged(&one.layers)).collect();
    let mut strangers: Vec<BTreeSet<Vec<String>>> = Vec::new();
    let mut problems: Vec<Vec<Problem>> = Vec::new();
    for (index, environment) in environments.iter().enumerate() {
        let others: Vec<&Located> = own
            .iter()
            .enumerate()
            .filter_map(|(other, root)| (other != index).then_some(root))
            .collect();
        let mut search = Strangers {
            chart: &chart,
            others: &others,
            found: BTreeMap::new(),
        };
        for layer in &environment.layers {
            search.map(&layer.root, &mut Vec::new(), layer);
        }
        strangers.push(search.found.keys().cloned().collect());
        problems.push(search.found.into_values().collect());
    }
    for (index, problems) in problems.iter_mut().enumerate() {
        missing(&chart, environments, &own, &strangers, index, problems);
    }
    problems
}

fn merged(layers: &[Layer]) -> Located {
    let empty = Located {
        line: 0,
        shape: Shape::Map(Vec::new()),
    };
    layers
        .iter()
        .fold(empty, |below, layer| below.under(&layer.root))
}

/// What the chart knows, at one path.
struct Chart<'a> {
    defaults: Located,
    schema: Option<&'a Value>,
    used: &'a BTreeSet<Vec<String>>,
}

impl<'a> Chart<'a> {
    fn of(known: &Known<'a>) -> Self {
        Self {
            defaults: merged(known.defaults),
            schema: known.schema,
            used: known.used,
        }
    }

    fn default(&self, path: &[String]) -> Option<&Located> {
        path.iter()
            .try_fold(&self.defaults, |node, key| node.get(key))
    }

    /// The schema at a path, as far as properties lead.
    fn schema(&self, path: &[String]) -> Option<&'a Value> {
        let root = self.schema?;
        let resolve = |schema: &'a Value| match schema["$ref"].as_str() {
            Some(reference) => root.pointer(reference.strip_prefix('#')?),
            None => Some(schema),
        };
        path.iter().try_fold(resolve(root)?, |schema, key| {
            resolve(schema["properties"].get(key)?)
        })
    }

    /// The keys that are known below a path.
    fn names(&self, path: &[String]) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        let defaults = self.default(path).into_iter().flat_map(Located::entries);
        names.extend(defaults.map(|(key, _)| key.as_str()));
        let schema = self
            .schema(path)
            .and_then(|schema| schema["properties"].as_object());
        names.extend(schema.into_iter().flatten().map(|(key, _)| key.as_str()));
        let used = self.used.iter().filter(|used| used.starts_with(path));
        names.extend(
            used.filter_map(|used| used.get(path.len()))
                .map(String::as_str),
        );
        names
    }

    /// Whether any key may stand below a path: nothing says which.
    fn is_open(&self, path: &[String]) -> bool {
        if path.first().is_some_and(|key| key == "global") {
            return true;
        }
        let names = self.names(path);
        if names.is_empty() {
            return true;
        }
        // A default of `{}` with a template that takes the whole map: `toYaml .Values.resources`.
        let empty = self.default(path).is_some_and(|node| match &node.shape {
            Shape::Map(entries) => entries.is_empty(),
            Shape::List(_) | Shape::Scalar(_) => true,
        });
        let closed = self
            .schema(path)
            .is_some_and(|schema| schema["additionalProperties"] == Value::Bool(false));
        empty && !closed && self.used.contains(path)
    }
}

/// Keys that the chart does not know.
struct Strangers<'a> {
    chart: &'a Chart<'a>,
    others: &'a [&'a Located],
    found: BTreeMap<Vec<String>, Problem>,
}

impl Strangers<'_> {
    fn map(&mut self, node: &Located, path: &mut Vec<String>, layer: &Layer) {
        if self.chart.is_open(path) {
            return;
        }
        let names = self.chart.names(path);
        for (key, value) in node.entries() {
            path.push(key.clone());
            if names.contains(key.as_str()) {
                self.map(value, path, layer);
            } else {
                let problem = self.stranger(key, value, path, &names, layer);
                self.found.insert(path.clone(), problem);
            }
            path.pop();
        }
    }

    fn stranger(
        &self,
        key: &str,
        value: &Located,
        path: &[String],
        names: &BTreeSet<&str>,
        layer: &Layer,
    ) -> Problem {
        let parent = &path[..path.len() - 1];
        let beside = self
            .others
            .iter()
            .filter_map(|root| parent.iter().try_fold(*root, |node, key| node.get(key)));
        let of_others: BTreeSet<&str> = beside
            .flat_map(Located::entries)
            .map(|(key, _)| key.as_str())
            .collect();
        let all = names.iter().chain(&of_others).copied();
        let near = nearest(key, all);
        let written = path.join(".");
        let near_path = near.map(|near| {
            let mut path = parent.to_vec();
            path.push(near.to_owned());
            path.join(".")
        });
        let (level, code, message) = match &near_path {
            Some(near) if !of_others.contains(key) => (
                Level::Error,
                "misspelt",
                format!("the chart has no `{written}`; did you mean `{near}`?"),
            ),
            _ => (
                Level::Warning,
                "unknown",
                format!(
                    "the chart has no `{written}`: no default, no schema and no template names it"
                ),
            ),
        };
        Problem {
            level,
            code,
            key: written,
            file: layer.name.clone(),
            line: value.line,
            message,
            suggestion: near_path.filter(|_| code == "misspelt"),
        }
    }
}

/// Keys that other environments set, this one does not, and that have no default.
fn missing(
    chart: &Chart<'_>,
    environments: &[Environment],
    own: &[Located],
    strangers: &[BTreeSet<Vec<String>>],
    index: usize,
    problems: &mut Vec<Problem>,
) {
    let mut wanted = BTreeMap::<Vec<String>, Vec<usize>>::new();
    for (other, root) in own.iter().enumerate() {
        if other != index {
            let mut leaves = Vec::new();
            leaves_of(chart, root, &mut Vec::new(), &strangers[other], &mut leaves);
            for path in leaves {
                wanted.entry(path).or_default().push(other);
            }
        }
    }
    for (path, having) in wanted {
        if is_set(&own[index], &path) || has_default(chart, &path) {
            continue;
        }
        let written = path.join(".");
        let meant = problems
            .iter()
            .any(|problem| problem.suggestion.as_deref() == Some(&written));
        if meant {
            continue;
        }
        let Some((file, line)) = place(&environments[having[0]], &path) else {
            continue;
        };
        let names: Vec<&str> = having
            .iter()
            .map(|at| environments[*at].name.as_str())
            .collect();
        let all = having.len() + 1 == own.len();
        problems.push(Problem {
            level: if all { Level::Error } else { Level::Warning },
            code: "missing",
            message: format!(
                "`{written}` is not set and has no default; {} {} it ({file}:{line})",
                names.join(", "),
                if names.len() == 1 { "sets" } else { "set" }
            ),
            key: written,
            file,
            line,
            suggestion: None,
        });
    }
}

/// Paths that are set and are no maps; below maps that are open to anything nothing.
fn leaves_of(
    chart: &Chart<'_>,
    node: &Located,
    path: &mut Vec<String>,
    strangers: &BTreeSet<Vec<String>>,
    found: &mut Vec<Vec<String>>,
) {
    for (key, value) in node.entries() {
        path.push(key.clone());
        let is_map = !value.entries().is_empty();
        if strangers.contains(path) {
            // It is a problem of that environment.
        } else if is_map && !chart.is_open(path) {
            leaves_of(chart, value, path, strangers, found);
        } else if !is_map && !value.is_null() {
            found.push(path.clone());
        }
        path.pop();
    }
}

fn is_set(root: &Located, path: &[String]) -> bool {
    let mut node = root;
    for key in path {
        match node.get(key) {
            Some(next) => node = next,
            // Something else than a map stands there on purpose.
            None => return !matches!(node.shape, Shape::Map(_)),
        }
    }
    true
}

fn has_default(chart: &Chart<'_>, path: &[String]) -> bool {
    let default = chart.schema(path).and_then(|schema| schema.get("default"));
    if default.is_some() {
        return true;
    }
    match chart.default(path).map(|node| &node.shape) {
        None | Some(Shape::Scalar(Value::Null)) => false,
        Some(Shape::Scalar(Value::String(text))) => !text.is_empty(),
        Some(Shape::Map(_) | Shape::List(_) | Shape::Scalar(_)) => true,
    }
}

fn place(environment: &Environment, path: &[String]) -> Option<(String, usize)> {
    environment.layers.iter().rev().find_map(|layer| {
        let found = path
            .iter()
            .try_fold(&layer.root, |node, key| node.get(key))?;
        Some((layer.name.clone(), found.line))
    })
}

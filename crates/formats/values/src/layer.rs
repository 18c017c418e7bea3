//! One file of values as a tree that knows its lines.

use granit_parser::ScalarStyle;
use refloat_chart::bump::tree::{Document, Kind, Node, read_all};
use serde_json::{Map, Number, Value};

/// The most nodes of one file, aliases written out.
const NODES_MAX: usize = 500_000;
/// The deepest nesting, aliases written out.
const DEPTH_MAX: usize = 256;

/// A file of values, or a flag.
#[derive(Debug, Clone)]
pub struct Layer {
    /// The file as it was named, or the flag.
    pub name: String,
    /// Whether its values are not to be shown.
    pub is_secret: bool,
    /// Its values.
    pub root: Located,
}

/// A value and its line.
#[derive(Debug, Clone)]
pub struct Located {
    /// Counted from 1; of an entry of a map that of its key. 0 for a flag.
    pub line: usize,
    /// The value.
    pub shape: Shape,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Shape {
    /// Keys in the order of the file, each once: of keys that stand twice the last one counts.
    Map(Vec<(String, Located)>),
    /// Items.
    List(Vec<Located>),
    /// Text, a number, true, false or null.
    Scalar(Value),
}

/// A file that cannot be read.
pub type LayerError = String;

impl Layer {
    /// Reads a values file; its documents lie over each other.
    ///
    /// # Errors
    /// What is wrong, with the line.
    pub fn read(name: &str, text: &str) -> Result<Self, LayerError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let documents = read_all(text).map_err(|error| format!("{name}: {error}"))?;
        let mut root = Located {
            line: 1,
            shape: Shape::Map(Vec::new()),
        };
        for document in &documents {
            if document.root.is_null() {
                continue;
            }
            let above = Reader::of(document).node(&document.root);
            let above = above.map_err(|error| format!("{name}: {error}"))?;
            if !matches!(above.shape, Shape::Map(_)) {
                return Err(format!(
                    "{name}: line {}: values must be a map of keys",
                    above.line
                ));
            }
            root = root.under(&above);
        }
        Ok(Self {
            name: name.to_owned(),
            is_secret: false,
            root,
        })
    }

    /// Values that were given by flags.
    pub fn of_json(name: &str, values: &Value) -> Self {
        Self {
            name: name.to_owned(),
            is_secret: false,
            root: Located::of_json(values),
        }
    }

    /// The same layer, whose values are not shown; what SOPS keeps in the file is left out.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.is_secret = true;
        if let Shape::Map(entries) = &mut self.root.shape {
            entries.retain(|(key, _)| key != "sops");
        }
        self
    }

    /// The same values below a key: those of a chart below another one.
    #[must_use]
    pub fn below(mut self, key: &str) -> Self {
        let line = self.root.line;
        let root = std::mem::replace(
            &mut self.root,
            Located {
                line,
                shape: Shape::Map(Vec::new()),
            },
        );
        self.root.shape = Shape::Map(vec![(key.to_owned(), root)]);
        self
    }
}

impl Located {
    /// The entry of a map.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.shape {
            Shape::Map(entries) => entries
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value),
            Shape::List(_) | Shape::Scalar(_) => None,
        }
    }

    /// The entries of a map; none of anything else.
    pub fn entries(&self) -> &[(String, Self)] {
        match &self.shape {
            Shape::Map(entries) => entries,
            Shape::List(_) | Shape::Scalar(_) => &[],
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self.shape, Shape::Scalar(Value::Null))
    }

    /// The value without its lines.
    pub fn to_json(&self) -> Value {
        match &self.shape {
            Shape::Map(entries) => {
                let entries = entries.iter();
                let entries = entries.map(|(key, value)| (key.clone(), value.to_json()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
            Shape::List(items) => items.iter().map(Self::to_json).collect(),
            Shape::Scalar(value) => value.clone(),
        }
    }

    fn of_json(value: &Value) -> Self {
        let shape = match value {
            Value::Object(map) => {
                let entries = map.iter();
                Shape::Map(
                    entries
                        .map(|(key, value)| (key.clone(), Self::of_json(value)))
                        .collect(),
                )
            }
            Value::Array(items) => Shape::List(items.iter().map(Self::of_json).collect()),
            other => Shape::Scalar(other.clone()),
        };
        Self { line: 0, shape }
    }

    /// `above` laid over it.
    pub(crate) fn under(&self, above: &Self) -> Self {
        let (Shape::Map(below), Shape::Map(over)) = (&self.shape, &above.shape) else {
            return above.clone();
        };
        let mut entries = below.clone();
        for (key, value) in over {
            match entries.iter_mut().find(|(name, _)| name == key) {
                Some((_, known)) => *known = known.under(value),
                None => entries.push((key.clone(), value.clone())),
            }
        }
        Self {
            line: above.line,
            shape: Shape::Map(entries),
        }
    }
}

struct Reader<'a> {
    document: &'a Document,
    nodes: usize,
    depth: usize,
    /// Anchors of the nodes that are being read: an alias of one of them contains itself.
    open: Vec<usize>,
}

impl<'a> Reader<'a> {
    fn of(document: &'a Document) -> Self {
        Self {
            document,
            nodes: 0,
            depth: 0,
            open: Vec::new(),
        }
    }

    fn node(&mut self, node: &Node) -> Result<Located, String> {
        self.nodes += 1;
        if self.nodes > NODES_MAX || self.depth > DEPTH_MAX {
            return Err("its aliases make it too large".to_owned());
        }
        if node.anchor != 0 {
            self.open.push(node.anchor);
        }
        self.depth += 1;
        let shape = self.shape(node);
        self.depth -= 1;
        if node.anchor != 0 {
            self.open.pop();
        }
        Ok(Located {
            line: node.line,
            shape: shape?,
        })
    }

    fn shape(&mut self, node: &Node) -> Result<Shape, String> {
        Ok(match &node.kind {
            Kind::Scalar { text, style } => Shape::Scalar(scalar(text, *style)),
            Kind::List(items) => {
                let items: Result<_, _> = items.iter().map(|item| self.node(item)).collect();
                Shape::List(items?)
            }
            Kind::Map { entries, .. } => Shape::Map(self.entries(entries)?),
            Kind::Alias(anchor) if self.open.contains(anchor) => {
                return Err(format!(
                    "line {}: the alias is part of what it names",
                    node.line
                ));
            }
            Kind::Alias(anchor) => {
                let target = self.document.root.anchored(*anchor);
                let target = target.ok_or_else(|| {
                    format!("line {}: the alias has no anchor above it", node.line)
                })?;
                self.node(target)?.shape
            }
        })
    }

    fn entries(&mut self, entries: &[(Node, Node)]) -> Result<Vec<(String, Located)>, String> {
        let (mut found, mut merged) = (Vec::<(String, Located)>::new(), Vec::new());
        for (key, value) in entries {
            let name = key
                .text()
                .map_or_else(|| format!("line {}", key.line), str::to_owned);
            let mut read = self.node(value)?;
            if name == "<<" {
                match read.shape {
                    Shape::Map(entries) => merged.extend(entries),
                    Shape::List(maps) => {
                        for map in maps {
                            if let Shape::Map(entries) = map.shape {
                                merged.extend(entries);
                            }
                        }
                    }
                    Shape::Scalar(_) => {}
                }
                continue;
            }
            read.line = key.line;
            found.retain(|(known, _)| *known != name);
            found.push((name, read));
        }
        for (key, value) in merged {
            if !found.iter().any(|(known, _)| *known == key) {
                found.push((key, value));
            }
        }
        Ok(found)
    }
}

/// A scalar as YAML 1.1 has it, as far as people read it.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "on" | "On" => Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "off" | "Off" => Value::Bool(false),
        _ => {
            let number: Result<Number, _> = text.parse();
            number.map_or_else(|_| Value::String(text.to_owned()), Value::Number)
        }
    }
}

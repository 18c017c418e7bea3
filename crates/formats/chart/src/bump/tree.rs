//! A YAML document as a tree whose nodes know where they stand in the text.

use super::BumpError;
use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};
use std::ops::Range;

/// The deepest nesting that is followed.
const DEPTH_MAX: usize = 128;

/// One document.
pub struct Document {
    /// Its root.
    pub root: Node,
    /// Uses of anchors: the anchor's number and the line of the use.
    pub aliases: Vec<(usize, usize)>,
    /// Where its text begins, in bytes: at its `---`, or at its first node.
    pub start: usize,
}

/// A node and its place.
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Bytes; of a scalar its text with quotes, without tag and anchor.
    pub span: Range<usize>,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 0.
    pub column: usize,
    /// The number of its anchor; 0 for none.
    pub anchor: usize,
}

/// What a node is.
pub enum Kind {
    /// A text, number or other word.
    Scalar {
        /// Without quotes.
        text: String,
        /// How it is written.
        style: ScalarStyle,
    },
    /// Keys and values in their order.
    Map {
        /// As they stand there; a key may stand twice.
        entries: Vec<(Node, Node)>,
        /// Whether it is written with braces.
        flow: bool,
    },
    /// Items.
    List(Vec<Node>),
    /// The use of the anchor of this number.
    Alias(usize),
}

impl Node {
    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            Kind::Map { .. } | Kind::List(_) | Kind::Alias(_) => None,
        }
    }

    /// The entries of a map; none of anything else.
    pub fn entries(&self) -> &[(Node, Node)] {
        match &self.kind {
            Kind::Map { entries, .. } => entries,
            Kind::Scalar { .. } | Kind::List(_) | Kind::Alias(_) => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            Kind::Scalar { .. } | Kind::Map { .. } | Kind::Alias(_) => &[],
        }
    }

    /// The value of a key of a map, the last one if it stands there twice.
    pub fn get(&self, name: &str) -> Option<&Node> {
        let mut entries = self.entries().iter().rev();
        let found = entries.find(|(key, _)| key.text() == Some(name));
        found.map(|(_, value)| value)
    }

    /// The node in it that has the anchor of this number.
    pub fn anchored(&self, anchor: usize) -> Option<&Node> {
        if self.anchor == anchor {
            return Some(self);
        }
        match &self.kind {
            Kind::Map { entries, .. } => entries
                .iter()
                .find_map(|(key, value)| key.anchored(anchor).or_else(|| value.anchored(anchor))),
            Kind::List(items) => items.iter().find_map(|item| item.anchored(anchor)),
            Kind::Scalar { .. } | Kind::Alias(_) => None,
        }
    }

    /// Whether nothing was written: `key:` and no more.
    pub fn is_absent(&self) -> bool {
        matches!(
            &self.kind,
            Kind::Scalar {
                style: ScalarStyle::Plain,
                ..
            }
        ) && self.span.is_empty()
    }

    /// Whether it means null.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, style: ScalarStyle::Plain }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

/// Reads the only document of a text.
pub(super) fn read(text: &str) -> Result<Document, BumpError> {
    let mut documents = read_all(text)?;
    if let Some(second) = documents.get(1) {
        return Err(BumpError::Yaml(format!(
            "a second document begins at line {}; keep one document in this file",
            second.root.line
        )));
    }
    let only = documents.pop();
    only.ok_or_else(|| BumpError::Yaml("there is nothing in it".to_owned()))
}

/// Reads all documents of a text, in their order.
///
/// # Errors
/// [`BumpError::Yaml`] if it is no YAML or nested too deep.
pub fn read_all(text: &str) -> Result<Vec<Document>, BumpError> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        aliases: Vec::new(),
    };
    let (mut documents, mut start) = (Vec::new(), 0);
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(..) => start = span.byte_range().unwrap_or_default().start,
            Event::StreamEnd => break,
            event => {
                let root = reader.node(event, span, 0)?;
                let aliases = std::mem::take(&mut reader.aliases);
                documents.push(Document {
                    root,
                    aliases,
                    start,
                });
            }
        }
    }
    Ok(documents)
}

struct Reader<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    aliases: Vec<(usize, usize)>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), BumpError> {
        loop {
            match self.parser.next_event() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(event)) => return Ok(event),
                Some(Err(error)) => return Err(BumpError::Yaml(error.to_string())),
                None => return Ok((Event::StreamEnd, Span::default())),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, BumpError> {
        if depth > DEPTH_MAX {
            return Err(BumpError::Yaml(format!("nested deeper than {DEPTH_MAX}")));
        }
        let line = span.start.line();
        let (kind, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let text = text.into_owned();
                (Kind::Scalar { text, style }, anchor)
            }
            Event::Alias(anchor) => {
                self.aliases.push((anchor, line));
                (Kind::Alias(anchor), 0)
            }
            Event::SequenceStart(_, anchor, _) => (Kind::List(self.items(depth)?), anchor),
            Event::MappingStart(style, anchor, _) => {
                let entries = self.entries(depth)?;
                let flow = style == StructureStyle::Flow;
                (Kind::Map { entries, flow }, anchor)
            }
            other => {
                return Err(BumpError::Yaml(format!(
                    "unexpected {other:?} at line {line}"
                )));
            }
        };
        Ok(Node {
            kind,
            span: span.byte_range().unwrap_or_default(),
            line,
            column: span.start.col(),
            anchor,
        })
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, BumpError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(Node, Node)>, BumpError> {
        let mut entries = Vec::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (event, span) => self.node(event, span, depth + 1)?,
            };
            let (event, span) = self.next()?;
            entries.push((key, self.node(event, span, depth + 1)?));
        }
    }
}

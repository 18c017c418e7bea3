//! A YAML document as a tree whose nodes know where they stand in the text.

use super::BumpError;
use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};
use std::ops::Range;

/// The deepest nesting that is followed.
const DEPTH_MAX: usize = 128;

/// One document.
pub(super) struct Document {
    /// Its root.
    pub(super) root: Node,
    /// Uses of anchors: the anchor's number and the line of the use.
    pub(super) aliases: Vec<(usize, usize)>,
}

/// A node and its place.
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Bytes; of a scalar its text with quotes, without tag and anchor.
    pub(super) span: Range<usize>,
    /// Counted from 1.
    pub(super) line: usize,
    /// Counted from 0.
    pub(super) column: usize,
    /// The number of its anchor; 0 for none.
    pub(super) anchor: usize,
}

pub(super) enum Kind {
    Scalar {
        text: String,
        style: ScalarStyle,
    },
    Map {
        entries: Vec<(Node, Node)>,
        flow: bool,
    },
    List(Vec<Node>),
    Alias,
}

impl Node {
    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            Kind::Map { .. } | Kind::List(_) | Kind::Alias => None,
        }
    }

    /// Whether nothing was written: `key:` and no more.
    pub(super) fn is_absent(&self) -> bool {
        matches!(
            &self.kind,
            Kind::Scalar {
                style: ScalarStyle::Plain,
                ..
            }
        ) && self.span.is_empty()
    }

    /// Whether it means null.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, style: ScalarStyle::Plain }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

/// Reads the only document of a text.
pub(super) fn read(text: &str) -> Result<Document, BumpError> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        aliases: Vec::new(),
    };
    let mut root = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => break,
            event if root.is_none() => root = Some(reader.node(event, span, 0)?),
            _ => {
                return Err(BumpError::Yaml(format!(
                    "a second document begins at line {}; keep one document per values file",
                    span.start.line()
                )));
            }
        }
    }
    let root = root.ok_or_else(|| BumpError::Yaml("there is nothing in it".to_owned()))?;
    Ok(Document {
        root,
        aliases: reader.aliases,
    })
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
                (Kind::Alias, 0)
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

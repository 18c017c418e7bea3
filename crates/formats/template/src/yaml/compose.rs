//! Tokens into the nodes of a document, by go-yaml v2's grammar (`parserc.go`, and `parser` of `decode.go`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::scan::{Fault, Kind, Scanner, Token, fault};

/// Values within values.
const DEPTH_MAX: usize = 200;

const TAG_PREFIX: &str = "tag:yaml.org,2002:";

/// The place of a node in its document.
pub(super) type Id = usize;

/// A node.
#[derive(Debug)]
pub(super) enum Node<'t> {
    Scalar {
        text: Cow<'t, str>,
        /// Empty without one.
        tag: Cow<'t, str>,
        /// Plain, and without a tag.
        is_implicit: bool,
    },
    Sequence(Vec<Id>),
    Mapping(Vec<(Id, Id)>),
    /// Its name and what it stands for.
    Alias(&'t str, Id),
}

/// The nodes of one document; the first is the root.
pub(super) type Document<'t> = Vec<Node<'t>>;

/// Documents, one after the other.
pub(super) struct Composer<'t> {
    scanner: Scanner<'t>,
    /// Handles of tags, and what they stand for.
    handles: Vec<(Cow<'t, str>, Cow<'t, str>)>,
    nodes: Document<'t>,
    anchors: BTreeMap<&'t str, Id>,
    is_first: bool,
}

/// What stands before a node.
#[derive(Default)]
struct Properties<'t> {
    anchor: Option<&'t str>,
    tag: Cow<'t, str>,
}

/// Where a node stands: which collections it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Block,
    /// In a mapping: a sequence need not be further in.
    BlockInMapping,
    Flow,
}

impl<'t> Composer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            scanner: Scanner::new(text),
            handles: Vec::new(),
            nodes: Vec::new(),
            anchors: BTreeMap::new(),
            is_first: true,
        }
    }

    fn peek(&mut self) -> Result<&Token<'t>, Fault> {
        self.scanner.peek()
    }

    fn take(&mut self) {
        self.scanner.take();
    }

    /// The next document; none at the end.
    pub(super) fn document(&mut self) -> Result<Option<Document<'t>>, Fault> {
        let is_implicit = std::mem::take(&mut self.is_first);
        while !is_implicit && self.peek()?.kind == Kind::DocumentEnd {
            self.take();
        }
        self.anchors.clear();
        let token = self.peek()?;
        match token.kind {
            Kind::StreamEnd => return Ok(None),
            Kind::Version(..) | Kind::TagDirective(..) | Kind::DocumentStart => {
                self.start()?;
                let is_empty = matches!(
                    self.peek()?.kind,
                    Kind::Version(..)
                        | Kind::TagDirective(..)
                        | Kind::DocumentStart
                        | Kind::DocumentEnd
                        | Kind::StreamEnd
                );
                if is_empty {
                    self.empty();
                } else {
                    self.node(Place::Block, 0)?;
                }
            }
            _ if is_implicit => {
                self.start()?;
                self.node(Place::Block, 0)?;
            }
            _ => {
                let line = token.line;
                return Err(fault("did not find expected <document start>", line, 0));
            }
        }
        if self.peek()?.kind == Kind::DocumentEnd {
            self.take();
        }
        self.handles.clear();
        Ok(Some(std::mem::take(&mut self.nodes)))
    }

    /// Directives and `---`.
    fn start(&mut self) -> Result<(), Fault> {
        let mut has_version = false;
        let mut has_directives = false;
        loop {
            let Token { kind, line } = self.peek()?.clone();
            match kind {
                Kind::Version(..) if has_version => {
                    return Err(fault("found duplicate %YAML directive", line, 0));
                }
                Kind::Version(1, 1) => has_version = true,
                Kind::Version(..) => {
                    return Err(fault("found incompatible YAML document", line, 0));
                }
                Kind::TagDirective(handle, prefix) => {
                    if self.handles.iter().any(|(known, _)| *known == handle) {
                        return Err(fault("found duplicate %TAG directive", line, 0));
                    }
                    self.handles.push((handle, prefix));
                }
                Kind::DocumentStart => {
                    self.take();
                    return Ok(());
                }
                _ if has_directives => {
                    return Err(fault("did not find expected <document start>", line, 0));
                }
                _ => return Ok(()),
            }
            has_directives = true;
            self.take();
        }
    }

    fn add(&mut self, node: Node<'t>) -> Id {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn empty(&mut self) -> Id {
        self.add(Node::Scalar {
            text: Cow::Borrowed(""),
            tag: Cow::Borrowed(""),
            is_implicit: true,
        })
    }

    fn node(&mut self, place: Place, depth: usize) -> Result<Id, Fault> {
        let start = self.peek()?.line;
        if depth > DEPTH_MAX {
            return Err(fault("exceeded max depth", start, 0));
        }
        if let Kind::Alias(name) = self.peek()?.kind {
            self.take();
            let Some(of) = self.anchors.get(name) else {
                return Err(format!("yaml: unknown anchor '{name}' referenced"));
            };
            let node = Node::Alias(name, *of);
            return Ok(self.add(node));
        }
        let Properties { anchor, tag } = self.properties(start)?;
        let token = self.peek()?;
        let line = token.line;
        let is_scalar = matches!(token.kind, Kind::Plain(_) | Kind::Quoted(_));
        let is_collection = match token.kind {
            Kind::FlowSequenceStart | Kind::FlowMappingStart => true,
            Kind::BlockSequenceStart | Kind::BlockMappingStart => place != Place::Flow,
            Kind::BlockEntry => place == Place::BlockInMapping,
            _ => false,
        };
        if !is_scalar && !is_collection && anchor.is_none() && tag.is_empty() {
            return Err(fault("did not find expected node content", line, start));
        }
        let id = self.empty();
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, id);
        }
        self.nodes[id] = if is_collection {
            self.collection(depth)?
        } else {
            self.scalar(tag, is_scalar)
        };
        Ok(id)
    }

    fn scalar(&mut self, tag: Cow<'t, str>, is_written: bool) -> Node<'t> {
        let mut is_implicit = tag.is_empty();
        let mut text = Cow::Borrowed("");
        if is_written {
            match self.scanner.take().map(|token| token.kind) {
                Some(Kind::Plain(written)) => text = written,
                Some(Kind::Quoted(written)) => {
                    text = written;
                    is_implicit = false;
                }
                _ => {}
            }
            is_implicit |= tag == "!";
        }
        Node::Scalar {
            text,
            tag,
            is_implicit,
        }
    }

    fn collection(&mut self, depth: usize) -> Result<Node<'t>, Fault> {
        let Token { kind, line } = self.peek()?;
        let (line, is_indentless) = (*line, *kind == Kind::BlockEntry);
        match kind {
            Kind::FlowSequenceStart => self.flow_sequence(line, depth).map(Node::Sequence),
            Kind::FlowMappingStart => self.flow_mapping(line, depth).map(Node::Mapping),
            Kind::BlockMappingStart => self.block_mapping(line, depth).map(Node::Mapping),
            _ if is_indentless => self.indentless_sequence(depth).map(Node::Sequence),
            _ => self.block_sequence(line, depth).map(Node::Sequence),
        }
    }

    /// An anchor and a tag, in either order.
    fn properties(&mut self, start: usize) -> Result<Properties<'t>, Fault> {
        let mut found = Properties::default();
        let mut tag = None;
        for _ in 0..2 {
            let token = self.peek()?;
            match &token.kind {
                Kind::Anchor(name) if found.anchor.is_none() => found.anchor = Some(name),
                Kind::Tag(handle, suffix) if tag.is_none() => {
                    tag = Some((handle.clone(), suffix.clone(), token.line));
                }
                _ => break,
            }
            self.take();
        }
        let Some((handle, suffix, line)) = tag else {
            return Ok(found);
        };
        if handle.is_empty() {
            found.tag = suffix;
            return Ok(found);
        }
        let declared = self.handles.iter().find(|(known, _)| *known == handle);
        let prefix = match (declared, &*handle) {
            (Some((_, prefix)), _) => prefix,
            (None, "!") => "!",
            (None, "!!") => TAG_PREFIX,
            (None, _) => "",
        };
        if prefix.is_empty() && (declared.is_none() || suffix.is_empty()) {
            return Err(fault("found undefined tag handle", line, start));
        }
        found.tag = Cow::Owned(format!("{prefix}{suffix}"));
        Ok(found)
    }

    fn block_sequence(&mut self, start: usize, depth: usize) -> Result<Vec<Id>, Fault> {
        self.take();
        let mut items = Vec::new();
        loop {
            let Token { kind, line } = self.peek()?;
            match kind {
                Kind::BlockEntry => self.take(),
                Kind::BlockEnd => {
                    self.take();
                    return Ok(items);
                }
                _ => {
                    let words = "did not find expected '-' indicator";
                    return Err(fault(words, *line, start));
                }
            }
            items.push(match self.peek()?.kind {
                Kind::BlockEntry | Kind::BlockEnd => self.empty(),
                _ => self.node(Place::Block, depth + 1)?,
            });
        }
    }

    /// A sequence as deep as the key before it.
    fn indentless_sequence(&mut self, depth: usize) -> Result<Vec<Id>, Fault> {
        let mut items = Vec::new();
        while self.peek()?.kind == Kind::BlockEntry {
            self.take();
            items.push(match self.peek()?.kind {
                Kind::BlockEntry | Kind::Key | Kind::Value | Kind::BlockEnd => self.empty(),
                _ => self.node(Place::Block, depth + 1)?,
            });
        }
        Ok(items)
    }

    fn block_mapping(&mut self, start: usize, depth: usize) -> Result<Vec<(Id, Id)>, Fault> {
        self.take();
        let mut entries = Vec::new();
        loop {
            let Token { kind, line } = self.peek()?;
            let key = match kind {
                Kind::Key => {
                    self.take();
                    self.part_of_block(depth)?
                }
                Kind::BlockEnd => {
                    self.take();
                    return Ok(entries);
                }
                _ => return Err(fault("did not find expected key", *line, start)),
            };
            let value = if self.peek()?.kind == Kind::Value {
                self.take();
                self.part_of_block(depth)?
            } else {
                self.empty()
            };
            entries.push((key, value));
        }
    }

    fn part_of_block(&mut self, depth: usize) -> Result<Id, Fault> {
        match self.peek()?.kind {
            Kind::Key | Kind::Value | Kind::BlockEnd => Ok(self.empty()),
            _ => self.node(Place::BlockInMapping, depth + 1),
        }
    }

    fn flow_sequence(&mut self, start: usize, depth: usize) -> Result<Vec<Id>, Fault> {
        self.take();
        let mut items = Vec::new();
        while self.peek()?.kind != Kind::FlowSequenceEnd {
            if !items.is_empty() {
                let Token { kind, line } = self.peek()?;
                if *kind != Kind::FlowEntry {
                    let words = "did not find expected ',' or ']'";
                    return Err(fault(words, *line, start));
                }
                self.take();
            }
            match self.peek()?.kind {
                Kind::Key => {
                    self.take();
                    items.push(self.pair_in_sequence(depth)?);
                }
                Kind::FlowSequenceEnd => break,
                _ => items.push(self.node(Place::Flow, depth + 1)?),
            }
        }
        self.take();
        Ok(items)
    }

    /// `[a: b]`
    fn pair_in_sequence(&mut self, depth: usize) -> Result<Id, Fault> {
        let id = self.empty();
        let key = match self.peek()?.kind {
            Kind::Value | Kind::FlowEntry | Kind::FlowSequenceEnd => {
                // As go-yaml does: what follows is taken for the key.
                self.take();
                self.empty()
            }
            _ => self.node(Place::Flow, depth + 2)?,
        };
        let mut value = None;
        if self.peek()?.kind == Kind::Value {
            self.take();
            if !matches!(self.peek()?.kind, Kind::FlowEntry | Kind::FlowSequenceEnd) {
                value = Some(self.node(Place::Flow, depth + 2)?);
            }
        }
        let value = value.unwrap_or_else(|| self.empty());
        self.peek()?;
        self.nodes[id] = Node::Mapping(vec![(key, value)]);
        Ok(id)
    }

    fn flow_mapping(&mut self, start: usize, depth: usize) -> Result<Vec<(Id, Id)>, Fault> {
        self.take();
        let mut entries = Vec::new();
        while self.peek()?.kind != Kind::FlowMappingEnd {
            if !entries.is_empty() {
                let Token { kind, line } = self.peek()?;
                if *kind != Kind::FlowEntry {
                    let words = "did not find expected ',' or '}'";
                    return Err(fault(words, *line, start));
                }
                self.take();
            }
            let key = match self.peek()?.kind {
                Kind::Key => {
                    self.take();
                    self.part_of_flow(depth)?
                }
                Kind::FlowMappingEnd => break,
                _ => {
                    let key = self.node(Place::Flow, depth + 1)?;
                    self.peek()?;
                    let value = self.empty();
                    entries.push((key, value));
                    continue;
                }
            };
            let value = if self.peek()?.kind == Kind::Value {
                self.take();
                match self.peek()?.kind {
                    Kind::FlowEntry | Kind::FlowMappingEnd => self.empty(),
                    _ => self.node(Place::Flow, depth + 1)?,
                }
            } else {
                self.empty()
            };
            entries.push((key, value));
        }
        self.take();
        Ok(entries)
    }

    fn part_of_flow(&mut self, depth: usize) -> Result<Id, Fault> {
        match self.peek()?.kind {
            Kind::Value | Kind::FlowEntry | Kind::FlowMappingEnd => Ok(self.empty()),
            _ => self.node(Place::Flow, depth + 1),
        }
    }
}

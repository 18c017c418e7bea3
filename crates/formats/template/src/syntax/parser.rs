//! Tokens into trees (Go's `text/template/parse/parse.go`).

use std::sync::Arc;

use super::lexer::{self, Cut, Keyword, Kind, Token};

use super::literal;
use super::tree::{Branch, Invocation, Node, Source, Tree};
use crate::error::TemplateError;
use crate::value::Str;

mod pipelines;

/// Parentheses within parentheses, and controls within controls. The stack of a thread
/// holds many times as many; no chart comes near.
const NESTING_MAX: usize = 120;

/// Parses a file, or text given to `tpl`: its own tree first, then what it defines.
pub(crate) fn parse(name: &str, text: &str) -> Result<Vec<Tree>, TemplateError> {
    let source = Arc::new(Source {
        name: name.into(),
        text: text.into(),
    });
    let mut parser = Parser {
        cut: lexer::tokens(text),
        source: &source,
        position: 0,
        furthest: 0,
        scope: Scope::new(),
        nesting: 0,
        action_line: 0,
        defined: Vec::new(),
    };
    parser.file()?;
    Ok(parser.defined)
}

/// What ends a list of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    End,
    Else,
}

impl End {
    const fn text(self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else => "{{else}}",
        }
    }
}

/// What a text or action turned out to be.
enum Part {
    Node(Node),
    End(End),
}

/// Variables of the template under way.
struct Scope {
    /// Visible ones, by number.
    visible: Vec<u32>,
    /// All names so far.
    names: Vec<Str>,
    range_depth: usize,
}

impl Scope {
    fn new() -> Self {
        Self {
            visible: vec![0],
            names: vec!["$".into()],
            range_depth: 0,
        }
    }

    fn number(&mut self, name: &str) -> u32 {
        let place = self.names.iter().position(|known| &**known == name);
        let place = place.unwrap_or_else(|| {
            self.names.push(name.into());
            self.names.len() - 1
        });
        u32::try_from(place).unwrap_or(u32::MAX)
    }
}

struct Parser<'s> {
    cut: Cut,
    source: &'s Arc<Source>,
    position: usize,
    /// The furthest token looked at: its line is where Go says a fault is.
    furthest: usize,
    scope: Scope,
    nesting: usize,
    action_line: usize,
    defined: Vec<Tree>,
}

type Parsed<T> = Result<T, TemplateError>;

impl Parser<'_> {
    fn file(&mut self) -> Parsed<()> {
        let mut nodes = Vec::new();
        while self.peek().kind != Kind::Eof {
            if self.peek().kind == Kind::LeftDelimiter {
                let before = self.position;
                self.next();
                if self.next_non_space().kind == Kind::Keyword(Keyword::Define) {
                    self.definition()?;
                    continue;
                }
                self.position = before;
            }
            match self.text_or_action()? {
                Part::Node(node) => nodes.push(node),
                Part::End(end) => {
                    return Err(self.fault(format!("unexpected {}", end.text())));
                }
            }
        }
        let scope = std::mem::replace(&mut self.scope, Scope::new());
        let name = Str::clone(&self.source.name);
        self.add(name, nodes, scope)
    }

    /// `{{ define "name" }} ... {{ end }}`, read up to `define`.
    fn definition(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        let token = self.next_non_space();
        let name = match token.kind {
            Kind::String | Kind::RawString => self.unquoted(&token)?,
            _ => return Err(self.unexpected(&token, CONTEXT)),
        };
        self.expect(Kind::RightDelimiter, CONTEXT)?;
        self.body(name, CONTEXT)
    }

    /// The content of a `define` or `block`, which sees no variable from outside.
    fn body(&mut self, name: Str, context: &str) -> Parsed<()> {
        let outside = std::mem::replace(&mut self.scope, Scope::new());
        let (nodes, end) = self.item_list()?;
        if end != End::End {
            return Err(self.fault(format!("unexpected {} in {context}", end.text())));
        }
        let scope = std::mem::replace(&mut self.scope, outside);
        self.add(name, nodes, scope)
    }

    /// Adds a tree, unless it is empty and another of its name is known.
    fn add(&mut self, name: Str, nodes: Vec<Node>, scope: Scope) -> Parsed<()> {
        let text = &self.source.text;
        let tree = Tree {
            is_empty: nodes.iter().all(|node| is_space(node, text)),
            source: Arc::clone(self.source),
            root: nodes.into(),
            variables: scope.names.into(),
            name,
        };
        let known = self
            .defined
            .iter_mut()
            .find(|known| known.name == tree.name);
        match known {
            Some(known) if known.is_empty => *known = tree,
            Some(_) if tree.is_empty => {}
            Some(_) => {
                let name = crate::format::quote(&tree.name);
                return Err(self.fault(format!("template: multiple definition of template {name}")));
            }
            None => self.defined.push(tree),
        }
        Ok(())
    }

    fn item_list(&mut self) -> Parsed<(Vec<Node>, End)> {
        self.nesting += 1;
        if self.nesting > NESTING_MAX {
            return Err(self.fault("max nesting depth exceeded"));
        }
        let mut nodes = Vec::new();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Part::Node(node) => nodes.push(node),
                Part::End(end) => {
                    self.nesting -= 1;
                    return Ok((nodes, end));
                }
            }
        }
        Err(self.fault("unexpected EOF"))
    }

    fn text_or_action(&mut self) -> Parsed<Part> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Part::Node(Node::Text(token.start..token.end))),
            Kind::LeftDelimiter => {
                self.action_line = token.line;
                let part = self.action()?;
                self.action_line = 0;
                Ok(part)
            }
            _ => Err(self.unexpected(&token, "input")),
        }
    }

    fn action(&mut self) -> Parsed<Part> {
        let before = self.position;
        let token = self.next_non_space();
        let node = match token.kind {
            Kind::Keyword(Keyword::Block) => self.block()?,
            Kind::Keyword(Keyword::Break) => self.leave("{{break}}", Node::Break)?,
            Kind::Keyword(Keyword::Continue) => self.leave("{{continue}}", Node::Continue)?,
            Kind::Keyword(Keyword::Else) => {
                let next = self.peek_non_space().kind;
                let chained = [Keyword::If, Keyword::With].map(Kind::Keyword);
                if !chained.contains(&next) {
                    self.expect(Kind::RightDelimiter, "else")?;
                }
                return Ok(Part::End(End::Else));
            }
            Kind::Keyword(Keyword::End) => {
                self.expect(Kind::RightDelimiter, "end")?;
                return Ok(Part::End(End::End));
            }
            Kind::Keyword(Keyword::If) => Node::If(Box::new(self.control("if")?)),
            Kind::Keyword(Keyword::Range) => Node::Range(Box::new(self.control("range")?)),
            Kind::Keyword(Keyword::With) => Node::With(Box::new(self.control("with")?)),
            Kind::Keyword(Keyword::Template) => self.invocation()?,
            _ => {
                self.position = before;
                Node::Action(self.pipeline("command", Kind::RightDelimiter)?)
            }
        };
        Ok(Part::Node(node))
    }

    fn leave(&mut self, word: &str, node: Node) -> Parsed<Node> {
        let token = self.next_non_space();
        if token.kind != Kind::RightDelimiter {
            return Err(self.unexpected(&token, word));
        }
        if self.scope.range_depth == 0 {
            return Err(self.fault(format!("{word} outside {{{{range}}}}")));
        }
        Ok(node)
    }

    /// `if`, `range`, `with`, read up to the keyword, with what belongs to it.
    fn control(&mut self, context: &str) -> Parsed<Branch> {
        let visible = self.scope.visible.len();
        let branch = self.control_body(context)?;
        self.scope.visible.truncate(visible);
        Ok(branch)
    }

    fn control_body(&mut self, context: &str) -> Parsed<Branch> {
        let pipe = self.pipeline(context, Kind::RightDelimiter)?;
        let in_range = usize::from(context == "range");
        self.scope.range_depth += in_range;
        let (then, end) = self.item_list()?;
        self.scope.range_depth -= in_range;
        let otherwise = match end {
            End::End => None,
            End::Else => Some(self.otherwise(context)?),
        };
        Ok(Branch {
            pipe,
            then: then.into(),
            otherwise,
        })
    }

    fn otherwise(&mut self, context: &str) -> Parsed<Box<[Node]>> {
        let next = self.peek_non_space().kind;
        if context == "if" && next == Kind::Keyword(Keyword::If) {
            self.next_non_space();
            self.deepen()?;
            let node = Node::If(Box::new(self.control("if")?));
            self.nesting -= 1;
            return Ok(Box::new([node]));
        }
        if context == "with" && next == Kind::Keyword(Keyword::With) {
            self.next_non_space();
            self.deepen()?;
            let node = Node::With(Box::new(self.control("with")?));
            self.nesting -= 1;
            return Ok(Box::new([node]));
        }
        let (nodes, end) = self.item_list()?;
        if end != End::End {
            return Err(self.fault(format!("expected end; found {}", end.text())));
        }
        Ok(nodes.into())
    }

    fn block(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelimiter)?;
        self.body(Str::clone(&name), CONTEXT)?;
        Ok(Node::Template(Box::new(Invocation {
            at: token.start,
            name,
            pipe: Some(pipe),
        })))
    }

    fn invocation(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let before = self.position;
        let pipe = if self.next_non_space().kind == Kind::RightDelimiter {
            None
        } else {
            self.position = before;
            Some(self.pipeline(CONTEXT, Kind::RightDelimiter)?)
        };
        let at = token.start;
        Ok(Node::Template(Box::new(Invocation { at, name, pipe })))
    }

    fn template_name(&self, token: &Token, context: &str) -> Parsed<Str> {
        match token.kind {
            Kind::String | Kind::RawString => self.unquoted(token),
            _ => Err(self.unexpected(token, context)),
        }
    }

    fn deepen(&mut self) -> Parsed<()> {
        self.nesting += 1;
        if self.nesting > NESTING_MAX {
            return Err(self.fault("max expression depth exceeded"));
        }
        Ok(())
    }

    fn text(&self, token: &Token) -> &str {
        &self.source.text[token.start..token.end]
    }

    fn unquoted(&self, token: &Token) -> Parsed<Str> {
        match literal::unquote(self.text(token)) {
            Some(text) => Ok(text.into()),
            None => Err(self.fault("invalid syntax")),
        }
    }

    fn peek(&mut self) -> Token {
        self.furthest = self.furthest.max(self.position);
        // The last token ends the text; it is given for as long as it is asked for.
        let place = self.position.min(self.cut.tokens.len() - 1);
        self.cut.tokens[place]
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        self.position += 1;
        token
    }

    fn peek_non_space(&mut self) -> Token {
        while self.peek().kind == Kind::Space {
            self.position += 1;
        }
        self.peek()
    }

    fn next_non_space(&mut self) -> Token {
        let token = self.peek_non_space();
        self.position += 1;
        token
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<()> {
        let token = self.next_non_space();
        if token.kind == kind {
            return Ok(());
        }
        Err(self.unexpected(&token, context))
    }

    fn line(&self) -> usize {
        let place = self.furthest.min(self.cut.tokens.len() - 1);
        self.cut.tokens[place].line
    }

    fn fault(&self, message: impl Into<String>) -> TemplateError {
        TemplateError::Parse {
            file: self.source.name.to_string(),
            line: self.line(),
            message: message.into(),
        }
    }

    fn unsupported(&self, name: &str) -> TemplateError {
        TemplateError::Unsupported {
            function: name.to_owned(),
            file: self.source.name.to_string(),
            line: self.line(),
        }
    }

    fn unexpected(&self, token: &Token, context: &str) -> TemplateError {
        if token.kind == Kind::Error {
            let message = &self.cut.fault;
            let mut extra = String::new();
            if self.action_line != 0 && self.action_line != token.line {
                let place = format!("started at {}:{}", self.source.name, self.action_line);
                let action = if message.ends_with(" action") {
                    ""
                } else {
                    " in action"
                };
                extra = format!("{action} {place}");
            }
            return self.fault(format!("{message}{extra}"));
        }
        let text = self.text(token);
        let shown = match token.kind {
            Kind::Eof => "EOF".to_owned(),
            Kind::Keyword(_) => format!("<{text}>"),
            _ if text.len() > 10 => {
                let cut: String = text.chars().take(10).collect();
                format!("{}...", crate::format::quote(&cut))
            }
            _ => crate::format::quote(text),
        };
        self.fault(format!("unexpected {shown} in {context}"))
    }
}

fn is_space(node: &Node, text: &str) -> bool {
    match node {
        Node::Text(range) => text[range.clone()].trim().is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;

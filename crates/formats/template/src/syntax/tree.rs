//! The trees that templates are parsed into.
//!
//! A tree refers to its source by ranges of bytes, so that text is never copied, and names
//! its variables by number. Every part knows where it stands, for errors.

use std::ops::Range;
use std::sync::Arc;

use super::literal::Number;
use crate::functions::Function;
use crate::value::Str;

/// A text that was parsed.
#[derive(Debug)]
pub(crate) struct Source {
    /// The file; `gotpl` for text given to `tpl`.
    pub(crate) name: Str,
    pub(crate) text: Str,
}

/// One template: a file, or what a `define` or `block` names.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) name: Str,
    pub(crate) source: Arc<Source>,
    pub(crate) root: Box<[Node]>,
    /// Names of variables with their `$`; the number of a variable is its place here.
    pub(crate) variables: Box<[Str]>,
    /// True if it holds nothing but space, so that it replaces no other template.
    pub(crate) is_empty: bool,
}

/// Something that is executed for its effect.
#[derive(Debug)]
pub(crate) enum Node {
    Text(Range<usize>),
    Action(Pipe),
    If(Box<Branch>),
    With(Box<Branch>),
    Range(Box<Branch>),
    Template(Box<Invocation>),
    Break,
    Continue,
}

/// `if`, `with` and `range`.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipe: Pipe,
    pub(crate) then: Box<[Node]>,
    pub(crate) otherwise: Option<Box<[Node]>>,
}

/// `{{ template "name" pipe }}`.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) at: usize,
    pub(crate) name: Str,
    pub(crate) pipe: Option<Pipe>,
}

/// Commands, each given the value of the one before.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) at: usize,
    /// Numbers of the variables that get the value.
    pub(crate) declared: Box<[u32]>,
    /// True for `=`, false for `:=`.
    pub(crate) assigns: bool,
    pub(crate) commands: Box<[Command]>,
}

/// An operand, or a function or method with its arguments.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) at: usize,
    /// At least one; the first is what is called.
    pub(crate) operands: Box<[Operand]>,
}

/// A value as written.
#[derive(Debug)]
pub(crate) struct Operand {
    pub(crate) at: usize,
    pub(crate) kind: OperandKind,
}

#[derive(Debug)]
pub(crate) enum OperandKind {
    Dot,
    Nil,
    Bool(bool),
    Number {
        value: Number,
        written: Range<usize>,
    },
    String {
        text: Str,
        written: Range<usize>,
    },
    /// `.A.B`
    Field(Box<[Str]>),
    /// `$x.A.B`; 0 is `$`.
    Variable {
        number: u32,
        fields: Box<[Str]>,
    },
    Function(&'static Function),
    /// `(pipe)`
    Pipe(Box<Pipe>),
    /// `(pipe).A.B`
    Chain {
        of: Box<Operand>,
        fields: Box<[Str]>,
    },
}

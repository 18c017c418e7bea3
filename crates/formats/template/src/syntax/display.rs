//! Parts of trees as Go writes them in its errors.

use super::tree::{Command, Invocation, Operand, OperandKind, Pipe, Tree};

/// A part of a tree that execution may fail at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'t> {
    Pipe(&'t Pipe),
    Command(&'t Command),
    Operand(&'t Operand),
    Invocation(&'t Invocation),
    /// Nothing has been executed yet.
    Nowhere,
}

impl Place<'_> {
    /// Line from 1, and the column as Go counts it.
    pub(crate) fn line_and_column(self, tree: &Tree) -> (usize, usize) {
        let at = match self {
            Self::Pipe(pipe) => pipe.at,
            Self::Command(command) => command.at,
            Self::Operand(operand) => operand.at,
            Self::Invocation(invocation) => invocation.at,
            Self::Nowhere => 0,
        };
        let before = &tree.source.text[..at];
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        let column = before.rfind('\n').map_or(at, |newline| at - newline - 1);
        (line, column)
    }

    /// The part as text.
    pub(crate) fn text(self, tree: &Tree) -> String {
        let mut out = String::new();
        match self {
            Self::Pipe(part) => pipe(tree, part, &mut out),
            Self::Command(part) => command(tree, part, &mut out),
            Self::Operand(part) => operand(tree, part, &mut out),
            Self::Invocation(part) => invocation(tree, part, &mut out),
            Self::Nowhere => {}
        }
        out
    }
}

/// An operand as text.
pub(crate) fn operand_text(tree: &Tree, part: &Operand) -> String {
    Place::Operand(part).text(tree)
}

fn invocation(tree: &Tree, part: &Invocation, out: &mut String) {
    out.push_str("{{template ");
    out.push_str(&crate::format::quote(&part.name));
    if let Some(inner) = &part.pipe {
        out.push(' ');
        pipe(tree, inner, out);
    }
    out.push_str("}}");
}

fn pipe(tree: &Tree, part: &Pipe, out: &mut String) {
    for (index, number) in part.declared.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        out.push_str(variable_name(tree, *number));
    }
    if !part.declared.is_empty() {
        out.push_str(if part.assigns { " = " } else { " := " });
    }
    for (index, inner) in part.commands.iter().enumerate() {
        if index > 0 {
            out.push_str(" | ");
        }
        command(tree, inner, out);
    }
}

fn command(tree: &Tree, part: &Command, out: &mut String) {
    for (index, inner) in part.operands.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        operand(tree, inner, out);
    }
}

fn operand(tree: &Tree, part: &Operand, out: &mut String) {
    match &part.kind {
        OperandKind::Dot => out.push('.'),
        OperandKind::Nil => out.push_str("nil"),
        OperandKind::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        OperandKind::Number { written, .. } | OperandKind::String { written, .. } => {
            out.push_str(&tree.source.text[written.clone()]);
        }
        OperandKind::Field(fields) => chain(fields, out),
        OperandKind::Variable { number, fields } => {
            out.push_str(variable_name(tree, *number));
            chain(fields, out);
        }
        OperandKind::Function(function) => out.push_str(function.name),
        OperandKind::Pipe(inner) => {
            out.push('(');
            pipe(tree, inner, out);
            out.push(')');
        }
        OperandKind::Chain { of, fields } => {
            operand(tree, of, out);
            chain(fields, out);
        }
    }
}

fn chain(fields: &[crate::value::Str], out: &mut String) {
    for field in fields {
        out.push('.');
        out.push_str(field);
    }
}

fn variable_name(tree: &Tree, number: u32) -> &str {
    let place = usize::try_from(number).unwrap_or(usize::MAX);
    tree.variables.get(place).map_or("$", |name| &**name)
}

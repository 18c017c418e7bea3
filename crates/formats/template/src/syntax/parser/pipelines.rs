//! Pipelines, commands and operands.

use super::{Parsed, Parser};
use crate::functions;
use crate::syntax::lexer::{Keyword, Kind, Token};
use crate::syntax::literal;
use crate::syntax::tree::{Command, Operand, OperandKind, Pipe};
use crate::value::Str;

impl Parser<'_> {
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        let at = self.peek_non_space().start;
        let (declared, assigns) = self.declarations(context)?;
        let mut commands = Vec::new();
        loop {
            let before = self.position;
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Keyword(Keyword::Dot | Keyword::Nil)
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.position = before;
                    commands.push(self.command()?);
                }
                _ => return Err(self.unexpected(&token, context)),
            }
        }
        self.check_pipeline(&commands, context)?;
        Ok(Pipe {
            at,
            declared: declared.into(),
            assigns,
            commands: commands.into(),
        })
    }

    /// `$x :=`, `$x =`, `$i, $x :=` before a pipeline.
    fn declarations(&mut self, context: &str) -> Parsed<(Vec<u32>, bool)> {
        let mut declared = Vec::new();
        loop {
            let before = self.position;
            let token = self.peek_non_space();
            if token.kind != Kind::Variable {
                return Ok((declared, false));
            }
            self.next_non_space();
            let next = self.peek_non_space();
            let is_comma = next.kind == Kind::Char && self.text(&next) == ",";
            if next.kind == Kind::Assign || next.kind == Kind::Declare {
                self.next_non_space();
                declared.push(self.declare(&token));
                return Ok((declared, next.kind == Kind::Assign));
            }
            if !is_comma {
                self.position = before;
                return Ok((declared, false));
            }
            self.next_non_space();
            declared.push(self.declare(&token));
            if context != "range" || declared.len() >= 2 {
                return Err(self.fault(format!("too many declarations in {context}")));
            }
            match self.peek_non_space().kind {
                Kind::Variable | Kind::RightDelimiter | Kind::RightParen => {}
                _ => return Err(self.fault("range can only initialize variables")),
            }
        }
    }

    fn declare(&mut self, token: &Token) -> u32 {
        let name = &self.source.text[token.start..token.end];
        let number = self.scope.number(name);
        self.scope.visible.push(number);
        number
    }

    fn check_pipeline(&self, commands: &[Command], context: &str) -> Parsed<()> {
        if commands.is_empty() {
            return Err(self.fault(format!("missing value for {context}")));
        }
        for (index, command) in commands.iter().enumerate().skip(1) {
            let first = command.operands.first().map(|operand| &operand.kind);
            if let Some(
                OperandKind::Bool(_)
                | OperandKind::Dot
                | OperandKind::Nil
                | OperandKind::Number { .. }
                | OperandKind::String { .. },
            ) = first
            {
                let stage = index + 1;
                return Err(self.fault(format!("non executable command in pipeline stage {stage}")));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Parsed<Command> {
        let at = self.peek_non_space().start;
        let mut operands = Vec::new();
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                operands.push(operand);
            }
            let before = self.position;
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelimiter | Kind::RightParen => self.position = before,
                Kind::Pipe => {}
                _ => return Err(self.unexpected(&token, "operand")),
            }
            break;
        }
        if operands.is_empty() {
            return Err(self.fault("empty command"));
        }
        Ok(Command {
            at,
            operands: operands.into(),
        })
    }

    fn operand(&mut self) -> Parsed<Option<Operand>> {
        let Some(mut term) = self.term()? else {
            return Ok(None);
        };
        if self.peek().kind != Kind::Field {
            return Ok(Some(term));
        }
        let at = self.peek().start;
        let mut more = Vec::new();
        while self.peek().kind == Kind::Field {
            let token = self.next();
            more.push(Str::from(&self.text(&token)[1..]));
        }
        match &mut term.kind {
            OperandKind::Field(fields) | OperandKind::Variable { fields, .. } => {
                *fields = fields.iter().cloned().chain(more).collect();
                term.at = at;
                Ok(Some(term))
            }
            OperandKind::Bool(_)
            | OperandKind::String { .. }
            | OperandKind::Number { .. }
            | OperandKind::Nil
            | OperandKind::Dot => Err(self.fault("unexpected . after term")),
            OperandKind::Function(_) | OperandKind::Pipe(_) | OperandKind::Chain { .. } => {
                Ok(Some(Operand {
                    at,
                    kind: OperandKind::Chain {
                        of: Box::new(term),
                        fields: more.into(),
                    },
                }))
            }
        }
    }

    fn term(&mut self) -> Parsed<Option<Operand>> {
        let before = self.position;
        let token = self.next_non_space();
        let written = token.start..token.end;
        let kind = match token.kind {
            Kind::Identifier => OperandKind::Function(self.function(&token)?),
            Kind::Keyword(Keyword::Dot) => OperandKind::Dot,
            Kind::Keyword(Keyword::Nil) => OperandKind::Nil,
            Kind::Variable => self.variable(&token)?,
            Kind::Field => OperandKind::Field(Box::new([Str::from(&self.text(&token)[1..])])),
            Kind::Bool => OperandKind::Bool(self.text(&token) == "true"),
            Kind::CharConstant => {
                let value = literal::character(self.text(&token));
                let value = value.ok_or_else(|| {
                    let text = crate::format::quote(self.text(&token));
                    self.fault(format!("malformed character constant: {text}"))
                })?;
                OperandKind::Number { value, written }
            }
            Kind::Number => {
                let value = literal::number(self.text(&token));
                let value = value.map_err(|message| self.fault(message))?;
                OperandKind::Number { value, written }
            }
            Kind::Complex => return Err(self.unsupported("complex numbers")),
            Kind::String | Kind::RawString => OperandKind::String {
                text: self.unquoted(&token)?,
                written,
            },
            Kind::LeftParen => {
                self.deepen()?;
                let pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                self.nesting -= 1;
                let at = pipe.at;
                let kind = OperandKind::Pipe(Box::new(pipe));
                return Ok(Some(Operand { at, kind }));
            }
            _ => {
                self.position = before;
                return Ok(None);
            }
        };
        let at = token.start;
        Ok(Some(Operand { at, kind }))
    }

    fn function(&self, token: &Token) -> Parsed<&'static functions::Function> {
        let name = self.text(token);
        functions::find(name).ok_or_else(|| {
            let name = crate::format::quote(name);
            self.fault(format!("function {name} not defined"))
        })
    }

    fn variable(&mut self, token: &Token) -> Parsed<OperandKind> {
        let name = &self.source.text[token.start..token.end];
        let number = self.scope.number(name);
        if !self.scope.visible.contains(&number) {
            let name = crate::format::quote(name);
            return Err(self.fault(format!("undefined variable {name}")));
        }
        Ok(OperandKind::Variable {
            number,
            fields: Box::default(),
        })
    }
}

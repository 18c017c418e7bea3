//! Pipelines, commands, fields and variables.

use crate::exec::walk::found;
use crate::exec::{Failure, Fault, Frame, Run};
use crate::format;
use crate::functions::Function;
use crate::syntax::display::{self, Place};
use crate::syntax::literal::Number;
use crate::syntax::tree::{Command, Operand, OperandKind, Pipe};
use crate::value::{Map, MapKind, Object, Shape, Str, Value};
use std::rc::Rc;

/// What a method or function is called with besides what is written behind it.
type Final = Option<Value>;

impl<'t> Frame<'_, 't, '_, '_> {
    pub(super) fn pipeline(&mut self, dot: &Value, pipe: &'t Pipe) -> Run<Value> {
        self.at = Place::Pipe(pipe);
        let mut last: Final = None;
        for command in &pipe.commands {
            let value = match self.command(dot, command, last)? {
                Value::Missing => Value::Nil,
                other => other,
            };
            last = Some(value);
        }
        let value = last.unwrap_or_default();
        for number in &pipe.declared {
            if pipe.assigns {
                self.assign(*number, value.clone())?;
            } else {
                self.machine.variables.push((*number, value.clone()));
            }
        }
        Ok(value)
    }

    pub(super) fn assign(&mut self, number: u32, value: Value) -> Run<()> {
        let visible = &mut self.machine.variables[self.base..];
        let slot = visible.iter_mut().rev().find(|(known, _)| *known == number);
        if let Some((_, slot)) = slot {
            *slot = value;
            return Ok(());
        }
        Err(self.undefined(number))
    }

    fn variable(&self, number: u32) -> Run<&Value> {
        let visible = &self.machine.variables[self.base..];
        if number == 0 && !visible.iter().skip(1).any(|(known, _)| *known == 0) {
            return Ok(&visible[0].1);
        }
        let slot = visible.iter().rev().find(|(known, _)| *known == number);
        slot.map(|(_, value)| value)
            .ok_or_else(|| self.undefined(number))
    }

    fn undefined(&self, number: u32) -> Fault {
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        let name = self.tree.variables.get(place).map_or("", |name| &**name);
        self.fault(format!("undefined variable: {name}"))
    }

    fn command(&mut self, dot: &Value, command: &'t Command, last: Final) -> Run<Value> {
        let Some((first, arguments)) = command.operands.split_first() else {
            return Err(self.fault("empty command"));
        };
        match &first.kind {
            OperandKind::Field(fields) => {
                self.at = Place::Operand(first);
                self.chain(dot, dot, first, fields, arguments, last)
            }
            OperandKind::Chain { of, fields } => {
                self.chained(dot, first, of, fields, arguments, last)
            }
            OperandKind::Function(function) => {
                let node = Place::Command(command);
                self.function(dot, function, first, node, arguments, last)
            }
            OperandKind::Pipe(pipe) => {
                self.not_a_function(first, arguments, last.as_ref())?;
                self.pipeline(dot, pipe)
            }
            OperandKind::Variable { number, fields } => {
                self.at = Place::Operand(first);
                if fields.is_empty() {
                    let value = self.variable(*number)?.clone();
                    self.not_a_function(first, arguments, last.as_ref())?;
                    return Ok(value);
                }
                let receiver = self.variable(*number)?.clone();
                self.chain(dot, &receiver, first, fields, arguments, last)
            }
            OperandKind::Bool(_)
            | OperandKind::Dot
            | OperandKind::Nil
            | OperandKind::Number { .. }
            | OperandKind::String { .. } => {
                self.at = Place::Operand(first);
                self.not_a_function(first, arguments, last.as_ref())?;
                self.literal(dot, first)
            }
        }
    }

    fn literal(&self, dot: &Value, operand: &Operand) -> Run<Value> {
        match &operand.kind {
            OperandKind::Bool(truth) => Ok(Value::Bool(*truth)),
            OperandKind::Dot => Ok(dot.clone()),
            OperandKind::Number { value, .. } => self.ideal(value, operand),
            OperandKind::String { text, .. } => Ok(Value::String(Str::clone(text))),
            _ => Err(self.fault("nil is not a command")),
        }
    }

    /// A number where nothing says which type is wanted.
    pub(super) fn ideal(&self, number: &Number, operand: &Operand) -> Run<Value> {
        match number {
            Number {
                is_written_as_float: true,
                float: Some(float),
                ..
            } => Ok(Value::Float(*float)),
            Number {
                integer: Some(integer),
                ..
            } => Ok(Value::Int(*integer)),
            _ => {
                let text = display::operand_text(self.tree, operand);
                Err(self.fault(format!("{text} overflows int")))
            }
        }
    }

    fn not_a_function(
        &self,
        first: &Operand,
        arguments: &[Operand],
        last: Option<&Value>,
    ) -> Run<()> {
        if arguments.is_empty() && last.is_none() {
            return Ok(());
        }
        let text = display::operand_text(self.tree, first);
        let text = match &first.kind {
            OperandKind::Pipe(_) => text.trim_start_matches('(').trim_end_matches(')'),
            _ => &text,
        };
        Err(self.fault(format!("can't give argument to non-function {text}")))
    }

    /// `(pipe).A.B`
    fn chained(
        &mut self,
        dot: &Value,
        node: &'t Operand,
        of: &'t Operand,
        fields: &'t [Str],
        arguments: &'t [Operand],
        last: Final,
    ) -> Run<Value> {
        self.at = Place::Operand(node);
        let receiver = self.operand(dot, of)?;
        self.chain(dot, &receiver, node, fields, arguments, last)
    }

    /// The value of an operand, whatever its type.
    pub(super) fn operand(&mut self, dot: &Value, operand: &'t Operand) -> Run<Value> {
        self.at = Place::Operand(operand);
        match &operand.kind {
            OperandKind::Dot => Ok(dot.clone()),
            OperandKind::Nil => Ok(Value::Nil),
            OperandKind::Bool(truth) => Ok(Value::Bool(*truth)),
            OperandKind::Number { value, .. } => self.ideal(value, operand),
            OperandKind::String { text, .. } => Ok(Value::String(Str::clone(text))),
            OperandKind::Field(fields) => self.chain(dot, dot, operand, fields, &[], None),
            OperandKind::Variable { number, fields } if fields.is_empty() => {
                self.variable(*number).cloned()
            }
            OperandKind::Variable { number, fields } => {
                let receiver = self.variable(*number)?.clone();
                self.chain(dot, &receiver, operand, fields, &[], None)
            }
            OperandKind::Function(function) => {
                let node = Place::Operand(operand);
                self.function(dot, function, operand, node, &[], None)
            }
            OperandKind::Pipe(pipe) => self.pipeline(dot, pipe),
            OperandKind::Chain { of, fields } => self.chained(dot, operand, of, fields, &[], None),
        }
    }

    fn function(
        &mut self,
        dot: &Value,
        function: &'static Function,
        operand: &'t Operand,
        node: Place<'t>,
        arguments: &'t [Operand],
        last: Final,
    ) -> Run<Value> {
        self.at = Place::Operand(operand);
        self.call(dot, function, node, arguments, last)
    }

    /// `.A.B` from `receiver` on; the last may be a method with arguments.
    fn chain(
        &mut self,
        dot: &Value,
        receiver: &Value,
        node: &'t Operand,
        fields: &'t [Str],
        arguments: &'t [Operand],
        last: Final,
    ) -> Run<Value> {
        let Some((end, between)) = fields.split_last() else {
            return Ok(receiver.clone());
        };
        let Some((start, between)) = between.split_first() else {
            return self.field(dot, receiver, true, end, node, arguments, last);
        };
        let mut current = self.field(dot, receiver, true, start, node, &[], None)?;
        // What a map holds is an interface to Go.
        let mut is_typed = matches!(receiver, Value::Object(_));
        for field in between {
            let next = self.field(dot, &current, is_typed, field, node, &[], None)?;
            is_typed = matches!(current, Value::Object(_));
            current = next;
        }
        self.field(dot, &current, is_typed, end, node, arguments, last)
    }

    /// One field, map entry or method. A value found under way is an interface to Go, which
    /// shows in the words of errors only.
    #[expect(clippy::too_many_arguments, reason = "what Go's evalField takes")]
    fn field(
        &mut self,
        dot: &Value,
        receiver: &Value,
        is_first: bool,
        name: &Str,
        node: &'t Operand,
        arguments: &'t [Operand],
        last: Final,
    ) -> Run<Value> {
        let has_arguments = !arguments.is_empty() || last.is_some();
        match receiver {
            Value::Nil => Ok(Value::Nil),
            Value::Missing => {
                Err(self.fault(format!("nil pointer evaluating interface {{}}.{name}")))
            }
            Value::Map(_) if has_arguments => {
                Err(self.fault(format!("{name} is not a method but has arguments")))
            }
            Value::Map(map) => Ok(entry(map, name)),
            Value::Object(object) => {
                let object = Rc::clone(object);
                if object.method(name).is_some() {
                    return self.method(dot, &object, name, node, arguments, last);
                }
                self.object_field(&object, is_first, name, has_arguments)
            }
            other => {
                let of = if is_first {
                    format::type_name(other)
                } else {
                    "interface {}"
                };
                Err(self.fault(format!("can't evaluate field {name} in type {of}")))
            }
        }
    }

    fn object_field(
        &self,
        object: &Rc<dyn Object>,
        is_typed: bool,
        name: &str,
        has_arguments: bool,
    ) -> Run<Value> {
        let value = match object.shape() {
            Shape::Map(map) => Some(entry(&map, name)),
            _ => object.field(name),
        };
        match value {
            _ if has_arguments && !matches!(object.shape(), Shape::Struct) => {
                Err(self.fault(format!("{name} is not a method but has arguments")))
            }
            Some(_) if has_arguments => Err(self.fault(format!(
                "{name} has arguments but cannot be invoked as function"
            ))),
            Some(value) => Ok(value),
            None => {
                let of = if is_typed {
                    object.type_name()
                } else {
                    "interface {}"
                };
                Err(self.fault(format!("can't evaluate field {name} in type {of}")))
            }
        }
    }

    fn method(
        &mut self,
        dot: &Value,
        object: &Rc<dyn Object>,
        name: &str,
        node: &'t Operand,
        arguments: &'t [Operand],
        last: Final,
    ) -> Run<Value> {
        let wanted = object.method(name).unwrap_or(0);
        let given = arguments.len() + usize::from(last.is_some());
        if wanted != given {
            return Err(self.fault(format!(
                "wrong number of args for {name}: want {wanted} got {given}"
            )));
        }
        let mut values = Vec::with_capacity(given);
        for argument in arguments {
            values.push(match self.operand(dot, argument)? {
                Value::Missing => Value::Nil,
                other => other,
            });
        }
        values.extend(last);
        object.call(name, &values).map_err(|error| {
            self.at = Place::Operand(node);
            self.call_fault(name, Failure::from(error))
        })
    }
}

/// The value under a key; a missing one is what the type of the map's values has as zero.
fn entry(map: &Map, key: &str) -> Value {
    match (map.get(key), map.kind()) {
        (Some(Value::Nil), _) | (None, MapKind::Any | MapKind::Values) => Value::Missing,
        (Some(value), _) => found(&value),
        (None, MapKind::Strings) => Value::from(""),
    }
}

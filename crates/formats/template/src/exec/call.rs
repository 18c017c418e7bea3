//! Calls of functions: arguments are checked against the types of parameters, as Go does.

use crate::exec::{Frame, Run};
use crate::format;
use crate::functions::{Function, Start, Type};
use crate::syntax::display::{self, Place};
use crate::syntax::tree::{Operand, OperandKind};
use crate::value::{MapKind, Value};
use smallvec::SmallVec;

/// Most calls have no more arguments than this.
const FEW: usize = 4;

impl<'t> Frame<'_, 't, '_, '_> {
    pub(super) fn call(
        &mut self,
        dot: &Value,
        function: &'static Function,
        node: Place<'t>,
        arguments: &'t [Operand],
        last: Option<Value>,
    ) -> Run<Value> {
        self.check_count(function, arguments.len(), last.is_some())?;
        let run = match function.start {
            Start::And => return self.until(dot, arguments, last, false),
            Start::Or => return self.until(dot, arguments, last, true),
            Start::Run(run) => run,
        };
        let mut values: SmallVec<[Value; FEW]> = SmallVec::with_capacity(arguments.len() + 1);
        for (index, argument) in arguments.iter().enumerate() {
            let value = self.argument(dot, function.parameter(index), argument)?;
            values.push(value);
        }
        if let Some(last) = last {
            values.push(self.validate(last, function.parameter(arguments.len()))?);
        }
        run(self.machine, &mut values).map_err(|failure| {
            self.at = node;
            self.call_fault(function.name, failure)
        })
    }

    fn check_count(&self, function: &Function, written: usize, has_last: bool) -> Run<()> {
        let given = written + usize::from(has_last);
        let wanted = function.parameters.len();
        let name = function.name;
        if function.rest.is_some() {
            if given < wanted {
                return Err(self.fault(format!(
                    "wrong number of args for {name}: want at least {wanted} got {written}"
                )));
            }
        } else if given != wanted {
            return Err(self.fault(format!(
                "wrong number of args for {name}: want {wanted} got {given}"
            )));
        }
        Ok(())
    }

    /// `and` and `or`: the first argument that is `truth`, else the last.
    fn until(
        &mut self,
        dot: &Value,
        arguments: &'t [Operand],
        last: Option<Value>,
        truth: bool,
    ) -> Run<Value> {
        let mut value = Value::Nil;
        for argument in arguments {
            value = self.operand(dot, argument)?;
            if value.is_true() == truth {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    /// Go's `evalArg`.
    fn argument(&mut self, dot: &Value, wanted: Type, operand: &'t Operand) -> Run<Value> {
        self.at = Place::Operand(operand);
        match &operand.kind {
            OperandKind::Nil if wanted.can_be_nil() => Ok(Value::Nil),
            OperandKind::Nil => Err(self.fault(format!("cannot assign nil to {}", wanted.name()))),
            OperandKind::Bool(_) | OperandKind::Number { .. } | OperandKind::String { .. } => {
                self.literal_argument(wanted, operand)
            }
            _ => {
                let value = self.operand(dot, operand)?;
                self.validate(value, wanted)
            }
        }
    }

    fn literal_argument(&self, wanted: Type, operand: &Operand) -> Run<Value> {
        let found = |words: &str| {
            let text = display::operand_text(self.tree, operand);
            self.fault(format!("expected {words}; found {text}"))
        };
        match (wanted, &operand.kind) {
            (Type::Any | Type::Reflect | Type::String, OperandKind::String { text, .. }) => {
                Ok(Value::String(text.clone()))
            }
            (Type::Any | Type::Reflect | Type::Bool, OperandKind::Bool(truth)) => {
                Ok(Value::Bool(*truth))
            }
            (Type::Any | Type::Reflect, OperandKind::Number { value, .. }) => {
                self.ideal(value, operand)
            }
            (Type::Int, OperandKind::Number { value, .. }) => {
                let number = value.integer.map(Value::Int);
                number.ok_or_else(|| found("integer"))
            }
            (Type::Float, OperandKind::Number { value, .. }) => {
                let number = value.float.map(Value::Float);
                number.ok_or_else(|| found("float"))
            }
            (Type::String, _) => Err(found("string")),
            (Type::Bool, _) => Err(found("bool")),
            (Type::Int, _) => Err(found("integer")),
            (Type::Float, _) => Err(found("float")),
            (Type::Any | Type::Reflect | Type::Map | Type::Time, _) => {
                let text = display::operand_text(self.tree, operand);
                let name = wanted.name();
                Err(self.fault(format!("can't handle {text} for arg of type {name}")))
            }
        }
    }

    /// Go's `validateType`: the value, if a parameter of that type takes it.
    fn validate(&self, value: Value, wanted: Type) -> Run<Value> {
        let fits = match (wanted, &value) {
            (_, Value::Nil) if wanted.can_be_nil() => return Ok(Value::Nil),
            (_, Value::Nil) => {
                return Err(self.fault(format!("invalid value; expected {}", wanted.name())));
            }
            (Type::Any, Value::Missing) => return Ok(Value::Nil),
            (Type::Any | Type::Reflect, _)
            | (Type::String, Value::String(_))
            | (Type::Int, Value::Int(_))
            | (Type::Float, Value::Float(_))
            | (Type::Bool, Value::Bool(_)) => true,
            (Type::Map, Value::Map(map)) => map.kind() != MapKind::Strings,
            (Type::Time, Value::Object(object)) => object.type_name() == "time.Time",
            _ => false,
        };
        if fits {
            return Ok(value);
        }
        let got = match &value {
            Value::Missing => "interface {}",
            other => format::type_name(other),
        };
        let wanted = wanted.name();
        Err(self.fault(format!(
            "wrong type for value; expected {wanted}; got {got}"
        )))
    }
}

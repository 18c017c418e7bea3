//! Nodes: text, actions and controls.

use crate::exec::{Fault, Frame, NO_VALUE, Run};
use crate::format;
use crate::syntax::display::Place;
use crate::syntax::tree::{Branch, Invocation, Node};
use crate::value::{List, ListKind, Map, MapKind, Shape, Str, Value};

/// How a list of nodes was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break,
    Continue,
}

impl<'t> Frame<'_, 't, '_, '_> {
    pub(super) fn walk_all(&mut self, dot: &Value, nodes: &'t [Node]) -> Run<Flow> {
        for node in nodes {
            let flow = self.walk(dot, node)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn walk(&mut self, dot: &Value, node: &'t Node) -> Run<Flow> {
        self.step()?;
        match node {
            Node::Text(range) => {
                let text = &self.tree.source.text[range.clone()];
                self.machine.out.push_str(text);
            }
            Node::Action(pipe) => {
                let value = self.pipeline(dot, pipe)?;
                if pipe.declared.is_empty() {
                    self.print(&value);
                }
            }
            Node::If(branch) => return self.if_or_with(dot, branch, false),
            Node::With(branch) => return self.if_or_with(dot, branch, true),
            Node::Range(branch) => {
                let mark = self.machine.variables.len();
                let done = self.range(dot, branch);
                self.machine.variables.truncate(mark);
                return done;
            }
            Node::Template(invocation) => self.invoke(dot, invocation)?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    /// Counts a step, and looks whether any limit is reached.
    fn step(&mut self) -> Run<()> {
        let context = &mut *self.machine.context;
        context.steps += 1;
        if context.steps > context.limits.steps {
            let limit = context.limits.steps;
            return Err(self.limit(format!("{limit} steps")));
        }
        if self.machine.out.len() > self.machine.bytes_left() {
            let limit = self.machine.context.limits.bytes;
            return Err(self.limit(format!("{limit} bytes of text")));
        }
        Ok(())
    }

    fn print(&mut self, value: &Value) {
        match value {
            Value::Nil | Value::Missing => self.machine.out.push_str(NO_VALUE),
            Value::String(text) => self.machine.out.push_str(text),
            Value::Object(object) => self.machine.out.push_str(&object.text()),
            other => format::write_value(other, &mut self.machine.out),
        }
    }

    fn if_or_with(&mut self, dot: &Value, branch: &'t Branch, sets_dot: bool) -> Run<Flow> {
        let mark = self.machine.variables.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let done = if value.is_true() {
            let inner = if sets_dot { &value } else { dot };
            self.walk_all(inner, &branch.then)
        } else if let Some(nodes) = &branch.otherwise {
            self.walk_all(dot, nodes)
        } else {
            Ok(Flow::Next)
        };
        self.machine.variables.truncate(mark);
        done
    }

    fn range(&mut self, dot: &Value, branch: &'t Branch) -> Run<Flow> {
        let value = self.pipeline(dot, &branch.pipe)?;
        let ran = match &value {
            Value::Nil | Value::Missing => false,
            Value::Int(count) => self.range_numbers(branch, *count, Value::Int)?,
            Value::Int64(count) => self.range_numbers(branch, *count, Value::Int64)?,
            Value::Uint64(count) => {
                let count = i64::try_from(*count).unwrap_or(i64::MAX);
                self.range_numbers(branch, count, |n| Value::Uint64(n.unsigned_abs()))?
            }
            Value::List(list) => self.range_list(branch, list)?,
            Value::Map(map) => self.range_map(branch, map)?,
            Value::Bytes(bytes) => {
                let bytes = bytes.iter().map(|byte| Value::Uint64((*byte).into()));
                let list = List::new(ListKind::Any, bytes.collect());
                self.range_list(branch, &list)?
            }
            Value::Object(object) => match object.shape() {
                Shape::Map(map) => self.range_map(branch, &map)?,
                Shape::List(list) => self.range_list(branch, &list)?,
                Shape::Int(count) => self.range_numbers(branch, count, Value::Int64)?,
                Shape::Struct => return Err(self.cannot_range(&value)),
            },
            Value::Bool(_) | Value::Float(_) | Value::String(_) => {
                return Err(self.cannot_range(&value));
            }
        };
        match &branch.otherwise {
            Some(nodes) if !ran => self.walk_all(dot, nodes),
            _ => Ok(Flow::Next),
        }
    }

    fn cannot_range(&self, value: &Value) -> Fault {
        self.fault(format!(
            "range can't iterate over {}",
            format::display(value)
        ))
    }

    fn range_numbers(
        &mut self,
        branch: &'t Branch,
        count: i64,
        make: impl Fn(i64) -> Value,
    ) -> Run<bool> {
        if branch.pipe.declared.len() > 1 {
            return Err(self.fault(format!(
                "can't use {count} to iterate over more than one variable"
            )));
        }
        for number in 0..count {
            if self.iterate(branch, Value::Nil, &make(number))? == Flow::Break {
                break;
            }
        }
        Ok(count > 0)
    }

    fn range_list(&mut self, branch: &'t Branch, list: &List) -> Run<bool> {
        for (index, item) in list.iter().enumerate() {
            let index = Value::Int(i64::try_from(index).unwrap_or(i64::MAX));
            if self.iterate(branch, index, &found(item))? == Flow::Break {
                break;
            }
        }
        Ok(!list.is_empty())
    }

    fn range_map(&mut self, branch: &'t Branch, map: &Map) -> Run<bool> {
        let entries = map.snapshot();
        for (key, item) in &entries {
            let item = match map.kind() {
                MapKind::Strings => item.clone(),
                MapKind::Any | MapKind::Values => found(item),
            };
            let key = Value::String(Str::clone(key));
            if self.iterate(branch, key, &item)? == Flow::Break {
                break;
            }
        }
        Ok(!entries.is_empty())
    }

    fn iterate(&mut self, branch: &'t Branch, index: Value, item: &Value) -> Run<Flow> {
        self.step()?;
        let pipe = &branch.pipe;
        match *pipe.declared {
            [] => {}
            [first] if pipe.assigns => self.assign(first, item.clone())?,
            [first, second, ..] if pipe.assigns => {
                self.assign(first, index)?;
                self.assign(second, item.clone())?;
            }
            [_] => self.set_top(1, item.clone()),
            [_, _, ..] => {
                self.set_top(1, item.clone());
                self.set_top(2, index);
            }
        }
        let mark = self.machine.variables.len();
        let flow = self.walk_all(item, &branch.then);
        self.machine.variables.truncate(mark);
        flow
    }

    fn set_top(&mut self, from_top: usize, value: Value) {
        let place = self.machine.variables.len() - from_top;
        self.machine.variables[place].1 = value;
    }

    fn invoke(&mut self, dot: &Value, invocation: &'t Invocation) -> Run<()> {
        self.at = Place::Invocation(invocation);
        let name = &invocation.name;
        let Some(template) = self.machine.find(name) else {
            let name = format::quote(name);
            return Err(self.fault(format!("template {name} not defined")));
        };
        let data = match &invocation.pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Value::Nil,
        };
        self.machine.execute(&template, &data)
    }
}

/// An element of a collection of `interface {}`: a nil among them is a nil interface.
pub(super) fn found(item: &Value) -> Value {
    match item {
        Value::Nil => Value::Missing,
        other => other.clone(),
    }
}

//! The functions of templates: Go's own, sprig's and Helm's.
//!
//! Each file holds the functions of one subject and their table: name, types of parameters,
//! code. To add one: the code, and its line in the table.

mod arithmetic;
mod convert;
mod dates;
mod defaults;
mod dicts;
mod digests;
mod encoding;
mod flow;
mod helm;
mod language;
mod lists;
mod numbers;
mod paths;
mod random;
mod reflection;
mod regexes;
mod secrets;
mod strings;
mod urls;
mod versions;
mod words;

pub(crate) use paths::base;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::exec::{Machine, Outcome};
use crate::value::Value;

/// The code of a function. Arguments have been checked against the types of parameters.
pub(crate) type Code = fn(&mut Machine<'_, '_>, &mut [Value]) -> Outcome;

/// How a function begins.
#[derive(Clone, Copy)]
pub(crate) enum Start {
    /// Evaluates arguments up to the first that is false.
    And,
    /// Evaluates arguments up to the first that is true.
    Or,
    /// Evaluates all arguments first.
    Run(Code),
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Any,
    /// Any value, with a nil interface told apart from no value.
    Reflect,
    Bool,
    String,
    Int,
    Float,
    /// `map[string]interface {}`; nil is the empty map that cannot be written to.
    Map,
    /// `time.Time`
    Time,
}

impl Type {
    /// Go's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Reflect => "reflect.Value",
            Self::Bool => "bool",
            Self::String => "string",
            Self::Int => "int",
            Self::Float => "float64",
            Self::Map => "map[string]interface {}",
            Self::Time => "time.Time",
        }
    }

    /// True if nil has a value of this type.
    pub(crate) const fn can_be_nil(self) -> bool {
        matches!(self, Self::Any | Self::Reflect | Self::Map)
    }
}

/// A function that templates may call.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) parameters: &'static [Type],
    /// The type of any further arguments.
    pub(crate) rest: Option<Type>,
    pub(crate) start: Start,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name)
    }
}

impl Function {
    /// The type of the argument at `index`.
    pub(crate) fn parameter(&self, index: usize) -> Type {
        let rest = self.rest.unwrap_or(Type::Any);
        self.parameters.get(index).copied().unwrap_or(rest)
    }
}

/// A function of a fixed number of arguments.
const fn fixed(name: &'static str, parameters: &'static [Type], code: Code) -> Function {
    Function {
        name,
        parameters,
        rest: None,
        start: Start::Run(code),
    }
}

/// A function of any further arguments of type `rest`.
const fn open(name: &'static str, parameters: &'static [Type], rest: Type, code: Code) -> Function {
    Function {
        name,
        parameters,
        rest: Some(rest),
        start: Start::Run(code),
    }
}

const TABLES: [&[Function]; 21] = [
    arithmetic::TABLE,
    convert::TABLE,
    dates::TABLE,
    defaults::TABLE,
    dicts::TABLE,
    digests::TABLE,
    encoding::TABLE,
    flow::TABLE,
    helm::TABLE,
    language::TABLE,
    lists::TABLE,
    numbers::TABLE,
    paths::TABLE,
    random::TABLE,
    reflection::TABLE,
    regexes::TABLE,
    secrets::TABLE,
    strings::TABLE,
    urls::TABLE,
    versions::TABLE,
    words::TABLE,
];

static BY_NAME: LazyLock<BTreeMap<&'static str, &'static Function>> = LazyLock::new(|| {
    let all = TABLES.into_iter().flatten();
    all.map(|function| (function.name, function)).collect()
});

/// The function of a name.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    BY_NAME.get(name).copied()
}

#[cfg(test)]
mod tests;

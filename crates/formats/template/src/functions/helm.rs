//! Helm's own functions: `include`, `tpl`, `lookup`, YAML, JSON, TOML.

use super::language::made;
use super::strings::str_at;
use super::{Function, Type, fixed};
use crate::exec::{Failure, Machine, Outcome};
use crate::format::type_name;
use crate::json::{self, Layout};
use crate::value::{List, ListKind, Map, Value};
use crate::{toml, yaml};

const ANY: Type = Type::Any;
const TEXT: Type = Type::String;

pub(super) const TABLE: &[Function] = &[
    fixed("include", &[TEXT, ANY], |machine, args| match &args[0] {
        Value::String(name) => machine.include(&name.clone(), &args[1]),
        _ => Err(Failure::message("the name of a template is text")),
    }),
    fixed("tpl", &[TEXT, ANY], |machine, args| match &args[0] {
        Value::String(text) => machine.tpl(&text.clone(), &args[1]),
        _ => Err(Failure::message("a template is text")),
    }),
    fixed("lookup", &[TEXT, TEXT, TEXT, TEXT], |_, _| {
        Ok(Value::Map(Map::new()))
    }),
    fixed("getHostByName", &[TEXT], |_, _| Ok(Value::from(""))),
    fixed("toYaml", &[ANY], to_yaml),
    fixed("mustToYaml", &[ANY], to_yaml),
    fixed("toYamlPretty", &[ANY], |machine, args| {
        let text = yaml::write_pretty(&args[0], machine.bytes_left());
        made(machine, without_newline(text.unwrap_or_default()))
    }),
    fixed("fromYaml", &[TEXT], |machine, args| {
        let read = read_yaml(machine, args)?;
        Ok(map_or_error(
            read,
            "error unmarshaling JSON: while decoding JSON: ",
        ))
    }),
    fixed("fromYamlArray", &[TEXT], |machine, args| {
        let read = read_yaml(machine, args)?;
        Ok(list_or_error(
            read,
            "error unmarshaling JSON: while decoding JSON: ",
        ))
    }),
    fixed("toJson", &[ANY], |machine, args| {
        let layout = layout(machine);
        made(machine, json::write(&args[0], layout).unwrap_or_default())
    }),
    fixed("mustToJson", &[ANY], |machine, args| {
        let layout = layout(machine);
        must(machine, json::write(&args[0], layout))
    }),
    fixed("toPrettyJson", &[ANY], |machine, args| {
        let layout = Layout {
            indents: true,
            ..layout(machine)
        };
        made(machine, json::write(&args[0], layout).unwrap_or_default())
    }),
    fixed("mustToPrettyJson", &[ANY], |machine, args| {
        let layout = Layout {
            indents: true,
            ..layout(machine)
        };
        must(machine, json::write(&args[0], layout))
    }),
    fixed("toRawJson", &[ANY], |machine, args| {
        let layout = Layout {
            raw: true,
            ..layout(machine)
        };
        must(machine, json::write(&args[0], layout))
    }),
    fixed("mustToRawJson", &[ANY], |machine, args| {
        let layout = Layout {
            raw: true,
            ..layout(machine)
        };
        must(machine, json::write(&args[0], layout))
    }),
    fixed("fromJson", &[TEXT], |machine, args| {
        let (value, too_large) = match json::read_lenient(str_at(args, 0)) {
            Ok(read) => read,
            Err(error) => return Ok(map_or_error(Err(error), "")),
        };
        if value.is_nil() {
            return Ok(Value::Map(Map::nil()));
        }
        machine.hold_all(&value)?;
        let value = map_or_error(Ok(value), "");
        if let (Value::Map(map), Some(error)) = (&value, too_large) {
            map.insert("Error", Value::text(error));
        }
        Ok(value)
    }),
    fixed("fromJsonArray", &[TEXT], |machine, args| {
        let read = match json::read_lenient(str_at(args, 0)) {
            Ok((Value::List(_), Some(too_large))) | Err(too_large) => Err(too_large),
            Ok((value, _)) => Ok(value),
        };
        let list = list_or_error(read, "");
        machine.hold_all(&list)?;
        Ok(list)
    }),
    fixed("mustFromJson", &[TEXT], |machine, args| {
        let value = json::read(str_at(args, 0)).map_err(Failure::Message)?;
        machine.hold_all(&value)?;
        Ok(value)
    }),
    fixed("toToml", &[ANY], |machine, args| {
        match toml::write(&args[0]) {
            Err(text) if text == toml::NIL => Err(Failure::Message(text)),
            Ok(text) | Err(text) => made(machine, text),
        }
    }),
    fixed("mustToToml", &[ANY], |machine, args| {
        let text = toml::write(&args[0]).map_err(Failure::Message)?;
        made(machine, text)
    }),
    fixed("fromToml", &[TEXT], |machine, args| {
        let value = match toml::read(str_at(args, 0)) {
            Ok(value) => value,
            Err(error) => Value::Map([("Error", Value::text(error))].into_iter().collect()),
        };
        machine.hold_all(&value)?;
        Ok(value)
    }),
];

fn read_yaml(
    machine: &mut Machine<'_, '_>,
    args: &[Value],
) -> Result<Result<Value, String>, Failure> {
    let read = match &args[0] {
        Value::String(text) => machine.context.read_yaml(text),
        _ => yaml::read(""),
    };
    Ok(match read {
        Ok(value) => {
            machine.hold_all(&value)?;
            Ok(value)
        }
        Err(error) => Err(format!("error converting YAML to JSON: {error}")),
    })
}

fn layout(machine: &Machine<'_, '_>) -> Layout {
    Layout {
        bytes: machine.bytes_left(),
        ..Layout::default()
    }
}

fn must(machine: &mut Machine<'_, '_>, text: Option<String>) -> Outcome {
    let text = text.ok_or_else(|| Failure::message("json: unsupported value"))?;
    made(machine, text)
}

fn without_newline(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
    }
    text
}

fn to_yaml(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let text = yaml::write_within(&args[0], machine.bytes_left());
    made(machine, without_newline(text.unwrap_or_default()))
}

/// Go's name of a JSON value in an error.
fn json_name(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Float(_) => "number",
        Value::String(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) => "object",
        other => type_name(other),
    }
}

/// The map that was read; an error stands under the key `Error`.
fn map_or_error(read: Result<Value, String>, words: &str) -> Value {
    let error = match read {
        Ok(value @ Value::Map(_)) => return value,
        Ok(Value::Nil) => return Value::Map(Map::new()),
        Ok(other) => format!(
            "{words}json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            json_name(&other)
        ),
        Err(error) => error,
    };
    Value::Map([("Error", Value::text(error))].into_iter().collect())
}

/// The list that was read; an error is its only element.
fn list_or_error(read: Result<Value, String>, words: &str) -> Value {
    let error = match read {
        Ok(value @ Value::List(_)) => return value,
        Ok(Value::Nil) => return Value::List(List::new(ListKind::Any, Vec::new())),
        Ok(other) => format!(
            "{words}json: cannot unmarshal {} into Go value of type []interface {{}}",
            json_name(&other)
        ),
        Err(error) => error,
    };
    Value::list(vec![Value::text(error)])
}

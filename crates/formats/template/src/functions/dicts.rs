//! Maps, by reference: what one template sets, all others see.

use std::collections::BTreeMap;

use super::convert::text;
use super::defaults::is_empty;
use super::strings::str_at;
use super::{Function, Type, fixed, open};
use crate::exec::{Failure, Machine, Outcome};
use crate::format::type_name;
use crate::value::deep::{self, ENTRY_BYTES};
use crate::value::{List, Map, MapKind, Str, Value};

const ANY: Type = Type::Any;
const MAP: Type = Type::Map;
const TEXT: Type = Type::String;

/// Maps within maps that a merge follows. A map may hold itself.
const DEPTH_MAX: usize = 500;

pub(super) const TABLE: &[Function] = &[
    open("dict", &[], ANY, dict),
    fixed("get", &[MAP, TEXT], |_, args| {
        let found = map_at(args, 0).and_then(|map| map.get(str_at(args, 1)));
        Ok(found.unwrap_or_else(|| Value::from("")))
    }),
    fixed("set", &[MAP, TEXT, ANY], set),
    fixed("unset", &[MAP, TEXT], |_, args| {
        if let Some(map) = map_at(args, 0) {
            map.remove(str_at(args, 1));
        }
        Ok(or_empty(&args[0]))
    }),
    fixed("hasKey", &[MAP, TEXT], |_, args| {
        Ok(Value::Bool(
            map_at(args, 0).is_some_and(|map| map.has(str_at(args, 1))),
        ))
    }),
    open("pluck", &[TEXT], MAP, |_, args| {
        let key = str_at(args, 0);
        let found = (1..args.len()).filter_map(|index| map_at(args, index)?.get(key));
        Ok(Value::list(found.collect()))
    }),
    open("keys", &[], MAP, |machine, args| {
        hold_entries(machine, args)?;
        let all = (0..args.len()).filter_map(|index| map_at(args, index));
        Ok(Value::List(List::of_texts(all.flat_map(Map::keys))))
    }),
    fixed("values", &[MAP], |machine, args| {
        hold_entries(machine, args)?;
        let all = map_at(args, 0).map(Map::snapshot).unwrap_or_default();
        Ok(Value::list(
            all.into_iter().map(|(_, value)| value).collect(),
        ))
    }),
    open("pick", &[MAP], TEXT, |machine, args| {
        machine.hold(deep::map_weight(args.len()))?;
        let kept = Map::new();
        if let Some(map) = map_at(args, 0) {
            for key in args[1..].iter().filter_map(Value::as_str) {
                if let Some(value) = map.get(key) {
                    kept.insert(key, value);
                }
            }
        }
        Ok(Value::Map(kept))
    }),
    open("omit", &[MAP], TEXT, |machine, args| {
        machine.hold(map_at(args, 0).map_or(0, |map| deep::map_weight(map.len())))?;
        let mut entries = BTreeMap::new();
        if let Some(map) = map_at(args, 0) {
            entries.clone_from(&map.entries());
        }
        for key in args[1..].iter().filter_map(Value::as_str) {
            entries.remove(key);
        }
        Ok(Value::Map(Map::of(MapKind::Any, entries)))
    }),
    open("merge", &[MAP], MAP, |machine, args| {
        merge_all(machine, args, false)
    }),
    open("mustMerge", &[MAP], MAP, |machine, args| {
        merge_all(machine, args, false)
    }),
    open("mergeOverwrite", &[MAP], MAP, |machine, args| {
        merge_all(machine, args, true)
    }),
    open("mustMergeOverwrite", &[MAP], MAP, |machine, args| {
        merge_all(machine, args, true)
    }),
    open("dig", &[], ANY, dig),
];

/// The map of an argument that was checked; none if it is nil.
fn map_at(args: &[Value], index: usize) -> Option<&Map> {
    args.get(index).and_then(Value::as_map)
}

/// A nil map reads as empty.
fn or_empty(value: &Value) -> Value {
    match value {
        Value::Map(_) => value.clone(),
        _ => Value::Map(Map::new()),
    }
}

fn dict(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    machine.hold(deep::map_weight(args.len().div_ceil(2)))?;
    let mut entries: BTreeMap<Str, Value> = BTreeMap::new();
    for pair in args.chunks_mut(2) {
        let key = text(&pair[0]);
        let value = pair
            .get_mut(1)
            .map_or_else(|| Value::from(""), std::mem::take);
        entries.insert(key, value);
    }
    Ok(Value::Map(Map::of(MapKind::Any, entries)))
}

fn set(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    machine.hold(ENTRY_BYTES)?;
    let value = std::mem::take(&mut args[2]);
    let key = text(&args[1]);
    let Some(map) = map_at(args, 0) else {
        return Err(Failure::message("assignment to entry in nil map"));
    };
    if map.is_nil() {
        return Err(Failure::message("assignment to entry in nil map"));
    }
    map.insert(key, value);
    Ok(std::mem::take(&mut args[0]))
}

/// Counts a list of the entries of some maps.
fn hold_entries(machine: &mut Machine<'_, '_>, args: &[Value]) -> Result<(), Failure> {
    let count: usize = args.iter().filter_map(Value::as_map).map(Map::len).sum();
    machine.hold(deep::COLLECTION_BYTES + count.saturating_mul(deep::ITEM_BYTES))
}

fn merge_all(machine: &mut Machine<'_, '_>, args: &mut [Value], overwrite: bool) -> Outcome {
    let target = or_empty(&args[0]);
    if let Value::Map(target) = &target {
        for index in 1..args.len() {
            if let Some(source) = map_at(args, index) {
                merge(machine, target, source, overwrite, 0)?;
            }
        }
    }
    Ok(target)
}

/// `dario.cat/mergo` for maps: maps merge, what is empty or missing is filled by reference,
/// and with `overwrite` what is there is replaced.
fn merge(
    machine: &mut Machine<'_, '_>,
    target: &Map,
    source: &Map,
    overwrite: bool,
    depth: usize,
) -> Result<(), Failure> {
    if depth > DEPTH_MAX {
        return Err(Failure::Limit("depth of a map to merge".to_owned()));
    }
    if target.is(source) {
        return Ok(());
    }
    for (key, value) in source.snapshot() {
        let known = target.get(&key);
        if value.is_nil() {
            if overwrite {
                target.insert(key, Value::Nil);
            }
            continue;
        }
        let is_pointer = |value: &Value| matches!(value, Value::Object(object) if object.type_name().starts_with('*'));
        if !overwrite && value.as_map().is_some() && known.as_ref().is_some_and(is_pointer) {
            return Err(Failure::message("src and dst must be of same type"));
        }
        let both_maps = known.as_ref().and_then(Value::as_map).zip(value.as_map());
        if let Some((inner, with)) = both_maps {
            merge(machine, inner, with, overwrite, depth + 1)?;
        }
        let is_free = known.as_ref().is_none_or(is_empty);
        let is_merged = both_maps.is_some() && !is_free;
        if is_free || (overwrite && !is_merged) {
            machine.hold(ENTRY_BYTES)?;
            target.insert(key, value);
        }
    }
    Ok(())
}

/// The value at the end of a path of keys, or the default before the map.
fn dig(_: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    if args.len() < 3 {
        return Err(Failure::message("dig needs at least three arguments"));
    }
    let wrong = |value: &Value, wanted: &str| {
        let found = match value {
            Value::Nil | Value::Missing => "nil".to_owned(),
            other => type_name(other).to_owned(),
        };
        Failure::Message(format!(
            "interface conversion: interface {{}} is {found}, not {wanted}"
        ))
    };
    let (path, ends) = args.split_at(args.len() - 2);
    let mut current = ends[1].clone();
    if !matches!(&current, Value::Map(map) if map.kind() == MapKind::Any) {
        return Err(wrong(&current, "map[string]interface {}"));
    }
    for key in path {
        key.as_str().ok_or_else(|| wrong(key, "string"))?;
    }
    for key in path {
        let next = match &current {
            Value::Map(map) if map.kind() == MapKind::Any => {
                map.get(key.as_str().unwrap_or_default())
            }
            other => return Err(wrong(other, "map[string]interface {}")),
        };
        match next {
            Some(next) => current = next,
            None => return Ok(ends[0].clone()),
        }
    }
    Ok(current)
}

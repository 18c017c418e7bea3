//! The grammar of `--set` (helm, pkg/strvals/parser.go): `a.b=1,c[0]={x,y},d=null`, with backslash before what is meant
//! as a letter.

use super::from_json;
use refloat_template::{Map, Value};

/// The largest position in a list.
pub(super) const INDEX_MAX: usize = 65_536;
/// The deepest nesting of a name.
pub(super) const DEPTH_MAX: usize = 30;

/// What a value is read as.
#[derive(Clone, Copy)]
pub(super) enum Reading<'a> {
    /// `true`, `1`, `null` are what they look like.
    Typed,
    /// Everything is text.
    Text,
    /// The value names a file whose text it is.
    File(&'a dyn Fn(&str) -> Result<String, String>),
    /// The value is JSON.
    Json,
}

/// Sets in `values` what `text` says.
pub(super) fn apply(text: &str, values: &Map, reading: Reading<'_>) -> Result<(), String> {
    let mut parser = Parser {
        letters: Letters::new(text),
        reading,
    };
    loop {
        match parser.key(values, 0) {
            Ok(()) => {}
            Err(Stop::End) => return Ok(()),
            Err(Stop::Wrong(reason)) => return Err(reason),
        }
    }
}

/// Why reading stops.
pub(super) enum Stop {
    End,
    Wrong(String),
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::Wrong(reason)
    }
}

/// Letters that are left.
pub(super) struct Letters<'a>(std::str::Chars<'a>);

impl<'a> Letters<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(text.chars())
    }

    pub(super) fn rest(&self) -> &'a str {
        self.0.as_str()
    }

    fn skip_bytes(&mut self, count: usize) {
        self.0 = self.rest().get(count..).unwrap_or_default().chars();
    }

    fn skip_if(&mut self, letter: char) -> bool {
        let found = self.rest().starts_with(letter);
        if found {
            self.0.next();
        }
        found
    }

    /// Up to one of `stops`, which is consumed; none if the text ends before.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        while let Some(letter) = self.0.next() {
            match letter {
                stop if stops.contains(&stop) => return (text, Some(stop)),
                '\\' => match self.0.next() {
                    Some(next) => text.push(next),
                    None => return (text, None),
                },
                other => text.push(other),
            }
        }
        (text, None)
    }

    /// The same where a backslash is a letter like others.
    pub(super) fn until_literally(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        for letter in self.0.by_ref() {
            if stops.contains(&letter) {
                return (text, Some(letter));
            }
            text.push(letter);
        }
        (text, None)
    }
}

struct Parser<'a> {
    letters: Letters<'a>,
    reading: Reading<'a>,
}

impl Parser<'_> {
    fn key(&mut self, data: &Map, depth: usize) -> Result<(), Stop> {
        let (key, stop) = self.letters.until(&['=', '[', ',', '.']);
        match stop {
            None if key.is_empty() => Err(Stop::End),
            None => Err(format!("key {key:?} has no value").into()),
            Some('[') => {
                let index = self.index()?;
                let list = list_of(data.get(&key), &key)?;
                // The list is there even if nothing follows.
                match self.item(list.clone(), index, depth) {
                    Ok(list) => put(data, &key, Value::list(list)),
                    Err(stop) => {
                        put(data, &key, Value::list(list));
                        return Err(stop);
                    }
                }
                Ok(())
            }
            Some('=') => self.assign(data, &key),
            Some(',') => {
                put(data, &key, Value::from(""));
                Err(format!("key {key:?} has no value (cannot end with ,)").into())
            }
            Some(_) => {
                let depth = deeper(depth)?;
                let inner = inner_map(data.get(&key), &key)?;
                let result = self.key(&inner, depth);
                if inner.is_empty() {
                    result?;
                    return Err(format!("key map {key:?} has no value").into());
                }
                put(data, &key, Value::Map(inner));
                result
            }
        }
    }

    fn assign(&mut self, data: &Map, key: &str) -> Result<(), Stop> {
        if let Reading::Json = self.reading {
            put(data, key, self.json()?);
            return Ok(());
        }
        if self.letters.rest().is_empty() {
            put(data, key, Value::from(""));
            return Err(Stop::End);
        }
        let value = self.value()?;
        put(data, key, value);
        Ok(())
    }

    /// A list in braces, or all up to the next comma.
    fn value(&mut self) -> Result<Value, Stop> {
        if !self.letters.skip_if('{') {
            let (text, _) = self.letters.until(&[',']);
            return Ok(self.read(&text)?);
        }
        let mut list = Vec::new();
        loop {
            let (text, stop) = self.letters.until(&[',', '}']);
            match stop {
                None => return Err("list must terminate with '}'".to_owned().into()),
                Some('}') => {
                    self.letters.skip_if(',');
                    list.push(self.read(&text)?);
                    return Ok(Value::list(list));
                }
                Some(_) => list.push(self.read(&text)?),
            }
        }
    }

    fn index(&mut self) -> Result<i64, Stop> {
        let (text, stop) = self.letters.until(&[']']);
        if stop.is_none() {
            // Helm takes the end of the text for the end of its work, here too.
            return Err(Stop::End);
        }
        index(&text)
    }

    /// Sets what follows `[index]` in a list.
    fn item(&mut self, mut list: Vec<Value>, index: i64, depth: usize) -> Result<Vec<Value>, Stop> {
        let index = not_negative(index)?;
        let (text, stop) = self.letters.until(&['[', '.', '=']);
        if !text.is_empty() {
            return Err(format!("unexpected data at end of array index: {text:?}").into());
        }
        let value = match stop {
            None => return Err(Stop::End),
            Some('=') => match self.reading {
                Reading::Json => self.json()?,
                _ if self.letters.rest().is_empty() => Value::from(""),
                _ => self.value()?,
            },
            Some('[') => {
                let next = self.index()?;
                let inner = match list.get(index) {
                    Some(value) if !value.is_nil() => list_of(Some(value.clone()), "list")?,
                    _ => Vec::new(),
                };
                Value::list(self.item(inner, next, depth)?)
            }
            Some(_) => {
                let inner = match list.get(index) {
                    Some(Value::Map(map)) => map.clone(),
                    _ => Map::new(),
                };
                self.key(&inner, depth)?;
                Value::Map(inner)
            }
        };
        put_index(&mut list, index, value)?;
        Ok(list)
    }

    /// One JSON value and the comma behind it; nothing is null.
    fn json(&mut self) -> Result<Value, Stop> {
        if self.is_blank_value() {
            return Ok(Value::Nil);
        }
        let mut values = serde_json::Deserializer::from_str(self.letters.rest()).into_iter();
        let json = match values.next() {
            Some(Ok(json)) => json,
            Some(Err(error)) => return Err(error.to_string().into()),
            None => serde_json::Value::Null,
        };
        let length = values.byte_offset();
        self.letters.skip_bytes(length);
        self.is_blank_value();
        Ok(from_json(&json))
    }

    /// Passes over spaces, and over a comma behind them; true at a comma or the end.
    fn is_blank_value(&mut self) -> bool {
        let rest = self.letters.rest();
        let spaces = rest.len() - rest.trim_start().len();
        self.letters.skip_bytes(spaces);
        self.letters.rest().is_empty() || self.letters.skip_if(',')
    }

    fn read(&self, text: &str) -> Result<Value, String> {
        match self.reading {
            Reading::Typed => Ok(typed(text)),
            Reading::Text | Reading::Json => Ok(Value::from(text)),
            Reading::File(open) => open(text).map(Value::from),
        }
    }
}

/// Booleans, null and whole numbers are what they look like; a number that begins with zero is text.
fn typed(text: &str) -> Value {
    match text.to_ascii_lowercase().as_str() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Nil,
        "0" => Value::Int64(0),
        _ if text.starts_with('0') => Value::from(text),
        _ => text
            .parse()
            .map_or_else(|_| Value::from(text), Value::Int64),
    }
}

pub(super) fn deeper(depth: usize) -> Result<usize, Stop> {
    if depth < DEPTH_MAX {
        return Ok(depth + 1);
    }
    Err(format!(
        "value name nested level is greater than maximum supported nested level of {DEPTH_MAX}"
    )
    .into())
}

pub(super) fn index(text: &str) -> Result<i64, Stop> {
    text.parse::<i64>()
        .map_err(|_| format!("error parsing index: {text:?} is no number").into())
}

/// An index that a list may have.
pub(super) fn not_negative(index: i64) -> Result<usize, Stop> {
    usize::try_from(index).map_err(|_| format!("negative {index} index not allowed").into())
}

pub(super) fn list_of(value: Option<Value>, key: &str) -> Result<Vec<Value>, Stop> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::List(list)) => Ok(list.to_vec()),
        Some(_) => Err(format!("unable to parse key: {key:?} is there and no list").into()),
    }
}

pub(super) fn inner_map(value: Option<Value>, key: &str) -> Result<Map, Stop> {
    match value {
        None => Ok(Map::new()),
        Some(Value::Map(map)) => Ok(map),
        Some(_) => Err(format!("unable to parse key: {key:?} is there and no map").into()),
    }
}

/// Sets a key; the empty one is passed over.
pub(super) fn put(data: &Map, key: &str, value: Value) {
    if !key.is_empty() {
        data.insert(key, value);
    }
}

pub(super) fn put_index(list: &mut Vec<Value>, index: usize, value: Value) -> Result<(), Stop> {
    if index > INDEX_MAX {
        return Err(format!(
            "index of {index} is greater than maximum supported index of {INDEX_MAX}"
        )
        .into());
    }
    if list.len() <= index {
        list.resize(index + 1, Value::Nil);
    }
    list[index] = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::to_json;

    fn set(text: &str, reading: Reading<'_>) -> Result<String, String> {
        let values = Map::new();
        apply(text, &values, reading)?;
        Ok(to_json(&Value::Map(values)).to_string())
    }

    /// From the tables of helm's own pkg/strvals/parser_test.go.
    #[test]
    fn texts_are_read_as_helm_reads_them() {
        let cases = [
            (
                "name1=value1,name2=value2",
                r#"{"name1":"value1","name2":"value2"}"#,
            ),
            ("name1=,name2=value2", r#"{"name1":"","name2":"value2"}"#),
            (
                "leading_zeros=00009,zero=0,long=1234567890",
                r#"{"leading_zeros":"00009","long":1234567890,"zero":0}"#,
            ),
            ("boolean=true,n=null", r#"{"boolean":true,"n":null}"#),
            (
                "name1=one\\,two,name2=three\\,four",
                r#"{"name1":"one,two","name2":"three,four"}"#,
            ),
            ("name1=one\\=two", r#"{"name1":"one=two"}"#),
            (
                "name1={},name2={a\\,b,1}",
                r#"{"name1":[""],"name2":["a,b",1]}"#,
            ),
            (
                "outer.inner=value,outer.b=1",
                r#"{"outer":{"b":1,"inner":"value"}}"#,
            ),
            (
                "list[0]=foo,list[3]=bar",
                r#"{"list":["foo",null,null,"bar"]}"#,
            ),
            (
                "list[0].foo=bar,list[0].hello=world",
                r#"{"list":[{"foo":"bar","hello":"world"}]}"#,
            ),
            ("nested[1][1]=1", r#"{"nested":[null,[null,1]]}"#),
            ("a\\.b=c", r#"{"a.b":"c"}"#),
            ("name1", "key \"name1\" has no value"),
            ("name1=value1,name2", "key \"name2\" has no value"),
            ("name1=a,,", "key \"\" has no value (cannot end with ,)"),
            ("name1.=name2", "key map \"name1\" has no value"),
            (
                "name1.name2,=",
                "key \"name2\" has no value (cannot end with ,)",
            ),
            ("list[-30].bar=1", "negative -30 index not allowed"),
            (
                "list[65537]=1",
                "index of 65537 is greater than maximum supported index of 65536",
            ),
            ("name={a", "list must terminate with '}'"),
            (
                "illegal[0]name.foo=bar",
                "unexpected data at end of array index: \"name\"",
            ),
        ];
        for (text, expected) in cases {
            let found = set(text, Reading::Typed).unwrap_or_else(|error| error);
            assert_eq!(found, expected, "{text}");
        }
        assert_eq!(set("a=1", Reading::Text).as_deref(), Ok(r#"{"a":"1"}"#));
        let json = set("a=[1,{\"b\":2.5}] ,c=,d.e=\"x\"", Reading::Json);
        assert_eq!(
            json.as_deref(),
            Ok(r#"{"a":[1,{"b":2.5}],"c":null,"d":{"e":"x"}}"#)
        );
        let deep = format!("{}=1", vec!["a"; 32].join("."));
        assert!(set(&deep, Reading::Typed).is_err_and(|error| error.contains("nested level")));
    }
}

//! Words of findings, and the grammar of quantities.

use serde_json::Value;

/// A type of a schema, for people.
pub(super) fn type_of(name: &str) -> &str {
    match name {
        "object" => "a map",
        "array" => "a list",
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        other => other,
    }
}

/// What a value is. A text is quoted, if it is short; it may be a secret, so no more of it.
pub(super) fn named(value: &Value) -> String {
    match value {
        Value::Object(_) => "a map".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::String(_) => "text".to_owned(),
        Value::Number(number) => format!("the number {number}"),
        Value::Bool(word) => word.to_string(),
        Value::Null => "null".to_owned(),
    }
}

/// `100m`, `1Gi`, `1e3`, `.5` (apimachinery, pkg/api/resource/quantity.go).
pub(super) fn is_quantity(text: &str) -> bool {
    const SUFFIXES: [&str; 15] = [
        "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi",
    ];
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = body.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (number, suffix) = body.split_at(end.unwrap_or(body.len()));
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let exponent = suffix.strip_prefix(['e', 'E']).is_some_and(|rest| {
        let rest = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())
    });
    digits > 0
        && number.matches('.').count() <= 1
        && (SUFFIXES.contains(&suffix) || suffix == "Ei" || exponent)
}

/// The name that is near enough to be meant.
pub(super) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = names.map(|name| (distance(word, name), name)).min()?;
    let far = (word.chars().count() / 3).clamp(1, 3);
    (near.0 <= far).then_some(near.1)
}

/// Letters to change, case left aside; two that changed places count as one.
fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.to_lowercase().chars().take(64).collect();
    let other: Vec<char> = other.to_lowercase().chars().take(64).collect();
    let mut rows = vec![vec![0; other.len() + 1]; one.len() + 1];
    for (at, row) in rows.iter_mut().enumerate() {
        row[0] = at;
    }
    for (at, cell) in rows[0].iter_mut().enumerate() {
        *cell = at;
    }
    for i in 1..=one.len() {
        for j in 1..=other.len() {
            let change = usize::from(one[i - 1] != other[j - 1]);
            let mut least = (rows[i - 1][j] + 1)
                .min(rows[i][j - 1] + 1)
                .min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[one.len()][other.len()]
}

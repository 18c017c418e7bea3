//! The tables of a database in a form that does not tell which database it is, so that the two trees of migrations can be compared.

use crate::error::StoreError;
use crate::tx::{Dialect, Row, Tx, sql};
use std::collections::{BTreeMap, BTreeSet};

/// One line for each column, key, reference, check and index, sorted. Types are SQLite's words; whatever has no word there
/// (another collation than bytes, for example) keeps its own and so differs.
///
/// # Errors
/// A [`StoreError`] of the database.
pub(crate) async fn lines(tx: &mut dyn Tx) -> Result<Vec<String>, StoreError> {
    let found = match tx.dialect() {
        Dialect::Sqlite => sqlite(tx).await?,
        Dialect::Postgres => postgres(tx).await?,
    };
    Ok(found.into_iter().collect())
}

/// Parts of one thing that come as rows: its name, its kind, then one column in each row.
type Parts = BTreeMap<(String, String), Vec<String>>;

async fn sqlite(tx: &mut dyn Tx) -> Result<BTreeSet<String>, StoreError> {
    let mut lines = BTreeSet::new();
    let columns = sql(
        "select t.name, c.name, lower(c.type), c.\"notnull\" or c.pk > 0, coalesce(c.dflt_value, '') \
         from sqlite_schema t join pragma_table_info(t.name) c where t.type = 'table' and t.name not like 'sqlite_%'",
    );
    for row in tx.query(columns, &[]).await? {
        lines.insert(column(&row)?);
    }
    let keys = sql(
        "select t.name, 'primary key', c.name from sqlite_schema t join pragma_table_info(t.name) c \
         where t.type = 'table' and t.name not like 'sqlite_%' and c.pk > 0 order by t.name, c.pk",
    );
    lines.extend(grouped(&tx.query(keys, &[]).await?)?);
    let references = sql(
        "select t.name || ' #' || f.id, 'references ' || f.\"table\" || ' on delete ' || lower(f.on_delete) || ' on update ' || \
         lower(f.on_update), f.\"from\" || ' = ' || f.\"to\" \
         from sqlite_schema t join pragma_foreign_key_list(t.name) f where t.type = 'table' order by t.name, f.id, f.seq",
    );
    lines.extend(grouped(&tx.query(references, &[]).await?)?);
    let indexes = sql(
        "select t.name || case when i.origin = 'u' then ' #' || i.name else '' end, \
         case when i.origin = 'u' then 'unique' when i.\"unique\" then 'unique index ' || i.name else 'index ' || i.name end || ' ' || \
         coalesce((select lower(s.sql) from sqlite_schema s where s.name = i.name and i.partial), ''), x.name \
         from sqlite_schema t join pragma_index_list(t.name) i join pragma_index_info(i.name) x \
         where t.type = 'table' and i.origin <> 'pk' order by i.name, x.seqno",
    );
    lines.extend(grouped(&tx.query(indexes, &[]).await?)?);
    for row in tx
        .query(
            sql(
                "select name, sql from sqlite_schema where type = 'table' and sql like '%check (%'",
            ),
            &[],
        )
        .await?
    {
        let (table, text) = (row.text(0)?, row.text(1)?);
        lines.extend(checks(text).map(|check| format!("{table} check {}", plain(check))));
    }
    Ok(lines)
}

async fn postgres(tx: &mut dyn Tx) -> Result<BTreeSet<String>, StoreError> {
    let mut lines = BTreeSet::new();
    let columns = sql(
        "select t.relname, c.attname, case format_type(c.atttypid, c.atttypmod) when 'bigint' then 'integer' when 'bytea' then 'blob' \
         when 'text' then case o.collname when 'C' then 'text' else 'text collate ' || o.collname end \
         else format_type(c.atttypid, c.atttypmod) end, c.attnotnull, coalesce(pg_get_expr(d.adbin, d.adrelid), '') \
         from pg_class t join pg_attribute c on c.attrelid = t.oid left join pg_collation o on o.oid = c.attcollation \
         left join pg_attrdef d on d.adrelid = t.oid and d.adnum = c.attnum \
         where t.relnamespace = 'public'::regnamespace and t.relkind = 'r' and c.attnum > 0 and not c.attisdropped",
    );
    for row in tx.query(columns, &[]).await? {
        lines.insert(column(&row)?);
    }
    let keys = sql(
        "select t.relname || case k.contype when 'u' then ' #' || k.conname else '' end, \
         case k.contype when 'p' then 'primary key' else 'unique' end, c.attname \
         from pg_constraint k join pg_class t on t.oid = k.conrelid cross join lateral unnest(k.conkey) with ordinality u (number, place) \
         join pg_attribute c on c.attrelid = t.oid and c.attnum = u.number \
         where t.relnamespace = 'public'::regnamespace and k.contype in ('p', 'u') order by k.conname, u.place",
    );
    lines.extend(grouped(&tx.query(keys, &[]).await?)?);
    let references = sql(
        "select t.relname || ' #' || k.conname, 'references ' || r.relname || \
         ' on delete ' || case k.confdeltype when 'a' then 'no action' when 'c' then 'cascade' when 'r' then 'restrict' else 'set' end || \
         ' on update ' || case k.confupdtype when 'a' then 'no action' when 'c' then 'cascade' when 'r' then 'restrict' else 'set' end, \
         a.attname || ' = ' || b.attname \
         from pg_constraint k join pg_class t on t.oid = k.conrelid join pg_class r on r.oid = k.confrelid \
         cross join lateral unnest(k.conkey, k.confkey) with ordinality u (here, there, place) \
         join pg_attribute a on a.attrelid = t.oid and a.attnum = u.here join pg_attribute b on b.attrelid = r.oid and b.attnum = u.there \
         where t.relnamespace = 'public'::regnamespace and k.contype = 'f' order by k.conname, u.place",
    );
    lines.extend(grouped(&tx.query(references, &[]).await?)?);
    let indexes = sql(
        "select t.relname, case when i.indisunique then 'unique index ' else 'index ' end || x.relname || ' ' || \
         coalesce(' where ' || pg_get_expr(i.indpred, i.indrelid), ''), c.attname \
         from pg_index i join pg_class t on t.oid = i.indrelid join pg_class x on x.oid = i.indexrelid \
         cross join lateral unnest(i.indkey::int2[]) with ordinality u (number, place) \
         join pg_attribute c on c.attrelid = t.oid and c.attnum = u.number \
         where t.relnamespace = 'public'::regnamespace and not exists (select 1 from pg_constraint k where k.conindid = x.oid and k.contype in ('p', 'u')) \
         order by x.relname, u.place",
    );
    lines.extend(grouped(&tx.query(indexes, &[]).await?)?);
    let checked = sql(
        "select t.relname, pg_get_constraintdef(k.oid) from pg_constraint k join pg_class t on t.oid = k.conrelid \
         where t.relnamespace = 'public'::regnamespace and k.contype = 'c'",
    );
    for row in tx.query(checked, &[]).await? {
        let (table, text) = (row.text(0)?, row.text(1)?.to_lowercase());
        lines.extend(checks(&text).map(|check| format!("{table} check {}", plain(check))));
    }
    Ok(lines)
}

fn column(row: &Row) -> Result<String, StoreError> {
    let (table, name, kind) = (row.text(0)?, row.text(1)?, row.text(2)?);
    let null = if row.flag(3)? { " not null" } else { "" };
    let default = match row.text(4)? {
        "" => String::new(),
        text => format!(" default {}", plain(text)),
    };
    Ok(format!("{table}.{name} {kind}{null}{default}"))
}

/// Puts the columns of one key, reference or index into one line. What stands after ` #` only kept things apart that have no
/// name in both databases.
fn grouped(rows: &[Row]) -> Result<Vec<String>, StoreError> {
    let mut parts = Parts::new();
    for row in rows {
        let (owner, kind, part) = (row.text(0)?, row.text(1)?, row.text(2)?);
        parts
            .entry((owner.to_owned(), kind.to_owned()))
            .or_default()
            .push(part.to_owned());
    }
    let line = |((owner, kind), columns): ((String, String), Vec<String>)| {
        let table = owner.split(" #").next().unwrap_or_default();
        let (kind, condition) = kind
            .split_once(" where ")
            .map_or((kind.as_str(), None), |(kind, rest)| {
                (kind, Some(plain(rest)))
            });
        // SQLite keeps the whole statement of a partial index; what it says before its condition stands in the line already.
        let kind = kind.split(" create ").next().unwrap_or_default().trim_end();
        let condition = condition
            .map(|text| format!(" where {text}"))
            .unwrap_or_default();
        format!("{table} {kind} ({}){condition}", columns.join(", "))
    };
    Ok(parts.into_iter().map(line).collect())
}

/// The texts between the parentheses of `check (..)`.
fn checks(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("check (").map(move |(at, word)| {
        let inner = &text[at + word.len()..];
        let mut depth = 1_i32;
        let end = inner.find(|letter| {
            depth += match letter {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            depth == 0
        });
        &inner[..end.unwrap_or(inner.len())]
    })
}

/// An expression without what only one of the databases writes: casts of literals, parentheses, capitals, line breaks, lists
/// as arrays.
fn plain(expression: &str) -> String {
    let text = expression
        .to_lowercase()
        .replace("::text", "")
        .replace("::bigint", "")
        .replace(['(', ')'], " ")
        .replace("= any  array[", "in ")
        .replace("= any array[", "in ")
        .replace(']', "");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_of_both_databases_are_one() {
        assert_eq!(
            plain("(substr(purpose, 1, 7) = 'server.'::text)"),
            plain("substr(purpose, 1, 7) = 'server.'")
        );
        assert_eq!(plain("(sequence IS NULL)"), "sequence is null");
        assert_eq!(
            plain("(state = ANY (ARRAY['on'::text, 'off'::text]))"),
            plain("state in ('on', 'off')")
        );
        let found: Vec<_> =
            checks("a, check ((a is null) <> (b is null)), check (c > 0)").collect();
        assert_eq!(found, ["(a is null) <> (b is null)", "c > 0"]);
    }
}

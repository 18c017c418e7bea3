//! The two trees of migrations, in order. A migration that was ever released is never edited: its checksum is checked at every start.

use refloat_database::Migration;

/// Every migration, oldest first.
pub(crate) const ALL: &[Migration] = &[Migration {
    number: 1,
    name: "spine",
    sqlite: include_str!("../migrations/sqlite/0001_spine.sql"),
    postgres: include_str!("../migrations/postgres/0001_spine.sql"),
}];

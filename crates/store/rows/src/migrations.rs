//! The two trees of migrations, in order. A migration that was ever released is never edited: its checksum is checked at every start.

use refloat_database::Migration;

/// One migration by its number and name, read from both trees.
macro_rules! migration {
    ($number:literal, $file:literal, $name:literal) => {
        Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../migrations/sqlite/", $file, ".sql")),
            postgres: include_str!(concat!("../migrations/postgres/", $file, ".sql")),
        }
    };
}

/// Every migration, oldest first.
pub(crate) const ALL: &[Migration] = &[
    migration!(1, "0001_spine", "spine"),
    migration!(2, "0002_patches", "patches"),
    migration!(3, "0003_builds", "builds"),
    migration!(4, "0004_releases", "releases"),
    migration!(5, "0005_causes", "causes"),
    migration!(6, "0006_held", "held"),
    migration!(7, "0007_job_order", "job_order"),
    migration!(8, "0008_tests", "tests"),
];

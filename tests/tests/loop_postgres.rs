//! The same base update with the rows in PostgreSQL.

use anyhow::{Result, ensure};
use refloat_rig::postgres::{Cluster, Durability};
use refloat_rig::server::binary;
use refloat_rig::{Tool, require};
use refloat_tests::fleet::Fleet;

#[test]
fn a_base_update_travels_on_postgresql() -> Result<()> {
    if !require(&[Tool::Busybox, Tool::Postgres])? {
        return Ok(());
    }
    let cluster = Cluster::start(Durability::Relaxed)?;
    let database = cluster.create_database("loop")?;
    let mut fleet = Fleet::on_database(&binary()?, database)?;
    fleet.move_base()?;
    fleet.wait_for_production()?;
    let outcome = fleet.outcome()?;
    ensure!(outcome.patches == [1, 1, 1], "{outcome:?}");
    ensure!(outcome.deployed == ["1-p1", "1-p1"], "{outcome:?}");
    fleet.verify()
}

//! The log: whole by the program's own judgement, dense by ours.

use anyhow::Result;

use super::Checker;
use crate::crash::subject::Subject;

impl Checker {
    /// `refloat audit verify` finds nothing.
    pub(super) fn log(&mut self, subject: &Subject) -> Result<()> {
        self.findings.checked += 1;
        let verified = subject.refloat()?.captured(&["audit", "verify"])?;
        if !verified.status.success() {
            let said = [verified.stdout, verified.stderr].concat();
            let said = String::from_utf8_lossy(&said).trim().to_owned();
            self.findings
                .wrong
                .push(format!("refloat audit verify: {said}"));
        }
        Ok(())
    }
}

//! The fourth step: the task's tests, each in a fresh container from the pushed candidate; its exit status decides.

use super::build::Found;
use super::{Ended, Runner};
use refloat_oci::{Digest, Reference};
use std::time::Duration;

/// How often a pull of the candidate is tried.
const PULLS_MAX: u32 = 20;

impl Runner {
    /// A container from the candidate. Its registry may be on its way up again.
    fn pull(&mut self, name: &str, candidate: &str) -> Result<(), Ended> {
        let mut tries = 1;
        loop {
            let mut from = self.buildah();
            from.args(["from", "--quiet", "--name", name, candidate]);
            match self.must(from) {
                Err(Ended::Failed(_)) if tries < PULLS_MAX => {
                    tries += 1;
                    std::thread::sleep(Duration::from_secs(1));
                }
                done => return done,
            }
        }
    }

    pub(super) fn test(
        &mut self,
        found: &Found,
        destination: &Reference,
        digest: Digest,
    ) -> Result<(), Ended> {
        let candidate = format!(
            "docker://{}/{}@{digest}",
            destination.registry, destination.repository
        );
        for (number, test) in self.request.tests.clone().into_iter().enumerate() {
            let name = format!("test-{number}");
            let shown = test.join(" ");
            self.say(&format!("test: {shown}"));
            self.pull(&name, &candidate)?;
            let mut run = self.buildah();
            run.args([
                "run",
                "--network",
                "host",
                "--isolation",
                found.isolation,
                &name,
                "--",
            ])
            .args(&test);
            if let Some(code) = self.succeeds(run)? {
                return Err(Ended::Failed(format!(
                    "the test `{shown}` ended with {code}"
                )));
            }
            let mut remove = self.buildah();
            remove.args(["rm", &name]);
            self.must(remove)?;
        }
        Ok(())
    }
}

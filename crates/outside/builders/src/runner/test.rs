//! The fourth step: the tests, each in a fresh container from the candidate as its registry has it; its exit status decides.
//!
//! A run that only tests begins here. Nothing of the machine is mounted into the container, and it is removed afterwards.

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
                Err(Ended::Failed(text)) if tries < PULLS_MAX && !is_final(&text) => {
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

/// Whether a registry that answers so will say nothing else another time.
fn is_final(said: &str) -> bool {
    const SIGNS: [&str; 6] = [
        "manifest unknown",
        "name unknown",
        "unauthorized",
        "authentication required",
        "denied",
        "no image found",
    ];
    SIGNS.iter().any(|sign| said.contains(sign))
}

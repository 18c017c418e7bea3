//! Accounts, grants and documents.

use anyhow::Result;
use refloat_rig::seed::Seed;

use super::Checker;
use crate::client::Fault;
use crate::crash::subject::Subject;
use crate::ledger::history::{Account, History};

/// So many accounts sign in at each check: hashing passwords is slow on purpose.
const SIGN_INS: usize = 3;

impl Checker {
    /// The newest account and some others can sign in, and pull what they were granted; documents are there.
    pub(super) fn accounts(
        &mut self,
        subject: &Subject,
        history: &History,
        seed: &mut Seed,
    ) -> Result<()> {
        let accounts = history.accounts();
        let some = (1..SIGN_INS)
            .map(|_| usize::try_from(seed.below(accounts.len() as u64)).unwrap_or_default());
        let mut chosen: Vec<usize> = some
            .chain(accounts.len().checked_sub(1))
            .filter(|index| *index < accounts.len())
            .collect();
        chosen.dedup();
        for index in chosen {
            self.account(subject, history, &accounts[index])?;
        }
        for (kind, name) in history.documents() {
            self.findings.checked += 1;
            let got = subject
                .refloat()?
                .captured(&["get", kind, name, "--output", "json"])?;
            if !got.status.success() {
                let said = String::from_utf8_lossy(&got.stderr).trim().to_owned();
                self.findings
                    .lost
                    .push(format!("{kind} {name} was applied: {said}"));
            }
        }
        Ok(())
    }

    fn account(&mut self, subject: &Subject, history: &History, account: &Account) -> Result<()> {
        self.findings.checked += 1;
        let mut client = subject
            .client()?
            .signed_in(&account.name, &account.password);
        if let Err(fault) = client.ping() {
            self.findings
                .lost
                .push(format!("{} cannot sign in: {fault}", account.name));
            return Ok(());
        }
        for grant in history
            .grants()
            .iter()
            .filter(|grant| grant.subject == account.name)
        {
            let Some(prefix) = grant.pattern.strip_suffix("**") else {
                continue;
            };
            let within = history
                .repositories()
                .find(|(name, past)| name.starts_with(prefix) && past.tags().count() > 0);
            let Some((repository, _)) = within else {
                continue;
            };
            self.findings.checked += 1;
            match client.tags(repository) {
                Ok(Some(_)) => {}
                // The repository may never have come to be: then the administrator does not see it either.
                Ok(None) if matches!(self.client.tags(repository), Ok(None)) => {}
                Ok(None) => self
                    .findings
                    .lost
                    .push(format!("{} may not pull {repository}", account.name)),
                Err(Fault::Broken(broken)) => return Err(broken.into()),
                Err(fault) => self.findings.lost.push(format!(
                    "{} may not pull {repository}: {fault}",
                    account.name
                )),
            }
        }
        Ok(())
    }
}

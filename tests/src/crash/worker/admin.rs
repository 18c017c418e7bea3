//! The administrator's part of the traffic: accounts, grants, documents, the garbage collector, the scrub.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use refloat_rig::seed::Seed;

use crate::client::Fault;
use crate::command::Refloat;
use crate::ledger::{Ledger, Operation};

/// After so many accounts of a run no more are made: each one is signed in at every check.
const ACCOUNTS_MAX: usize = 12;

/// What an administrator does through the command line, each verb a process of its own.
#[derive(Debug)]
pub struct Admin {
    refloat: Refloat,
    ledger: Arc<Ledger>,
    seed: Seed,
}

type Step = Result<Result<(), Fault>>;

impl Admin {
    /// One that follows from `seed`.
    pub fn new(refloat: Refloat, ledger: &Arc<Ledger>, seed: u64) -> Self {
        Self {
            refloat,
            ledger: Arc::clone(ledger),
            seed: Seed::new(seed),
        }
    }

    /// Administers until it is told to stop.
    pub fn work(&mut self, stop: &AtomicBool) -> Result<()> {
        while !stop.load(Ordering::SeqCst) {
            // Every failure is an unknown outcome here: the check afterwards judges.
            let _outcome = self.step()?;
        }
        Ok(())
    }

    fn step(&mut self) -> Step {
        let name = format!("n{:x}", self.seed.next_u64());
        let many = self.ledger.history().accounts().len() >= ACCOUNTS_MAX;
        match self.seed.below(8) {
            0 if !many => self.create_user(&name),
            1 if !many => self.create_robot(&name),
            2 | 3 => self.apply_project(self.seed.clone().below(4)),
            4 | 5 => Ok(self.gc()),
            _ => Ok(self.scrub()),
        }
    }

    /// Makes a user and lets it pull.
    pub fn create_user(&self, name: &str) -> Step {
        let password = format!("password-of-{name}");
        let operation = Operation::CreateUser {
            name: name.to_owned(),
            password: password.clone(),
        };
        let verb = ["user", "create", name, "--password-stdin"];
        let made = self.ledger.record(operation, || {
            self.refloat.acknowledged(&verb, password.as_bytes())
        })?;
        if let Err(fault) = made {
            return Ok(Err(fault));
        }
        self.grant(name, "pull", "shared/**")
    }

    /// Makes a robot and lets it pull.
    pub fn create_robot(&self, name: &str) -> Step {
        let operation = Operation::CreateRobot {
            name: name.to_owned(),
        };
        let verb = ["robot", "create", name, "--quiet"];
        let token = |said: &String| said.split_whitespace().last().map(str::to_owned);
        let made = self.ledger.record_noting(
            operation,
            || self.refloat.acknowledged(&verb, b""),
            token,
        )?;
        if let Err(fault) = made {
            return Ok(Err(fault));
        }
        self.grant(name, "pull", "shared/**")
    }

    /// Writes a grant.
    pub fn grant(&self, subject: &str, actions: &str, pattern: &str) -> Step {
        let operation = Operation::Grant {
            subject: subject.to_owned(),
            actions: actions.to_owned(),
            pattern: pattern.to_owned(),
        };
        let verb = ["grant", subject, actions, pattern];
        let granted = self
            .ledger
            .record(operation, || self.refloat.acknowledged(&verb, b""))?;
        Ok(granted.map(drop))
    }

    /// Applies one of a few projects.
    pub fn apply_project(&self, number: u64) -> Step {
        let name = format!("p{number}");
        let text =
            format!("apiVersion: refloat/v1\nkind: Project\nname: {name}\nprefixes: [of-{name}]\n");
        let file = self.refloat.home().join(format!("{name}.yaml"));
        std::fs::write(&file, text)?;
        let file = file.display().to_string();
        let operation = Operation::Apply {
            document_kind: "Project".to_owned(),
            name,
        };
        let applied = self.ledger.record(operation, || {
            self.refloat.acknowledged(&["apply", "-f", &file], b"")
        })?;
        Ok(applied.map(drop))
    }

    /// Asks for a run of the garbage collector.
    pub fn gc(&self) -> Result<(), Fault> {
        self.refloat.acknowledged(&["gc"], b"").map(drop)
    }

    /// Asks for a look at every stored byte.
    pub fn scrub(&self) -> Result<(), Fault> {
        self.refloat.acknowledged(&["scrub"], b"").map(drop)
    }
}

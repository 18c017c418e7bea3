//! A network of its own: loopback and one address that no client trusts blindly.
//!
//! docker and containerd accept plain HTTP and any certificate on 127.0.0.0/8. Inside a
//! namespace the server has the address [`ADDRESS`], where they verify what they are shown.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;

use crate::leftover::Leftover;
use crate::run;

/// The address on the loopback device of every namespace, besides 127.0.0.1.
pub const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 1));

/// A network namespace, shared by all who hold a clone; deleted when the last one is
/// dropped. The kernel keeps it until its last process has ended.
#[derive(Debug, Clone)]
pub struct Namespace(Arc<Named>);

#[derive(Debug)]
struct Named {
    name: String,
    _leftover: Leftover,
}

impl Namespace {
    /// Makes one with loopback up. Needs root.
    pub fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("refloat-{}-{number}", std::process::id());
        let leftover = Leftover::register(&format!("ip netns delete {name}"));
        run::checked(Command::new("ip").args(["netns", "add", &name]))?;
        let namespace = Self(Arc::new(Named {
            name,
            _leftover: leftover,
        }));
        let address = format!("{ADDRESS}/32");
        run::checked(namespace.command("ip").args(["link", "set", "lo", "up"]))?;
        run::checked(
            namespace
                .command("ip")
                .args(["address", "add", &address, "dev", "lo"]),
        )?;
        Ok(namespace)
    }

    /// What `ip netns` calls it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// A command that will run inside. Only the network changes: unlike `ip netns exec`
    /// this leaves /sys as it is, where daemons look for their control groups.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/run/netns/{}", self.0.name))
            .arg("--")
            .arg(program);
        command
    }

    /// Runs a program inside to its end; see [`run::checked`].
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        run::stdout(self.command(program).args(arguments))
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _gone = run::captured(Command::new("ip").args(["netns", "delete", &self.name]));
    }
}

/// `program` inside `namespace`, or here without one.
pub fn command_in(namespace: Option<&Namespace>, program: impl AsRef<OsStr>) -> Command {
    namespace.map_or_else(
        || Command::new(program.as_ref()),
        |namespace| namespace.command(program.as_ref()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tool, require};

    #[test]
    fn it_has_the_address_and_is_deleted() -> Result<()> {
        if !require(&[Tool::Ip])? {
            return Ok(());
        }
        let namespace = Namespace::new()?;
        let seen = namespace.run("ip", &["-brief", "address", "show", "lo"])?;
        assert!(
            seen.contains("127.0.0.1/8") && seen.contains("10.99.0.1/32"),
            "{seen}"
        );
        let path = format!("/run/netns/{}", namespace.name());
        assert!(std::path::Path::new(&path).exists());
        drop(namespace);
        assert!(!std::path::Path::new(&path).exists());
        Ok(())
    }
}

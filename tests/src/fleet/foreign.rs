//! The same world in which a registry of somebody else holds every image; the home server has the chart alone.

use super::{Fleet, Layers, Upstream, push_as};
use crate::client::Client;
use anyhow::{Context, Result, bail};
use refloat_rig::foreign::{Access, Program, Registry};
use refloat_rig::image::digest_of;
use refloat_rig::network;
use refloat_rig::server::{Server, ServerOptions};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Who may use the registry.
const USER: &str = "refloat";
/// Its password.
pub(super) const PASSWORD: &str = "the password of the registry";

/// A world whose names stay the same, however often it is made anew: digests of patched images contain them.
#[derive(Debug)]
pub struct ForeignWorld {
    program: PathBuf,
    kind: Program,
    address: SocketAddr,
}

/// The registry, and how to speak to it.
#[derive(Debug)]
pub(super) struct Held {
    registry: Registry,
}

impl Held {
    pub(super) fn client(&self) -> Client {
        Client::new(self.registry.address()).signed_in(USER, PASSWORD)
    }

    pub(super) fn authority(&self) -> String {
        self.registry.address().to_string()
    }
}

impl ForeignWorld {
    /// A world with a registry of this kind.
    pub fn new(program: &Path, kind: Program) -> Result<Self> {
        Ok(Self {
            program: program.to_owned(),
            kind,
            address: network::free_address()?,
        })
    }

    /// Makes it, up to the first release.
    pub fn settle(&self) -> Result<Fleet> {
        self.settle_with(ServerOptions::default())
    }

    /// As [`ForeignWorld::settle`], with more to say about the home server.
    pub fn settle_with(&self, options: ServerOptions) -> Result<Fleet> {
        let folder = tempfile::tempdir()?;
        let access = Access::Password {
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
        };
        let registry = Registry::start_at(self.kind, &access, self.address)?;
        let home = Server::start_program(&self.program, options)?;
        let release = self.release(&folder.path().join("out"));
        let mut fleet = Fleet {
            folder,
            upstream: Upstream::Foreign(Held { registry }),
            home,
            program: self.program.clone(),
        };
        fleet.settle(&self.documents(), &release)?;
        Ok(fleet)
    }

    /// What somebody types who has a registry already: what is watched there, what opens it, what may be patched in it.
    fn documents(&self) -> String {
        let host = self.address;
        format!(
            "apiVersion: refloat/v1\nkind: Upstream\nname: theirs\nregistry: {host}\ncredential: theirs\n\
             watch: [\"library/os:1\", \"team/runtime:1\", \"apps/a:1*\", \"apps/b:*\"]\nevery: 1s\n---\n\
             apiVersion: refloat/v1\nkind: Credential\nname: theirs\nfor: {host}\nusername: {USER}\n\
             password: {{ file: upstream-password }}\n---\n\
             apiVersion: refloat/v1\nkind: RepositoryPolicy\nmatch: \"{host}/team/**\"\npatch: {{ method: rebase, allow: proven }}\n---\n\
             apiVersion: refloat/v1\nkind: RepositoryPolicy\nmatch: \"{host}/apps/**\"\npatch: {{ method: rebase, allow: proven }}\n"
        )
    }

    fn release(&self, out: &Path) -> String {
        let (host, out) = (self.address, out.display());
        format!(
            "apiVersion: refloat/v1\nkind: Release\nname: shop\nchart: charts/shop:1.0.0\npublish: charts/shop\n\
             images:\n  a.image: {{ repository: \"{host}/apps/a\", tags: \"tag:1\" }}\n  \
             b.image: {{ repository: \"{host}/apps/b\", tags: \"tag:1\" }}\n\
             values: [values.yaml]\nenvironments:\n  - name: staging\n    target: {{ folder: \"{out}/staging\" }}\n  \
             - name: production\n    after: staging\n    target: {{ folder: \"{out}/production\" }}\nupdate: [image]\n"
        )
    }
}

/// The next base, pushed to the foreign registry, with nothing watched that names it yet.
#[derive(Debug)]
pub struct NextBase {
    storage: PathBuf,
    manifest: String,
    /// Its configuration.
    pub config: String,
    /// Its newest layer.
    pub layer: String,
}

impl NextBase {
    /// The file in which the registry keeps a blob of it.
    pub fn file(&self, digest: &str) -> Result<PathBuf> {
        let hex = digest.strip_prefix("sha256:").context("a digest")?;
        let file = format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]);
        Ok(self.storage.join(file))
    }

    /// Lets the watched tag name it, as a registry whose disk went bad would: no request checks anything.
    pub fn arrive(&self) -> Result<()> {
        let tag = "docker/registry/v2/repositories/library/os/_manifests/tags/1/current/link";
        let path = self.storage.join(tag);
        fs::write(&path, &self.manifest).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Fleet {
    /// Pushes the next base under a tag that nobody watches.
    pub fn next_base(&mut self) -> Result<NextBase> {
        let Upstream::Foreign(held) = &self.upstream else {
            bail!("this world's base is not in a foreign registry");
        };
        let layers = Layers::new()?;
        let image = Layers::image(&[&layers.os, &layers.patch])?;
        push_as(&mut held.client(), "library/os", "next", &image)?;
        Ok(NextBase {
            storage: held.registry.storage(),
            manifest: image.digest(),
            config: digest_of(image.config()),
            layer: layers.patch.digest().to_owned(),
        })
    }
}

//! Everything that is real, wired together in the order in which data flows: keys, rows, bytes, use cases, faces.
//!
//! This is the one place that sees both sides. Nothing here decides anything.

use crate::configuration::{Configuration, TlsPaths};
use crate::first_start;
use crate::foreign::ForeignPlaces;
use anyhow::{Context, Result};
use refloat_builders::{Buildah, BuildahOptions, GitProgram};
use refloat_builds::Builds;
use refloat_files::LocalBlobs;
use refloat_flow::administer::{self, Places};
use refloat_flow::executors::Tasks;
use refloat_flow::sign_in::{Passwords, SigningKey, TokenNames};
use refloat_flow::upkeep::Upkeep;
use refloat_flow::{Administration, Limits, Registry, SignIn};
use refloat_folder::FolderDeployer;
use refloat_http::{Entry, Metrics, Readiness, Server, Settings, Tls};
use refloat_kubernetes::{Files, KubernetesDeployer};
use refloat_oci::RegistryHost;
use refloat_patches::{Patches, ServerPlaces};
use refloat_ports::Blobs;
use refloat_registry::{Face, Links, token_service};
use refloat_releases::{Releases, World};
use refloat_store::accounts::{self, AdminMade};
use refloat_store::log::{CursorKey, SegmentKey};
use refloat_store::secrets::{self, MasterKey, ServerKey};
use refloat_store::{Store, StoreOptions};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// The id of the only master key there is, until keys are rotated.
const MASTER_KEY_ID: u8 = 1;
/// A request body that brings nothing for this long is broken off.
const BODY_IDLE_MAX: Duration = Duration::from_mins(1);
/// The account of the first start.
const ADMIN: &str = "admin";
/// How many builds run at once if nothing says otherwise.
const BUILDS_AT_ONCE: i64 = 2;
/// Where its password is written, in the data folder.
const ADMIN_PASSWORD_FILE: &str = "admin-password";

/// A server that is ready to run, and the work behind it that must end in order.
pub struct Wired {
    /// Listens.
    pub server: Server<Face>,
    /// Jobs, executors and durable work.
    pub tasks: Tasks,
}

/// Builds all of it.
///
/// # Errors
/// One that names the part that cannot be opened, and why.
pub async fn wire(
    configuration: &Configuration,
    public_url: &str,
    listener: TcpListener,
) -> Result<Wired> {
    let store = open_store(configuration).await?;
    let master = MasterKey::new(
        MASTER_KEY_ID,
        first_start::master_key(&configuration.key_file)?,
    );
    let keys = Keys::of(&store, &master).await?;
    let blobs = open_blobs(configuration)?;

    let links = Links::new(public_url)?;
    let names = TokenNames {
        issuer: public_url.to_owned(),
        service: links.host().to_owned(),
    };
    let passwords = Passwords::new()?;
    first_account(configuration, &store, &passwords).await?;
    let sign_in = SignIn::new(store.clone(), passwords.clone(), &keys.tokens, names)?;
    let registry = Registry::new(store.clone(), Arc::clone(&blobs), limits(configuration));
    let administration_keys = administer::Keys {
        master: master.clone(),
        cursors: keys.cursors,
    };
    let places = Places {
        data: configuration.data.clone(),
        blobs: configuration.blobs().to_owned(),
    };
    let administration = Administration::new(
        store.clone(),
        registry.clone(),
        passwords,
        administration_keys,
        places,
    );
    let builds = builds(configuration, &store, &registry, &master, links.host())?;
    store
        .write(|tx| Box::pin(refloat_store::jobs::take_over(tx)))
        .await?;
    registry.start_upkeep(&upkeep(configuration, keys.segments));
    builds.start(registry.tasks(), &owner());
    let patches = patches(&store, &registry, &master, links.host(), &builds)?;
    patches.start(registry.tasks(), &owner());
    let releases = releases(configuration, &store, &registry, &master, links.host());
    releases.start(registry.tasks(), &owner());

    let metrics = Arc::new(Metrics::default());
    let face = Face::new(registry.clone(), sign_in.clone(), links);
    let others = token_service(face.clone())
        .merge(refloat_http::operations(
            Arc::clone(&metrics),
            readiness(store, blobs),
        ))
        .merge(refloat_api::router(refloat_api::Api::new(
            administration,
            registry.clone(),
            sign_in,
            builds,
            patches,
            releases,
        )));
    let entry = Entry::new(face, others, metrics, BODY_IDLE_MAX);
    let tls = configuration.tls.as_ref().map(open_tls).transpose()?;
    Ok(Wired {
        server: Server::new(listener, tls, Settings::default(), entry),
        tasks: registry.tasks().clone(),
    })
}

/// The keys in the secrets table, made when the database was first opened.
struct Keys {
    tokens: SigningKey,
    segments: Arc<SegmentKey>,
    cursors: CursorKey,
}

impl Keys {
    async fn of(store: &Store, master: &MasterKey) -> Result<Self> {
        let tokens = server_key(store, master, ServerKey::Tokens).await?;
        let segments = server_key(store, master, ServerKey::Checkpoints).await?;
        let cursors = server_key(store, master, ServerKey::Cursors).await?;
        Ok(Self {
            tokens: SigningKey {
                id: "1".to_owned(),
                bytes: refloat_core::Secret::new(tokens.expose().to_vec()),
            },
            segments: Arc::new(SegmentKey::from_seed(&segments)?),
            cursors: CursorKey::new(&refloat_core::Secret::new(cursors.expose().to_vec()))?,
        })
    }
}

async fn server_key(
    store: &Store,
    master: &MasterKey,
    key: ServerKey,
) -> Result<refloat_core::Secret<[u8; secrets::KEY_BYTES]>> {
    let master = master.clone();
    let opened = store.write(move |tx| {
        let master = master.clone();
        Box::pin(async move { secrets::server_key(tx, &master, key).await })
    });
    opened.await.context("the stored keys do not open")
}

async fn open_store(configuration: &Configuration) -> Result<Store> {
    make_folder(&configuration.data).with_context(|| {
        format!(
            "cannot make the data folder {}",
            configuration.data.display()
        )
    })?;
    let options = match &configuration.database {
        Some(url) => StoreOptions::Postgres { url: url.clone() },
        None => StoreOptions::Sqlite {
            folder: configuration.data.clone(),
        },
    };
    Ok(Store::open(options).await?)
}

fn open_blobs(configuration: &Configuration) -> Result<Arc<dyn Blobs>> {
    let folder = configuration.blobs();
    let name = folder.display();
    make_folder(folder).with_context(|| format!("cannot make the folder of the blobs {name}"))?;
    let blobs = LocalBlobs::open(folder)
        .with_context(|| format!("cannot open the folder of the blobs {name}"))?;
    Ok(Arc::new(blobs))
}

/// Makes the folder and what is missing above it, and has their names on disk: a power cut that takes the name of a
/// folder away takes everything in it.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    let named = |path: &&Path| !path.as_os_str().is_empty();
    let missing: Vec<&Path> = folder
        .ancestors()
        .filter(named)
        .take_while(|path| !path.exists())
        .collect();
    std::fs::create_dir_all(folder)?;
    for made in missing {
        let above = made.parent().filter(named).unwrap_or(Path::new("."));
        std::fs::File::open(above)?.sync_all()?;
    }
    Ok(())
}

fn open_tls(files: &TlsPaths) -> Result<Arc<Tls>> {
    let files = refloat_http::TlsFiles {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        client_ca: files.client_ca.clone(),
    };
    Ok(Arc::new(Tls::open(files)?))
}

fn limits(configuration: &Configuration) -> Limits {
    let mut limits = Limits::default();
    if let Some(grace) = configuration.keep.gc_grace {
        limits.collect.grace_seconds = grace.seconds();
    }
    if let Some(every) = configuration.keep.scrub_every {
        limits.scrub_interval_seconds = every.seconds();
    }
    limits
}

/// Runs of tasks, by buildah on this machine.
fn builds(
    configuration: &Configuration,
    store: &Store,
    registry: &Registry,
    master: &MasterKey,
    host: &str,
) -> Result<Builds> {
    let builder = Buildah::new(BuildahOptions {
        folder: crate::builds::runs_folder(&configuration.data)?,
        runner: crate::builds::runner_command()?,
        user: configuration.runner.user.clone(),
    });
    Ok(Builds::new(refloat_builds::Parts {
        store: store.clone(),
        registry: registry.clone(),
        master: master.clone(),
        host: host.parse().context("the host of public_url")?,
        builder: Arc::new(builder),
        git: Arc::new(GitProgram),
        places: Arc::new(ForeignPlaces::new(store.clone(), master.clone())?),
        concurrency: configuration.runner.concurrency.unwrap_or(BUILDS_AT_ONCE),
    }))
}

/// The loop: the graph, the watcher, cascades.
fn patches(
    store: &Store,
    registry: &Registry,
    master: &MasterKey,
    host: &str,
    builds: &Builds,
) -> Result<Patches> {
    let host: RegistryHost = host.parse().context("the host of public_url")?;
    let foreign = Arc::new(ForeignPlaces::new(store.clone(), master.clone())?);
    let places = ServerPlaces::new(registry.clone(), host.clone(), foreign);
    Ok(Patches::new(refloat_patches::Parts {
        store: store.clone(),
        registry: registry.clone(),
        host,
        places: Arc::new(places),
        builds: builds.clone(),
        cache: Arc::new(refloat_patches::BoundedCache::new()),
    }))
}

/// Releases, to folders and clusters.
fn releases(
    configuration: &Configuration,
    store: &Store,
    registry: &Registry,
    master: &MasterKey,
    host: &str,
) -> Releases {
    let world = World {
        master: master.clone(),
        host: host.to_owned(),
        git: Arc::new(GitProgram),
        folders: Arc::new(FolderDeployer::new(configuration.data.clone())),
        clusters: Arc::new(KubernetesDeployer::new(Files::Refuse)),
    };
    Releases::new(store.clone(), registry.clone(), world)
}

/// What this process is called where people see leases.
fn owner() -> String {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    format!("{host}/{}", std::process::id())
}

fn upkeep(configuration: &Configuration, segment_key: Arc<SegmentKey>) -> Upkeep {
    let mut upkeep = Upkeep::new(owner(), segment_key);
    if let Some(keep) = configuration.keep.log_bodies {
        upkeep.retention.body_seconds = keep.seconds();
    }
    upkeep
}

/// The first start of a database: whoever inserts `admin` has written its password down before.
async fn first_account(
    configuration: &Configuration,
    store: &Store,
    passwords: &Passwords,
) -> Result<()> {
    let exists = store
        .read(|tx| Box::pin(accounts::has_administrator(tx)))
        .await?;
    if exists {
        return Ok(());
    }
    let path = configuration.data.join(ADMIN_PASSWORD_FILE);
    let password = first_start::admin_password(&path)?;
    let hash = refloat_core::Secret::new(passwords.hash(&password).await?);
    let made = store.write(move |tx| {
        let hash = hash.clone();
        Box::pin(async move { accounts::ensure_admin(tx, ADMIN, &hash).await })
    });
    match made.await? {
        AdminMade::Here(_) => {
            tracing::info!(file = %path.display(), "the user admin was made; its password is in the file");
        }
        AdminMade::Before => tracing::info!("another process made the user admin first"),
    }
    Ok(())
}

fn readiness(store: Store, blobs: Arc<dyn Blobs>) -> Readiness {
    Arc::new(move || {
        let (store, blobs) = (store.clone(), Arc::clone(&blobs));
        Box::pin(async move {
            let rows = store
                .read(|tx| Box::pin(accounts::has_administrator(tx)))
                .await;
            rows.map_err(|error| format!("database: {error}"))?;
            let bytes = blobs.list(None, 1).await;
            bytes.map(drop).map_err(|error| format!("blobs: {error}"))
        })
    })
}

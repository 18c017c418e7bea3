//! How this process runs: `serve --config FILE`, its keys, and what the command line says above it.
//!
//! Never applied as a document. A key that is not known is an error with its line; a key of what is not built is refused
//! by name.

mod duration;
#[cfg(test)]
mod tests;

use duration::Span;
use refloat_core::Secret;
use refloat_documents::{DocumentError, Fields, Node, NodeValue};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};

/// Where the server listens if nothing says otherwise.
pub(crate) const LISTEN_DEFAULT: &str = "127.0.0.1:5000";
/// Where the data lies if nothing says otherwise.
pub(crate) const DATA_DEFAULT: &str = "./refloat-data";

/// What the command line says; it wins over the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    /// `--config`
    pub(crate) config: Option<PathBuf>,
    /// `--data`
    pub(crate) data: Option<PathBuf>,
    /// `--listen`
    pub(crate) listen: Option<String>,
}

/// A whole configuration, checked as far as it can be without opening anything.
#[derive(Debug, Clone)]
pub(crate) struct Configuration {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Host in tokens and links; `None` takes the listen address.
    pub(crate) public_url: Option<String>,
    /// The data folder.
    pub(crate) data: PathBuf,
    /// PostgreSQL instead of SQLite in the data folder.
    pub(crate) database: Option<Secret<String>>,
    /// A folder of blobs that several processes may share, instead of files in the data folder.
    pub(crate) blobs_folder: Option<PathBuf>,
    /// Certificate, key and the authority of clients.
    pub(crate) tls: Option<TlsPaths>,
    /// The key of the secrets table.
    pub(crate) key_file: PathBuf,
    /// Who builds.
    pub(crate) runner: Runner,
    /// How long things are kept.
    pub(crate) keep: Keep,
}

/// `runner:`, who builds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Runner {
    /// How many builds at once; `None` is two.
    pub(crate) concurrency: Option<i64>,
    /// The account that runners run as; `None` is the server's own.
    pub(crate) user: Option<String>,
}

/// How long things are kept and left alone; `None` takes the default of the part that does it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Keep {
    /// `gc.grace`: bytes that nothing uses.
    pub(crate) gc_grace: Option<Span>,
    /// `scrub.every`: how long a stored byte may stay unread.
    pub(crate) scrub_every: Option<Span>,
    /// `log.keep`: bodies of records and personal data.
    pub(crate) log_bodies: Option<Span>,
}

/// Files of `tls:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsPaths {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) client_ca: Option<PathBuf>,
}

/// Reads the file, if there is one, and puts the command line above it.
///
/// # Errors
/// Two lines of text: what is wrong with which line of which file, and what to do.
pub(crate) fn read(flags: &Flags) -> anyhow::Result<Configuration> {
    let Some(file) = &flags.config else {
        return assemble(flags, FileKeys::default()).map_err(|error| anyhow::anyhow!("{error}"));
    };
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| {
        anyhow::anyhow!(
            "configuration {name} cannot be read: {error}\ncorrect the path behind --config"
        )
    })?;
    let keys = parse(&text).and_then(|keys| assemble(flags, keys));
    keys.map_err(|error| anyhow::anyhow!("{}\n{}", error.located(&name), error.advice))
}

/// The keys of the file, each as written.
#[derive(Debug, Default)]
struct FileKeys {
    listen: Option<(u64, String)>,
    public_url: Option<String>,
    data: Option<PathBuf>,
    database: Option<Secret<String>>,
    blobs_folder: Option<PathBuf>,
    tls: Option<TlsPaths>,
    key_file: Option<PathBuf>,
    runner: Runner,
    keep: Keep,
}

fn parse(text: &str) -> Result<FileKeys, DocumentError> {
    let mut nodes = Node::read_yaml(text)?;
    let node = match nodes.len() {
        0 => return Ok(FileKeys::default()),
        1 => nodes.remove(0),
        _ => {
            let message = "the configuration is one YAML document";
            return Err(DocumentError::invalid(
                nodes[1].line,
                message,
                "documents are given to `refloat apply`",
            ));
        }
    };
    let mut fields = Fields::of(node, "the configuration")?;
    let keys = FileKeys {
        listen: fields.text("listen")?.map(|text| (text.line, text.value)),
        public_url: public_url(&mut fields)?,
        data: path(&mut fields, "data")?,
        database: database(&mut fields)?,
        blobs_folder: blobs(&mut fields)?,
        tls: tls(&mut fields)?,
        key_file: path(&mut fields, "key_file")?,
        runner: runner(&mut fields)?,
        keep: Keep {
            gc_grace: span_below(&mut fields, "gc", "grace")?,
            scrub_every: span_below(&mut fields, "scrub", "every")?,
            log_bodies: span_below(&mut fields, "log", "keep")?,
        },
    };
    fields.finish()?;
    Ok(keys)
}

fn path(fields: &mut Fields, key: &'static str) -> Result<Option<PathBuf>, DocumentError> {
    Ok(fields.text(key)?.map(|text| PathBuf::from(text.value)))
}

/// The span of time at `owner: { key: SPAN }`.
fn span_below(
    fields: &mut Fields,
    owner: &'static str,
    key: &'static str,
) -> Result<Option<Span>, DocumentError> {
    let Some(node) = fields.take(owner) else {
        return Ok(None);
    };
    let mut below = Fields::of(node, owner)?;
    let span = below.parsed(key)?.map(|span| span.value);
    below.finish()?;
    Ok(span)
}

fn required_path(fields: &mut Fields, key: &'static str) -> Result<PathBuf, DocumentError> {
    Ok(PathBuf::from(fields.required_text(key)?.value))
}

fn public_url(fields: &mut Fields) -> Result<Option<String>, DocumentError> {
    let Some(text) = fields.text("public_url")? else {
        return Ok(None);
    };
    let url = text.value.trim_end_matches('/');
    let host = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    if host.is_some_and(|host| host.parse::<refloat_oci::RegistryHost>().is_ok()) {
        return Ok(Some(url.to_owned()));
    }
    let message = format!(
        "public_url `{}` is not an address",
        text.value.chars().take(200).collect::<String>()
    );
    Err(DocumentError::invalid(
        text.line,
        message,
        "write https://host or https://host:port without a path",
    ))
}

fn database(fields: &mut Fields) -> Result<Option<Secret<String>>, DocumentError> {
    let Some(text) = fields.text("database")? else {
        return Ok(None);
    };
    if text.value.starts_with("postgres://") || text.value.starts_with("postgresql://") {
        return Ok(Some(Secret::new(text.value)));
    }
    // The value may contain a password: it is not repeated.
    Err(DocumentError::invalid(
        text.line,
        "`database` is not a known address",
        "write postgres://user:password@host:port/name, or leave it out for SQLite",
    ))
}

fn blobs(fields: &mut Fields) -> Result<Option<PathBuf>, DocumentError> {
    let Some(node) = fields.take("blobs") else {
        return Ok(None);
    };
    let mut blobs = Fields::of(node, "blobs")?;
    blobs.refuse_unbuilt(&["s3"])?;
    let folder = required_path(&mut blobs, "folder")?;
    blobs.finish()?;
    Ok(Some(folder))
}

fn runner(fields: &mut Fields) -> Result<Runner, DocumentError> {
    let Some(node) = fields.take("runner") else {
        return Ok(Runner::default());
    };
    let mut runner = Fields::of(node, "runner")?;
    for builder in runner.texts("builders")? {
        if builder.value != "buildah" {
            let what = format!(
                "builder {} of runner",
                builder.value.chars().take(80).collect::<String>()
            );
            return Err(DocumentError::unsupported(builder.line, &what));
        }
    }
    let concurrency = match runner.take("concurrency") {
        None => None,
        Some(node) => match node.value {
            NodeValue::Int(number) if (1..=64).contains(&number) => Some(number),
            _ => {
                let message = "`concurrency` is not a number between 1 and 64";
                return Err(DocumentError::invalid(
                    node.line,
                    message,
                    "write concurrency: 2",
                ));
            }
        },
    };
    let user = runner.text("user")?;
    if let Some(user) = &user {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if user.value.starts_with('-') || user.value.is_empty() || !user.value.bytes().all(fits) {
            return Err(DocumentError::invalid(
                user.line,
                "`user` is no account",
                "write the name of an account of the machine",
            ));
        }
    }
    runner.finish()?;
    Ok(Runner {
        concurrency,
        user: user.map(|user| user.value),
    })
}

fn tls(fields: &mut Fields) -> Result<Option<TlsPaths>, DocumentError> {
    let Some(node) = fields.take("tls") else {
        return Ok(None);
    };
    let mut tls = Fields::of(node, "tls")?;
    let paths = TlsPaths {
        certificate: required_path(&mut tls, "certificate")?,
        key: required_path(&mut tls, "key")?,
        client_ca: path(&mut tls, "client_ca")?,
    };
    tls.finish()?;
    Ok(Some(paths))
}

fn assemble(flags: &Flags, keys: FileKeys) -> Result<Configuration, DocumentError> {
    let (line, listen) = match &flags.listen {
        Some(text) => (0, text.clone()),
        None => keys.listen.unwrap_or((0, LISTEN_DEFAULT.to_owned())),
    };
    let data = flags
        .data
        .clone()
        .or(keys.data)
        .unwrap_or_else(|| PathBuf::from(DATA_DEFAULT));
    Ok(Configuration {
        listen: address(line, &listen)?,
        public_url: keys.public_url,
        key_file: keys.key_file.unwrap_or_else(|| data.join("master-key")),
        data,
        database: keys.database,
        blobs_folder: keys.blobs_folder,
        tls: keys.tls,
        runner: keys.runner,
        keep: keys.keep,
    })
}

/// `host:port`; a host is looked up once, here.
fn address(line: u64, text: &str) -> Result<SocketAddr, DocumentError> {
    let found = text
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next());
    found.ok_or_else(|| {
        let message = format!("`{text}` is not an address to listen on");
        DocumentError::invalid(
            line,
            message,
            format!("write host:port, for example {LISTEN_DEFAULT}"),
        )
    })
}

impl Configuration {
    /// The folder in which blobs lie.
    pub(crate) fn blobs(&self) -> &Path {
        self.blobs_folder.as_deref().unwrap_or(&self.data)
    }
}

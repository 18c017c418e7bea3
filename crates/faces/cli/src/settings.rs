//! What holds for every verb: the server, the form of the output, the project.

use crate::arguments::{Format, Global};
use crate::client::{Client, ServerUrl};
use crate::error::CliError;
use refloat_oci::{Reference, RegistryHost};

/// The global flags, resolved.
pub(crate) struct Settings {
    pub(crate) output: Format,
    pub(crate) quiet: bool,
    pub(crate) project: Option<String>,
    pub(crate) detailed_exit_code: bool,
    server: Option<String>,
}

impl Settings {
    pub(crate) fn new(global: Global) -> Self {
        Self {
            output: global.output,
            quiet: global.quiet,
            project: global.project,
            detailed_exit_code: global.detailed_exitcode,
            server: global.server.filter(|text| !text.is_empty()),
        }
    }

    /// Whether Graphviz's language was asked for.
    pub(crate) fn wants_dot(&self) -> bool {
        self.output == Format::Dot
    }

    /// The configured server's address, if there is one.
    pub(crate) fn server(&self) -> Result<Option<ServerUrl>, CliError> {
        self.server.as_deref().map(str::parse).transpose()
    }

    /// A client of the configured server.
    ///
    /// # Errors
    /// If none is configured.
    pub(crate) fn client(&self) -> Result<Client, CliError> {
        let server = self.server()?.ok_or_else(|| {
            CliError::usage(
                "no server is configured",
                "set --server URL or REFLOAT_SERVER, for example http://127.0.0.1:5000",
            )
        })?;
        Client::new(server)
    }

    /// A reference, and a client of the registry it lies in.
    pub(crate) fn reference(&self, text: &str) -> Result<(Client, Reference), CliError> {
        let server = self.server()?;
        let host = server.as_ref().map(|server| server.host.clone());
        let reference = Reference::parse(text, host.as_ref())?;
        let server = match server {
            Some(server) if server.host == reference.registry => server,
            _ => ServerUrl::of_host(reference.registry.clone()),
        };
        Ok((Client::new(server)?, reference))
    }

    /// The host that a short name would lie on, for messages.
    pub(crate) fn host(&self) -> Option<RegistryHost> {
        self.server().ok().flatten().map(|server| server.host)
    }
}

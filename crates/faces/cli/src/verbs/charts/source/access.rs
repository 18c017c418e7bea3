//! What is wished of a chart's place, and how that place is reached.

use crate::Local;
use crate::arguments::{AccessArguments, KeyringArguments, SourceArguments};
use crate::error::CliError;
use crate::settings::Settings;
use crate::verbs::charts::places::{ProvenanceFile, Reach, RepositoryLogin};
use crate::verbs::charts::repositories;
use refloat_chart::Chart;
use refloat_chart::package::file_name;
use refloat_oci::Location;

/// The range that `--devel` stands for.
const DEVEL: &str = ">0.0.0-0";

/// What of a chart's source does not stand in its name.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::verbs::charts) struct Wish<'a> {
    /// A version or a range, where the name has no tag.
    pub(in crate::verbs::charts) version: Option<&'a str>,
    /// The classic repository that the name is one in.
    pub(in crate::verbs::charts) repo: Option<&'a str>,
    /// Whose signature it must have.
    pub(in crate::verbs::charts) keyring: Option<&'a KeyringArguments>,
    /// The account.
    pub(in crate::verbs::charts) access: Option<&'a AccessArguments>,
}

impl<'a> Wish<'a> {
    /// What the flags say.
    pub(in crate::verbs::charts) fn of(arguments: &'a SourceArguments) -> Self {
        Self {
            version: arguments
                .version
                .as_deref()
                .or(arguments.devel.then_some(DEVEL)),
            repo: arguments.repo.as_deref(),
            keyring: arguments.verify.then_some(&arguments.keyring),
            access: Some(&arguments.access),
        }
    }

    /// Any version, with this account.
    pub(in crate::verbs::charts) fn with(access: &'a AccessArguments) -> Self {
        Self {
            access: Some(access),
            ..Self::default()
        }
    }

    /// A classic repository with what was given for it.
    pub(in crate::verbs::charts) fn login(
        &self,
        mut login: RepositoryLogin,
    ) -> Result<RepositoryLogin, CliError> {
        let Some(access) = self.access else {
            return Ok(login);
        };
        checked(access)?;
        if let Some(username) = &access.username {
            login.username.clone_from(username);
            login.password = access.password.clone().unwrap_or_default();
        }
        let files = [
            (&access.ca_file, &mut login.authorities),
            (&access.cert_file, &mut login.certificate),
            (&access.key_file, &mut login.key),
        ];
        for (given, kept) in files {
            if given.is_some() {
                kept.clone_from(given);
            }
        }
        login.account_everywhere |= access.pass_credentials;
        Ok(login)
    }

    /// A registry with what was given for it.
    pub(in crate::verbs::charts) fn reach(
        &self,
        place: &Location,
        settings: &Settings,
    ) -> Result<Reach, CliError> {
        let mut reach = Reach {
            server: settings.host(),
            account: None,
        };
        let Some(access) = self.access else {
            return Ok(reach);
        };
        checked(access)?;
        let files = [&access.ca_file, &access.cert_file, &access.key_file];
        if files.into_iter().any(Option::is_some) {
            return Err(declined(
                "certificate files for a registry",
                "set SSL_CERT_FILE to the authorities that are trusted",
            ));
        }
        if let Location::Registry(reference) = place
            && access.plain_http
            && !reference.registry.is_loopback()
        {
            return Err(declined(
                &format!("--plain-http to {}", reference.registry),
                "HTTP is spoken on loopback alone; give the registry a certificate",
            ));
        }
        if let Some(username) = &access.username {
            let password = access.password.clone().unwrap_or_default();
            reach.account = Some((username.clone(), password));
        }
        Ok(reach)
    }
}

fn checked(access: &AccessArguments) -> Result<(), CliError> {
    if access.insecure_skip_tls_verify {
        return Err(declined(
            "--insecure-skip-tls-verify",
            "trust its authority by --ca-file, or SSL_CERT_FILE for a registry",
        ));
    }
    Ok(())
}

/// Something that is left out on purpose, and what to do instead.
pub(in crate::verbs::charts) fn declined(what: &str, advice: &str) -> CliError {
    CliError::failed("unsupported", format!("unsupported: {what}"), advice)
}

/// Where a fetched chart lies.
pub(in crate::verbs::charts) enum Origin {
    /// In a registry or layout.
    Place(Location),
    /// In a classic repository, at an address.
    Repository(String, RepositoryLogin),
}

impl Origin {
    /// The chart's provenance file, if it has one.
    pub(in crate::verbs::charts) fn provenance(
        &self,
        wish: &Wish<'_>,
        settings: &Settings,
        local: &Local,
    ) -> ProvenanceFile {
        match self {
            Self::Place(place) => (local.charts.provenance)(place, &wish.reach(place, settings)?),
            Self::Repository(address, login) => (local.charts.file_provenance)(address, login),
        }
    }

    /// Named after the reference or address, as helm names it; the chart inside may be called otherwise.
    pub(in crate::verbs::charts) fn file_name(&self, chart: &Chart) -> String {
        match self {
            Self::Place(Location::Registry(reference)) if reference.tag.is_some() => {
                let path = reference.repository.as_str();
                let last = path.rsplit('/').next().unwrap_or(path);
                format!("{last}-{}.tgz", chart.metadata.version)
            }
            Self::Place(_) => file_name(chart),
            Self::Repository(address, _) => repositories::file_name(address),
        }
    }
}

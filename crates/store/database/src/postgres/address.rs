//! The address of a PostgreSQL database: read, checked, and completed with what every session must have.

use crate::error::OpenError;
use refloat_core::Secret;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// Settings of every session. A transaction whose process was stopped in its middle holds its locks for 5 s, no longer.
const SESSION: &str = "-c idle_in_transaction_session_timeout=5000 -c statement_timeout=30000 -c lock_timeout=15000 \
                       -c synchronous_commit=on -c search_path=public";
/// How long a server may take to accept a connection.
const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// Reads an address; returns how messages name the database too, without its password.
pub(super) fn parse(url: &Secret<String>) -> Result<(Config, String), OpenError> {
    if let Some(mode) = tls_asked(url.expose()) {
        return Err(OpenError::Address(format!(
            "sslmode={mode} asks for TLS to PostgreSQL, which is not supported; \
             use sslmode=disable over a socket or a network you trust, or a tunnel"
        )));
    }
    // The library's error may repeat parts of the address, and the address has a password in it.
    let mut config: Config = url.expose().parse().map_err(|_| {
        OpenError::Address("the address of PostgreSQL is not understood; write postgres://user:password@host:5432/database".to_owned())
    })?;
    let options = config
        .get_options()
        .map(|own| format!("{own} "))
        .unwrap_or_default();
    config.options(format!("{options}{SESSION}"));
    config.ssl_mode(tokio_postgres::config::SslMode::Disable);
    if config.get_application_name().is_none() {
        config.application_name("refloat");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_WAIT);
    }
    config.keepalives_idle(Duration::from_secs(15));
    let place = place(&config);
    Ok((config, place))
}

/// The mode, if the address asks for anything but plain connections.
fn tls_asked(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("sslmode")?;
    let value = rest.trim_start().strip_prefix('=')?.trim_start();
    let value = value
        .split(['&', ' ', '\t', '\n'])
        .next()?
        .trim_matches('\'');
    (value != "disable").then_some(value)
}

fn place(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => config
            .get_hostaddrs()
            .first()
            .map_or_else(|| "localhost".to_owned(), ToString::to_string),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let name = config
        .get_dbname()
        .or(config.get_user())
        .unwrap_or("postgres");
    format!("PostgreSQL database {name} at {host}:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<String, String> {
        parse(&Secret::new(url.to_owned()))
            .map(|(_, place)| place)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn addresses_are_named_without_their_password() {
        let place = read("postgres://me:hunter2@db.example:5433/boats").expect("an address");
        assert_eq!(place, "PostgreSQL database boats at db.example:5433");
        assert!(
            read("postgres://me@/boats?host=/run/pg")
                .expect("a socket")
                .ends_with("boats at /run/pg:5432")
        );
        let refused = read("postgres://me:hunter2@db:port/boats").expect_err("no port");
        assert!(!refused.contains("hunter2"), "{refused}");
    }

    #[test]
    fn tls_is_refused_by_name_and_never_left_out_silently() {
        for mode in ["prefer", "require", "verify-ca", "verify-full"] {
            for url in [
                format!("postgres://me@db/boats?sslmode={mode}"),
                format!("host=db sslmode = '{mode}' dbname=boats"),
            ] {
                let refused = read(&url).expect_err("TLS");
                assert!(
                    refused.contains(&format!("sslmode={mode} asks for TLS")),
                    "{url}: {refused}"
                );
            }
        }
        read("postgres://me@db/boats?sslmode=disable").expect("plain");
    }
}

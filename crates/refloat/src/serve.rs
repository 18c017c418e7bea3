//! `refloat serve`: from the flags to a listening server, and to its orderly end.

use crate::configuration::{self, Configuration, Flags};
use crate::{logs, wiring};
use anyhow::{Context, Result};
use refloat_cli::arguments::{LogFormat, ServeArguments};
use refloat_cli::error::CliError;
use std::io::Write as _;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How long jobs and durable work may take to end after the last connection has.
const TASKS_END_MAX: Duration = Duration::from_secs(20);

/// Runs the server until SIGTERM or SIGINT.
pub fn run(arguments: ServeArguments) -> Result<(), CliError> {
    serve(arguments).map_err(|error| {
        let message = format!("{error:#}");
        let code = if message.starts_with("unsupported:") {
            "unsupported"
        } else {
            "serve_failed"
        };
        let (message, advice) = message
            .split_once("; ")
            .map_or((message.as_str(), ""), |split| split);
        CliError::failed(code, message, advice)
    })
}

fn serve(arguments: ServeArguments) -> Result<()> {
    let format = match arguments.log_format {
        LogFormat::Text => logs::Format::Text,
        LogFormat::Json => logs::Format::Json,
    };
    logs::start(std::env::var("REFLOAT_LOG").ok().as_deref(), format)?;
    let flags = Flags {
        config: arguments.config,
        data: arguments.data,
        listen: arguments.listen,
    };
    let configuration = configuration::read(&flags)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("refloat")
        .build()
        .context("the system gives no threads")?;
    let ended = runtime.block_on(until_stopped(configuration));
    // Blocking work that still runs is durable work that nobody waits for any more.
    runtime.shutdown_timeout(Duration::from_secs(5));
    ended
}

async fn until_stopped(configuration: Configuration) -> Result<()> {
    let listener = TcpListener::bind(configuration.listen)
        .await
        .with_context(|| {
            format!(
                "cannot listen on {}; another program may, choose another with --listen",
                configuration.listen
            )
        })?;
    let address = listener.local_addr()?;
    let scheme = if configuration.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let own_url = format!("{scheme}://{address}");
    let public_url = configuration
        .public_url
        .clone()
        .unwrap_or_else(|| own_url.clone());
    let wired = wiring::wire(&configuration, &public_url, listener).await?;
    announce(&own_url)?;
    wired.server.run(stop_signal()?).await;
    if !wired.tasks.stop(TASKS_END_MAX).await {
        tracing::warn!("some work did not end in time; it goes on at the next start");
    }
    Ok(())
}

/// The line that scripts wait for. Nothing else is ever written to standard output by the server.
fn announce(url: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "listening on {url}")
        .and_then(|()| output.flush())
        .context("standard output is closed")
}

fn stop_signal() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: no more connections are taken"),
            _ = interrupt.recv() => tracing::info!("SIGINT: no more connections are taken"),
        }
    })
}

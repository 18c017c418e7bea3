//! Single requests and what their answers give away.

use anyhow::{Result, ensure};

use crate::client::Client;
use crate::content::{Blob, Content, Manifest};
use crate::http::{Answer, Body, Request};

/// Headers that differ between any two answers; whether a refused body had arrived decides what becomes of the connection.
const VOLATILE: [&str; 3] = ["connection", "date", "x-request-id"];

/// One request without a body, whatever is answered.
pub fn ask(client: &mut Client, method: &str, target: &str) -> Result<Answer> {
    ask_with(client, method, target, &[], Body::Empty)
}

/// One request, whatever is answered. On a connection of its own: a server that refuses a body may close the one it
/// came on, and a client that reuses it could not tell that from an answer.
pub fn ask_with(
    client: &mut Client,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: Body<'_>,
) -> Result<Answer> {
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    Ok(client.another().send(Request {
        method,
        target,
        headers,
        body,
    })?)
}

/// A small image of `seed` under `tag`, with both its blobs.
pub fn push_image(client: &mut Client, repository: &str, tag: &str, seed: u64) -> Result<Image> {
    let layer = Content::new(seed, 3000).blob();
    let config = Blob::of(format!("{{\"seed\":{seed}}}"));
    client.push_blob(repository, &layer.digest, &layer.bytes)?;
    client.push_blob(repository, &config.digest, &config.bytes)?;
    let manifest = Manifest::image(&config, std::slice::from_ref(&layer), tag);
    client.put_manifest(repository, tag, &manifest)?;
    Ok(Image {
        manifest,
        layer,
        config,
    })
}

/// What [`push_image`] pushed.
#[derive(Debug, Clone)]
pub struct Image {
    /// The manifest.
    pub manifest: Manifest,
    /// Its only layer.
    pub layer: Blob,
    /// Its configuration.
    pub config: Blob,
}

impl Image {
    /// The digest of the manifest.
    pub fn digest(&self) -> &str {
        self.manifest.digest()
    }
}

/// An error unless both answers are byte-equal but for the name each was asked about.
///
/// Names of the same length keep the lengths equal too.
pub fn indistinguishable(absent: (&Answer, &str), forbidden: (&Answer, &str)) -> Result<()> {
    let (left, right) = (normal(absent.0, absent.1), normal(forbidden.0, forbidden.1));
    ensure!(
        left == right,
        "the answers for {} and {} differ:\n{left}\n{right}",
        absent.1,
        forbidden.1
    );
    Ok(())
}

/// Status, headers and body as text, without what always differs.
fn normal(answer: &Answer, name: &str) -> String {
    let steady =
        |(key, _): &&(String, String)| !VOLATILE.contains(&key.to_ascii_lowercase().as_str());
    let mut lines: Vec<String> = answer
        .headers()
        .iter()
        .filter(steady)
        .map(|(key, value)| format!("{}: {value}", key.to_ascii_lowercase()))
        .collect();
    lines.sort();
    let text = format!(
        "{}\n{}\n{}",
        answer.status,
        lines.join("\n"),
        String::from_utf8_lossy(&answer.body)
    );
    text.replace(name, "NAME")
        .replace(&name.replace('/', "%2F"), "NAME")
}

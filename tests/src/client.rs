//! A blocking client of the distribution API (OCI distribution-spec 1.1) for the tests.
//!
//! Each verb returns what the server acknowledged, or a [`Fault`] that says whether the outcome is known.
//! That difference is what the ledger lives on. Pulls hash every byte that they return.

use std::net::SocketAddr;

use base64::Engine;
use serde_json::Value;

use crate::content::{Manifest, Needs, has_digest};
use crate::http::{Answer, Body, Broken, Connection, Request};

mod lists;

/// Every media type that may be stored as a manifest here.
const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// Why a verb did not do what it says.
#[derive(Debug)]
pub enum Fault {
    /// No whole answer: nobody knows whether it was done.
    Broken(Broken),
    /// The server answered that it did not do it.
    Refused {
        /// What was asked.
        request: String,
        /// The answer.
        answer: Answer,
    },
    /// The server answered with success what cannot be true.
    Wrong(String),
}

impl Fault {
    /// The status, if the server answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { answer, .. } => Some(answer.status),
            Self::Broken(_) | Self::Wrong(_) => None,
        }
    }

    /// Whether the server has definitely not done it: answers of the 4xx class promise that.
    pub fn is_definite(&self) -> bool {
        self.status()
            .is_some_and(|status| (400..500).contains(&status))
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Broken(broken) => broken.fmt(formatter),
            Self::Refused { request, answer } => {
                write!(
                    formatter,
                    "{request} was answered {} {}",
                    answer.status,
                    answer.text()
                )
            }
            Self::Wrong(what) => formatter.write_str(what),
        }
    }
}

impl std::error::Error for Fault {}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// An upload in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Path and query to send its next bytes to.
    pub location: String,
    /// How many bytes the server acknowledged.
    pub received: usize,
}

/// What a mount came to.
#[derive(Debug)]
pub enum Mount {
    /// The blob is a member of the repository.
    Done,
    /// The server asks for the bytes instead.
    Upload(Upload),
}

/// A manifest as it was served; its bytes have its digest.
#[derive(Debug, Clone)]
pub struct Served {
    /// Its digest, as the server named it and as it was checked.
    pub digest: String,
    /// Its media type as served.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A client of one server, as one account, over one connection at a time.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    authorization: Option<String>,
    connection: Option<Connection>,
}

impl Client {
    /// A client that does not sign in.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            authorization: None,
            connection: None,
        }
    }

    /// The same server, signed in by Basic.
    #[must_use]
    pub fn signed_in(&self, name: &str, password: &str) -> Self {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
        Self {
            authorization: Some(format!("Basic {pair}")),
            ..Self::new(self.address)
        }
    }

    /// A second connection of the same account.
    #[must_use]
    pub fn another(&self) -> Self {
        Self {
            authorization: self.authorization.clone(),
            ..Self::new(self.address)
        }
    }

    /// Sends one request and returns whatever was answered.
    ///
    /// # Errors
    /// [`Broken`] if no whole answer arrived.
    pub fn send(&mut self, mut request: Request<'_>) -> Result<Answer, Broken> {
        if let Some(authorization) = &self.authorization {
            request
                .headers
                .push(("Authorization", authorization.clone()));
        }
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address)?,
        };
        let answer = connection.exchange(&request)?;
        self.connection = Some(connection).filter(Connection::is_reusable);
        Ok(answer)
    }

    fn ask(&mut self, method: &str, target: &str) -> Result<Answer, Broken> {
        self.send(Request {
            method,
            target,
            headers: vec![("Accept", ACCEPT.to_owned())],
            body: Body::Empty,
        })
    }

    /// A request without a body that must be answered with one of `expected`.
    pub fn expect(
        &mut self,
        method: &str,
        target: &str,
        expected: &[u16],
    ) -> Result<Answer, Fault> {
        let answer = self.ask(method, target)?;
        accept(method, target, answer, expected)
    }

    /// Sends bytes that must be answered with one of `expected`.
    pub fn deliver(
        &mut self,
        method: &str,
        target: &str,
        headers: Vec<(&str, String)>,
        body: Body<'_>,
        expected: &[u16],
    ) -> Result<Answer, Fault> {
        let answer = self.send(Request {
            method,
            target,
            headers,
            body,
        })?;
        accept(method, target, answer, expected)
    }

    /// A call of `/api/v1` with a JSON body, answered with JSON or nothing.
    pub fn api(&mut self, method: &str, target: &str, body: &Value) -> Result<Value, Fault> {
        let text = body.to_string();
        let headers = vec![("Content-Type", "application/json".to_owned())];
        let body = if body.is_null() {
            Body::Empty
        } else {
            Body::Whole(text.as_bytes())
        };
        let answer = self.deliver(method, target, headers, body, &[200, 201, 202, 204])?;
        Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    /// Whether the account may use the registry at all.
    pub fn ping(&mut self) -> Result<(), Fault> {
        self.expect("GET", "/v2/", &[200]).map(drop)
    }

    // Blobs -----------------------------------------------------------------------------------

    /// The size of a blob, if it is there.
    pub fn blob_size(&mut self, repository: &str, digest: &str) -> Result<Option<usize>, Fault> {
        let target = format!("/v2/{repository}/blobs/{digest}");
        let answer = self.expect("HEAD", &target, &[200, 404])?;
        if answer.status == 404 {
            return Ok(None);
        }
        let size = answer
            .header("content-length")
            .and_then(|length| length.parse().ok());
        size.map(Some)
            .ok_or_else(|| Fault::Wrong(format!("HEAD {target} names no length")))
    }

    /// The bytes of a blob, if it is there; they have its digest.
    pub fn blob(&mut self, repository: &str, digest: &str) -> Result<Option<Vec<u8>>, Fault> {
        let target = format!("/v2/{repository}/blobs/{digest}");
        let answer = self.expect("GET", &target, &[200, 404])?;
        if answer.status == 404 {
            return Ok(None);
        }
        if !has_digest(&answer.body, digest) {
            return Err(Fault::Wrong(format!(
                "GET {target}: {} bytes that do not have this digest",
                answer.body.len()
            )));
        }
        Ok(Some(answer.body))
    }

    /// Uploads in one PUT after the POST.
    pub fn push_blob(&mut self, repository: &str, digest: &str, bytes: &[u8]) -> Result<(), Fault> {
        let upload = self.begin(repository)?;
        self.finish(&upload, digest, Body::Whole(bytes))
    }

    /// Uploads in the POST alone.
    pub fn post_blob(
        &mut self,
        repository: &str,
        digest: &str,
        bytes: &[u8],
    ) -> Result<Mount, Fault> {
        let target = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let headers = vec![("Content-Type", "application/octet-stream".to_owned())];
        let answer = self.deliver("POST", &target, headers, Body::Whole(bytes), &[201, 202])?;
        mounted(&target, &answer)
    }

    /// Begins an upload.
    pub fn begin(&mut self, repository: &str) -> Result<Upload, Fault> {
        let target = format!("/v2/{repository}/blobs/uploads/");
        let answer = self.expect("POST", &target, &[202])?;
        Ok(Upload {
            location: location(&target, &answer)?,
            received: 0,
        })
    }

    /// Appends bytes; the server answers once they are on disk.
    pub fn append(&mut self, upload: &Upload, bytes: &[u8]) -> Result<Upload, Fault> {
        let (first, end) = (upload.received, upload.received + bytes.len());
        let headers = vec![
            ("Content-Type", "application/octet-stream".to_owned()),
            (
                "Content-Range",
                format!("{first}-{}", end.saturating_sub(1)),
            ),
        ];
        let answer = self.deliver(
            "PATCH",
            &upload.location,
            headers,
            Body::Whole(bytes),
            &[202],
        )?;
        let received = received(&answer);
        if received != Some(end) {
            return Err(Fault::Wrong(format!(
                "PATCH up to {end} was answered with {received:?}"
            )));
        }
        Ok(Upload {
            location: location(&upload.location, &answer)?,
            received: end,
        })
    }

    /// Sends what is left and names the digest.
    pub fn finish(&mut self, upload: &Upload, digest: &str, body: Body<'_>) -> Result<(), Fault> {
        let joint = if upload.location.contains('?') {
            '&'
        } else {
            '?'
        };
        let target = format!("{}{joint}digest={digest}", upload.location);
        let headers = vec![("Content-Type", "application/octet-stream".to_owned())];
        self.deliver("PUT", &target, headers, body, &[201])
            .map(drop)
    }

    /// Where an upload stands; none if the server does not know it.
    pub fn upload_status(&mut self, upload: &Upload) -> Result<Option<Upload>, Fault> {
        let answer = self.expect("GET", &upload.location, &[204, 404])?;
        if answer.status == 404 {
            return Ok(None);
        }
        let location =
            location(&upload.location, &answer).unwrap_or_else(|_| upload.location.clone());
        let received = received(&answer);
        let received = received
            .ok_or_else(|| Fault::Wrong(format!("status of {location} without a range")))?;
        Ok(Some(Upload { location, received }))
    }

    /// Gives an upload up.
    pub fn cancel(&mut self, upload: &Upload) -> Result<(), Fault> {
        self.expect("DELETE", &upload.location, &[204]).map(drop)
    }

    /// Makes a blob of another repository a member of this one.
    pub fn mount(&mut self, repository: &str, digest: &str, from: &str) -> Result<Mount, Fault> {
        let target = format!("/v2/{repository}/blobs/uploads/?mount={digest}&from={from}");
        let answer = self.expect("POST", &target, &[201, 202])?;
        mounted(&target, &answer)
    }

    /// Removes a blob from a repository.
    pub fn delete_blob(&mut self, repository: &str, digest: &str) -> Result<(), Fault> {
        self.expect(
            "DELETE",
            &format!("/v2/{repository}/blobs/{digest}"),
            &[202],
        )
        .map(drop)
    }

    // Manifests and tags ----------------------------------------------------------------------

    /// Pushes a manifest under a tag or its digest.
    pub fn put_manifest(
        &mut self,
        repository: &str,
        reference: &str,
        manifest: &Manifest,
    ) -> Result<(), Fault> {
        self.put_bytes(
            repository,
            reference,
            manifest.media_type,
            &manifest.blob.bytes,
        )
        .map(drop)
    }

    /// Pushes any bytes as a manifest.
    pub fn put_bytes(
        &mut self,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Answer, Fault> {
        let target = format!("/v2/{repository}/manifests/{reference}");
        let headers = vec![("Content-Type", media_type.to_owned())];
        self.deliver("PUT", &target, headers, Body::Whole(bytes), &[201])
    }

    /// A manifest by tag or digest, if it is there; its bytes have the digest the server names.
    pub fn manifest(&mut self, repository: &str, reference: &str) -> Result<Option<Served>, Fault> {
        let target = format!("/v2/{repository}/manifests/{reference}");
        let answer = self.expect("GET", &target, &[200, 404])?;
        if answer.status == 404 {
            return Ok(None);
        }
        let digest = if reference.contains(':') {
            Some(reference)
        } else {
            answer.header("docker-content-digest")
        };
        let Some(digest) = digest.map(str::to_owned) else {
            return Err(Fault::Wrong(format!("GET {target} names no digest")));
        };
        if !has_digest(&answer.body, &digest) {
            return Err(Fault::Wrong(format!(
                "GET {target}: bytes that do not have the digest {digest}"
            )));
        }
        let media_type = answer.header("content-type").unwrap_or_default().to_owned();
        Ok(Some(Served {
            digest,
            media_type,
            bytes: answer.body,
        }))
    }

    /// Removes a tag, or a manifest by its digest.
    pub fn delete_manifest(&mut self, repository: &str, reference: &str) -> Result<(), Fault> {
        self.expect(
            "DELETE",
            &format!("/v2/{repository}/manifests/{reference}"),
            &[202],
        )
        .map(drop)
    }

    /// Pulls all that `reference` stands for and checks every digest; the digest it stands for.
    ///
    /// # Errors
    /// [`Fault::Wrong`] if the manifest is there and something below it is not.
    pub fn pull(&mut self, repository: &str, reference: &str) -> Result<Option<String>, Fault> {
        let Some(top) = self.manifest(repository, reference)? else {
            return Ok(None);
        };
        let needs = Needs::of(&top.bytes);
        for digest in &needs.blobs {
            if self.blob(repository, digest)?.is_none() {
                return Err(Fault::Wrong(format!(
                    "{repository}@{} is there, its blob {digest} is not",
                    top.digest
                )));
            }
        }
        for digest in &needs.children {
            if self.pull(repository, digest)?.is_none() {
                return Err(Fault::Wrong(format!(
                    "{repository}@{} is there, its child {digest} is not",
                    top.digest
                )));
            }
        }
        Ok(Some(top.digest))
    }
}

fn accept(method: &str, target: &str, answer: Answer, expected: &[u16]) -> Result<Answer, Fault> {
    if expected.contains(&answer.status) {
        return Ok(answer);
    }
    Err(Fault::Refused {
        request: format!("{method} {target}"),
        answer,
    })
}

fn location(target: &str, answer: &Answer) -> Result<String, Fault> {
    let location = answer
        .header("location")
        .ok_or_else(|| Fault::Wrong(format!("{target} names no location")))?;
    Ok(path_of(location))
}

/// The page after this one: `Link: <URL>; rel="next"`.
fn location_of_next(answer: &Answer) -> Option<String> {
    let link = answer.header("link")?;
    let (url, rest) = link.strip_prefix('<')?.split_once('>')?;
    rest.contains("next").then(|| path_of(url))
}

/// Path and query of a URL: servers answer with either form.
fn path_of(url: &str) -> String {
    let Some((_, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    rest.find('/')
        .map_or("/", |slash| &rest[slash..])
        .to_owned()
}

/// `Range: 0-N` says that N + 1 bytes arrived; by the specification's habit also an empty upload says `0-0`.
fn received(answer: &Answer) -> Option<usize> {
    let range = answer.header("range")?;
    let last: usize = range
        .trim_start_matches("bytes=")
        .split_once('-')?
        .1
        .parse()
        .ok()?;
    Some(if last == 0 { 0 } else { last + 1 })
}

fn mounted(target: &str, answer: &Answer) -> Result<Mount, Fault> {
    if answer.status == 201 {
        return Ok(Mount::Done);
    }
    Ok(Mount::Upload(Upload {
        location: location(target, answer)?,
        received: 0,
    }))
}

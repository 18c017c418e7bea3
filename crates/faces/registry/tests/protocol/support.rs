//! A registry to ask, and its accounts.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use refloat_core::access::Actions;
use refloat_core::{Pattern, Principal, PrincipalId, Secret, TokenId};
use refloat_flow::sign_in::{Passwords, SigningKey, TokenNames, new_long_token};
use refloat_flow::{Limits, Registry, SignIn};
use refloat_http::{Entry, Metrics};
use refloat_oci::Digest;
use refloat_ports::memory::MemoryBlobs;
use refloat_registry::{Face, Links, token_service};
use refloat_store::access::authorize_project;
use refloat_store::grants::{self, Subject};
use refloat_store::{Store, StoreOptions, Value, sql};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

pub struct Rig {
    pub entry: Entry<Face>,
    pub store: Store,
    passwords: Passwords,
    _folder: tempfile::TempDir,
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The code of the error in the body.
    pub fn code(&self) -> String {
        self.json()["errors"][0]["code"]
            .as_str()
            .unwrap_or("")
            .to_owned()
    }

    /// Status, body and headers but those that differ between any two requests.
    pub fn told(&self) -> (StatusCode, String, Vec<String>) {
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| *name != "x-request-id")
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        headers.sort();
        (
            self.status,
            String::from_utf8_lossy(&self.body).into_owned(),
            headers,
        )
    }
}

/// One request in the making.
pub struct Ask<'r> {
    rig: &'r Rig,
    request: http::request::Builder,
    body: Body,
    address: IpAddr,
}

impl Ask<'_> {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub fn basic(self, name: &str, password: &str) -> Self {
        let credentials = STANDARD.encode(format!("{name}:{password}"));
        self.header("authorization", &format!("Basic {credentials}"))
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    pub fn from(mut self, address: [u8; 4]) -> Self {
        self.address = address.into();
        self
    }

    pub async fn send(self) -> Answer {
        let request = self.request.body(self.body).expect("a request");
        let response = self.rig.entry.answer(request, self.address).await;
        let (parts, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .expect("a whole body")
            .to_bytes()
            .to_vec();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }
}

impl Rig {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options = StoreOptions::Sqlite {
            folder: folder.path().to_owned(),
        };
        let store = Store::open(options).await.expect("a store");
        let registry = Registry::new(
            store.clone(),
            Arc::new(MemoryBlobs::new()),
            Limits::default(),
        );
        let passwords = Passwords::new().expect("random bytes");
        let key = SigningKey::random().expect("random bytes");
        let links = Links::new("https://registry.example.com").expect("a URL");
        let names = TokenNames {
            issuer: links.public_url().to_owned(),
            service: links.host().to_owned(),
        };
        let sign_in =
            SignIn::new(store.clone(), passwords.clone(), &key, names).expect("random bytes");
        let face = Face::new(registry, sign_in, links);
        let others = token_service(face.clone());
        let entry = Entry::new(
            face,
            others,
            Arc::new(Metrics::default()),
            Duration::from_secs(30),
        );
        Self {
            entry,
            store,
            passwords,
            _folder: folder,
        }
    }

    /// A rig with `alice`, who may everything below `apps`.
    pub async fn with_alice() -> Self {
        let rig = Self::new().await;
        rig.user("alice", "alice's password").await;
        rig.grant("alice", "pull,push,update,delete", "apps/**")
            .await;
        rig
    }

    pub fn ask(&self, method: Method, path: &str) -> Ask<'_> {
        let request = Request::builder().method(method).uri(path);
        Ask {
            rig: self,
            request,
            body: Body::empty(),
            address: [127, 0, 0, 1].into(),
        }
    }

    pub fn alice(&self, method: Method, path: &str) -> Ask<'_> {
        self.ask(method, path).basic("alice", "alice's password")
    }

    async fn execute(&self, text: &'static str, values: Vec<Value>) {
        let done = self.store.write(move |tx| {
            let values = values.clone();
            Box::pin(async move { tx.execute(sql(text), &values).await })
        });
        done.await.expect("the rows are taken");
    }

    pub async fn account(
        &self,
        kind: &'static str,
        name: &str,
        password_hash: Option<String>,
    ) -> PrincipalId {
        let id = PrincipalId::from_ulid(ulid::Ulid::new());
        let project = refloat_store::projects::default_project();
        let insert = "insert into principal (id, project_id, kind, name, password_hash, administrator, created_at) values ($1, $2, $3, $4, $5, 0, 0)";
        let values = vec![
            id.as_str().into(),
            project.as_str().into(),
            kind.into(),
            name.into(),
            password_hash.into(),
        ];
        self.execute(insert, values).await;
        id
    }

    pub async fn user(&self, name: &str, password: &str) -> PrincipalId {
        let hash = self
            .passwords
            .hash(&Secret::new(password.to_owned()))
            .await
            .expect("a hash");
        self.account("user", name, Some(hash)).await
    }

    pub async fn set_password(&self, name: &str, password: &str) {
        let hash = self
            .passwords
            .hash(&Secret::new(password.to_owned()))
            .await
            .expect("a hash");
        self.execute(
            "update principal set password_hash = $1 where name = $2",
            vec![hash.into(), name.into()],
        )
        .await;
    }

    pub async fn robot(&self, name: &str) -> String {
        let id = self.account("robot", name, None).await;
        self.long_token(&id, None).await
    }

    pub async fn long_token(&self, owner: &PrincipalId, scopes: Option<&str>) -> String {
        let (token, hash) = new_long_token("rft_").expect("random bytes");
        let id = TokenId::from_ulid(ulid::Ulid::new());
        let insert = "insert into token (id, principal_id, purpose, hash, label, scopes, created_at) values ($1, $2, 'robot', $3, '', $4, 0)";
        let values = vec![
            id.as_str().into(),
            owner.as_str().into(),
            hash[..].into(),
            scopes.map(str::to_owned).into(),
        ];
        self.execute(insert, values).await;
        token.expose().clone()
    }

    pub async fn revoke_tokens(&self) {
        self.execute("delete from token", Vec::new()).await;
    }

    pub async fn delete_account(&self, name: &str) {
        self.execute("delete from principal where name = $1", vec![name.into()])
            .await;
    }

    async fn subject(&self, name: &str) -> Subject {
        if name == "anonymous" {
            return Subject::Anonymous;
        }
        let name = name.to_owned();
        let found = self.store.read(move |tx| {
            let name = name.clone();
            Box::pin(async move { refloat_store::sign_in::by_name(tx, &name).await })
        });
        Subject::Account(found.await.expect("rows").expect("an account").id)
    }

    pub async fn grant(&self, name: &str, actions: &str, pattern: &str) {
        let (subject, actions, pattern) = self.rule(name, actions, pattern).await;
        let done = self.store.write(move |tx| {
            let (subject, pattern) = (subject.clone(), pattern.clone());
            Box::pin(async move {
                let leave = authorize_project(tx, &Principal::system(), "default").await?;
                grants::grant(tx, &leave, &subject, actions, &pattern).await
            })
        });
        done.await.expect("a grant");
    }

    pub async fn revoke(&self, name: &str, actions: &str, pattern: &str) {
        let (subject, actions, pattern) = self.rule(name, actions, pattern).await;
        let done = self.store.write(move |tx| {
            let (subject, pattern) = (subject.clone(), pattern.clone());
            Box::pin(async move {
                let leave = authorize_project(tx, &Principal::system(), "default").await?;
                grants::revoke(tx, &leave, &subject, actions, &pattern).await
            })
        });
        done.await.expect("a revocation");
    }

    async fn rule(&self, name: &str, actions: &str, pattern: &str) -> (Subject, Actions, Pattern) {
        let subject = self.subject(name).await;
        (
            subject,
            actions.parse().expect("actions"),
            pattern.parse().expect("a pattern"),
        )
    }

    /// Pushes a blob in one request as alice.
    pub async fn push_blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::sha256(bytes);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let answer = self
            .alice(Method::POST, &path)
            .body(bytes.to_vec())
            .send()
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        digest
    }

    /// Pushes an image of one layer under `reference` as alice, and returns its manifest.
    pub async fn push_image(
        &self,
        repository: &str,
        reference: &str,
        layer: &[u8],
    ) -> (Digest, Vec<u8>) {
        let config = self.push_blob(repository, b"{}").await;
        let digest = self.push_blob(repository, layer).await;
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": IMAGE,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": layer.len()}],
        });
        let bytes = serde_json::to_vec(&manifest).expect("JSON");
        let path = format!("/v2/{repository}/manifests/{reference}");
        let answer = self
            .alice(Method::PUT, &path)
            .header("content-type", IMAGE)
            .body(bytes.clone())
            .send()
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        (Digest::sha256(&bytes), bytes)
    }

    /// A bearer token for `scope`.
    pub async fn token(&self, name: &str, password: &str, scope: &str) -> String {
        let path = format!("/token?service=registry.example.com&scope={scope}");
        let answer = self
            .ask(Method::GET, &path)
            .basic(name, password)
            .send()
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()["token"].as_str().expect("a token").to_owned()
    }
}

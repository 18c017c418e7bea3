use super::*;
use crate::context::{Context, Noted};
use crate::metrics::Metrics;
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use rustls_pki_types::ServerName;
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;

/// Answers GET with its path, and refuses every other method without reading a byte of its body.
#[derive(Clone)]
struct Refusing;

impl Registry for Refusing {
    async fn answer(&self, request: Request, _context: Context) -> Response {
        let refused = request.method() != http::Method::GET;
        let mut response = Response::new(Body::from(request.uri().path().to_owned()));
        if refused {
            *response.status_mut() = http::StatusCode::FORBIDDEN;
        }
        response.extensions_mut().insert(Noted {
            route: "/v2/",
            user: None,
        });
        response
    }
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
}

async fn start(tls: Option<Arc<Tls>>, settings: Settings) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("bound");
    let entry = Entry::new(
        Refusing,
        Router::new(),
        Arc::new(Metrics::default()),
        Duration::from_secs(30),
    );
    let (stop, stopped) = oneshot::channel::<()>();
    let server = Server::new(listener, tls, settings, entry);
    let ended = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    Running {
        address,
        stop,
        ended,
    }
}

#[tokio::test]
async fn a_refused_upload_is_answered_while_it_is_still_sent() {
    const LENGTH: usize = 16 * 1024 * 1024;
    let server = start(None, Settings::default()).await;
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    let head = format!("PUT /v2/a HTTP/1.1\r\nHost: x\r\nContent-Length: {LENGTH}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("it reads");
    let (mut read, mut write) = stream.split();
    // Everything is sent before a byte of the answer is read, as slow clients do.
    let chunk = vec![0; 64 * 1024];
    for _ in 0..LENGTH / chunk.len() {
        write
            .write_all(&chunk)
            .await
            .expect("no reset while sending");
    }
    let mut answer = Vec::new();
    read.read_to_end(&mut answer)
        .await
        .expect("no reset while reading");
    assert!(
        answer.starts_with(b"HTTP/1.1 403 "),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[tokio::test]
async fn a_stop_lets_answers_end_and_closes_idle_connections() {
    let server = start(None, Settings::default()).await;
    let mut idle = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    idle.write_all(b"GET /v2/one HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("it reads");
    let mut first = [0; 1024];
    let length = idle.read(&mut first).await.expect("an answer");
    assert!(first[..length].starts_with(b"HTTP/1.1 200 "));
    server.stop.send(()).expect("it runs");
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.expect("closed in order");
    drop(idle);
    server.ended.await.expect("it ends");
    assert!(
        TcpStream::connect(server.address).await.is_err(),
        "nobody listens any more"
    );
}

#[tokio::test]
async fn a_connection_that_never_asks_is_closed() {
    let settings = Settings {
        head_max: Duration::from_millis(50),
        ..Settings::default()
    };
    let server = start(None, settings).await;
    for beginning in [&b""[..], b"P", b"GET /v2/ HTTP/1.1\r\nHos"] {
        let mut silent = TcpStream::connect(server.address)
            .await
            .expect("it listens");
        silent.write_all(beginning).await.expect("it reads");
        let mut rest = Vec::new();
        // Closed in order or reset; what matters is that it ends.
        let _ = silent.read_to_end(&mut rest).await;
    }
}

struct Authority {
    certificate: rcgen::Certificate,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

fn authority() -> Authority {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = parameters.self_signed(&key).expect("a certificate");
    Authority {
        certificate,
        issuer: rcgen::Issuer::new(parameters, key),
    }
}

/// A certificate for `localhost` as files, and as rustls takes them.
fn issued(
    authority: &Authority,
    folder: &Path,
    name: &str,
) -> (std::path::PathBuf, std::path::PathBuf) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let parameters =
        rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    let certificate = parameters
        .signed_by(&key, &authority.issuer)
        .expect("a certificate");
    let paths = (
        folder.join(format!("{name}.pem")),
        folder.join(format!("{name}.key")),
    );
    std::fs::write(&paths.0, certificate.pem()).expect("room");
    std::fs::write(&paths.1, key.serialize_pem()).expect("room");
    paths
}

fn client(
    authority: &Authority,
    own: Option<&(std::path::PathBuf, std::path::PathBuf)>,
) -> tokio_rustls::TlsConnector {
    use rustls_pki_types::pem::PemObject as _;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(authority.certificate.der().clone())
        .expect("a root");
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let certificate = rustls_pki_types::CertificateDer::from_pem_file(certificate)
                .expect("a certificate");
            let key = rustls_pki_types::PrivateKeyDer::from_pem_file(key).expect("a key");
            builder
                .with_client_auth_cert(vec![certificate], key)
                .expect("they fit")
        }
    };
    tokio_rustls::TlsConnector::from(Arc::new(config))
}

/// The answer to one request over TLS and the certificate that was shown.
async fn ask(
    server: &Running,
    connector: &tokio_rustls::TlsConnector,
) -> std::io::Result<(String, Vec<u8>)> {
    let stream = TcpStream::connect(server.address).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    let mut stream = connector.connect(name, stream).await?;
    let shown = stream
        .get_ref()
        .1
        .peer_certificates()
        .map(|chain| chain[0].to_vec())
        .unwrap_or_default();
    stream
        .write_all(b"GET /v2/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok((String::from_utf8_lossy(&answer).into_owned(), shown))
}

#[tokio::test]
async fn a_changed_certificate_is_shown_without_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = authority();
    let (certificate, key) = issued(&authority, folder.path(), "server");
    let files = TlsFiles {
        certificate: certificate.clone(),
        key: key.clone(),
        client_ca: None,
    };
    let tls = Arc::new(Tls::open(files).expect("TLS"));
    let server = start(Some(tls.clone()), Settings::default()).await;
    let connector = client(&authority, None);
    let (answer, first) = ask(&server, &connector).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    std::fs::write(&key, "half a key").expect("room");
    assert!(tls.reload().is_err(), "half a pair is refused");
    assert_eq!(
        ask(&server, &connector).await.expect("an answer").1,
        first,
        "the old one stays"
    );
    issued(&authority, folder.path(), "server");
    tls.reload().expect("a whole pair");
    assert_ne!(ask(&server, &connector).await.expect("an answer").1, first);
}

#[tokio::test]
async fn with_an_authority_only_its_clients_are_let_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let (authority, stranger) = (authority(), self::authority());
    let (certificate, key) = issued(&authority, folder.path(), "server");
    let client_ca = folder.path().join("ca.pem");
    std::fs::write(&client_ca, authority.certificate.pem()).expect("room");
    let tls = Tls::open(TlsFiles {
        certificate,
        key,
        client_ca: Some(client_ca),
    })
    .expect("TLS");
    let server = start(Some(Arc::new(tls)), Settings::default()).await;
    let known = issued(&authority, folder.path(), "known");
    let (answer, _) = ask(&server, &client(&authority, Some(&known)))
        .await
        .expect("let in");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        ask(&server, &client(&authority, None)).await.is_err(),
        "without a certificate"
    );
    let other = issued(&stranger, folder.path(), "other");
    assert!(
        ask(&server, &client(&authority, Some(&other)))
            .await
            .is_err(),
        "of another authority"
    );
}

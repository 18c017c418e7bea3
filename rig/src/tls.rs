//! Certificates of the tests: an authority and what it signs.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// An authority of the test's own, and the folder its files lie in.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: PathBuf,
    certificate: PathBuf,
}

/// The two PEM files that a server is given.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The leaf followed by nothing: the authority is what the client must know.
    pub certificate: PathBuf,
    /// Its private key (PKCS #8).
    pub key: PathBuf,
}

impl Authority {
    /// Makes one and writes its certificate to `ca.crt` in `folder`.
    pub fn new(folder: &Path) -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "an authority of the tests");
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
        ];
        let key = KeyPair::generate()?;
        let certificate = folder.join("ca.crt");
        write(&certificate, &params.self_signed(&key)?.pem())?;
        Ok(Self {
            issuer: Issuer::new(params, key),
            folder: folder.to_owned(),
            certificate,
        })
    }

    /// The file that clients are told to trust.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// A leaf for a server (and a client) under `names`, each a host name or an IP
    /// address, written to `LABEL.crt` and `LABEL.key`.
    pub fn issue(&self, label: &str, names: &[&str]) -> Result<Identity> {
        // rcgen tells addresses from names by their looks, as certificates have to.
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, label);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate()?;
        let identity = Identity {
            certificate: self.folder.join(format!("{label}.crt")),
            key: self.folder.join(format!("{label}.key")),
        };
        write(
            &identity.certificate,
            &params.signed_by(&key, &self.issuer)?.pem(),
        )?;
        write(&identity.key, &key.serialize_pem())?;
        Ok(identity)
    }

    /// A leaf for one address.
    pub fn issue_for(&self, address: IpAddr) -> Result<Identity> {
        self.issue(&format!("server-{address}"), &[&address.to_string()])
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::{Tool, require, run};

    #[test]
    fn openssl_agrees_that_the_authority_signed_it() -> Result<()> {
        if !require(&[Tool::Openssl])? {
            return Ok(());
        }
        let folder = tempfile::tempdir()?;
        let authority = Authority::new(folder.path())?;
        let leaf = authority.issue_for(crate::netns::ADDRESS)?;
        let mut verify = Command::new(Tool::Openssl.path()?);
        verify.args(["verify", "-verify_ip", "10.99.0.1", "-CAfile"]);
        verify.arg(authority.certificate()).arg(&leaf.certificate);
        run::checked(&mut verify)?;

        let other = tempfile::tempdir()?;
        let stranger = Authority::new(other.path())?;
        let mut refuse = Command::new(Tool::Openssl.path()?);
        refuse
            .args(["verify", "-CAfile"])
            .arg(stranger.certificate());
        assert!(
            !run::captured(refuse.arg(&leaf.certificate))?
                .status
                .success()
        );
        Ok(())
    }
}

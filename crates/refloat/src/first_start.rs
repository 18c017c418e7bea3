//! What the first start writes beside the database: the master key and the administrator's password.
//!
//! Both are durable, with mode 0600, before a row depends on them: whoever inserts `admin` has written the password
//! file first, and no secret is stored under a key that a crash could take away.

use anyhow::{Context, Result, bail};
use refloat_core::Secret;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Length of the master key in bytes (AES-256).
pub const KEY_BYTES: usize = 32;
/// Letters of a password of ours: five random bits each, 160 in all.
const PASSWORD_LETTERS: usize = 32;
/// Letters and digits that are not mistaken for each other; 32 of them, so that five bits are one.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Reads the master key, or makes one if there is no file yet.
///
/// # Errors
/// One that names the file: it cannot be read or written, others may read it, or it is no key.
pub fn master_key(path: &Path) -> Result<Secret<[u8; KEY_BYTES]>> {
    let name = path.display();
    if let Some(bytes) = read_private(path)? {
        let key = bytes.try_into().ok().with_context(|| {
            format!("{name} is not a master key of {KEY_BYTES} bytes; put the right file back, without it no stored secret opens")
        })?;
        return Ok(Secret::new(key));
    }
    let mut key = [0; KEY_BYTES];
    fill(&mut key)?;
    if write_private(path, &key)? {
        Ok(Secret::new(key))
    } else {
        // Another process on the same key file was first.
        master_key(path)
    }
}

/// The password in `path`; a new one is written there if there is none yet.
///
/// # Errors
/// One that names the file.
pub fn admin_password(path: &Path) -> Result<Secret<String>> {
    if let Some(bytes) = read_private(path)? {
        let text = String::from_utf8(bytes)
            .ok()
            .with_context(|| format!("{} is not text", path.display()))?;
        return Ok(Secret::new(text.trim().to_owned()));
    }
    let mut bytes = [0; PASSWORD_LETTERS];
    fill(&mut bytes)?;
    let password: String = bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect();
    if write_private(path, format!("{password}\n").as_bytes())? {
        Ok(Secret::new(password))
    } else {
        admin_password(path)
    }
}

fn fill(bytes: &mut [u8]) -> Result<()> {
    aws_lc_rs::rand::fill(bytes)
        .ok()
        .context("the system gives no random bytes")
}

fn read_private(path: &Path) -> Result<Option<Vec<u8>>> {
    let name = path.display();
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {name}")),
    };
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!(
            "{name} can be read by others (mode {:o}); run chmod 600 {name}",
            mode & 0o777
        );
    }
    let mut bytes = Vec::new();
    (&mut file)
        .take(4096)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {name}"))?;
    Ok(Some(bytes))
}

/// Writes `bytes` durably under a name that appears whole or not at all; false if the name exists already.
fn write_private(path: &Path, bytes: &[u8]) -> Result<bool> {
    let name = path.display();
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let _ = std::fs::remove_file(&draft);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .with_context(|| format!("cannot write {}", draft.display()))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {name}"))?;
    refloat_fail::point("start.secret_written")?;
    // A link fails where a rename would replace what another process wrote meanwhile.
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft).with_context(|| format!("cannot remove {}", draft.display()))?;
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        other => other.with_context(|| format!("cannot write {name}"))?,
    }
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("cannot sync {}", folder.display()))?;
    refloat_fail::point("start.secret_durable")?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_once_and_read_ever_after() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("master-key");
        let made = *master_key(&path).expect("a key").expose();
        assert_ne!(made, [0; KEY_BYTES]);
        assert_eq!(*master_key(&path).expect("the same key").expose(), made);
        let password = folder.path().join("admin-password");
        let made = admin_password(&password)
            .expect("a password")
            .expose()
            .clone();
        assert_eq!(made.len(), 32);
        assert_eq!(*admin_password(&password).expect("the same").expose(), made);
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("listed").count(),
            2,
            "no draft is left"
        );
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("master-key");
        std::fs::write(&path, [1; KEY_BYTES]).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("mode");
        let error = master_key(&path).expect_err("open to all").to_string();
        assert!(error.contains("chmod 600"), "{error}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("mode");
        std::fs::write(&path, b"short").expect("written");
        assert!(
            master_key(&path)
                .expect_err("no key")
                .to_string()
                .contains("not a master key")
        );
    }
}

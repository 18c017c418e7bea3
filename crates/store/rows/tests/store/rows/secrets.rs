//! Secrets in their table: opened by the right master key only, server keys made once.

use super::world::*;
use crate::both::both;
use refloat_core::{Failure, Secret};
use refloat_store::secrets::{self, MasterKey, ServerKey};
use refloat_store::{Store, StoreError, projects};

fn master(id: u8, byte: u8) -> MasterKey {
    MasterKey::new(id, Secret::new([byte; 32]))
}

async fn server_key(
    store: &Store,
    master: &MasterKey,
    key: ServerKey,
) -> Result<[u8; 32], StoreError> {
    writing!(store, [master], |tx| Ok(*secrets::server_key(
        tx, &master, key
    )
    .await?
    .expose()))
}

both! {
    async fn server_keys_are_made_once(store: TestStore) {
        let key = master(1, 7);
        let tokens = server_key(&store, &key, ServerKey::Tokens).await.expect("a key");
        assert_eq!(server_key(&store, &key, ServerKey::Tokens).await, Ok(tokens));
        assert_ne!(server_key(&store, &key, ServerKey::Cursors).await, Ok(tokens));
        let store = store.reopen().await;
        assert_eq!(server_key(&store, &key, ServerKey::Tokens).await, Ok(tokens));
        for wrong in [master(1, 8), master(2, 7)] {
            let refused = server_key(&store, &wrong, ServerKey::Tokens).await;
            assert!(matches!(refused, Err(StoreError::Failed(Failure::Terminal(_)))), "{refused:?}");
        }
    }

    async fn an_altered_secret_opens_never(store: TestStore) {
        let key = master(1, 7);
        let value = Secret::new(b"canary".to_vec());
        let id = writing!(store, [key, value], |tx| secrets::put(tx, &key, &projects::default_project(), "test", &value).await);
        let id = id.expect("stored");
        let get = async || reading!(store, [key, id], |tx| secrets::get(tx, &key, &id).await);
        assert_eq!(get().await.expect("it opens").expose(), b"canary");
        let rows = store.run("select wrapped_key, ciphertext from secret", Vec::new()).await.expect("rows");
        assert!(!rows[0].bytes(1).expect("bytes").windows(6).any(|part| part == b"canary"));
        let mut altered = rows[0].bytes(1).expect("bytes").to_vec();
        altered[20] ^= 1;
        store.run("update secret set ciphertext = $1", vec![altered.into()]).await.expect("rows");
        assert!(matches!(get().await, Err(StoreError::Failed(Failure::Damaged(_)))));
    }
}

#[test]
fn two_processes_that_start_at_once_share_their_keys() {
    crate::both::on_postgres(async |store: crate::both::TestStore| {
        let other = store.again().await;
        let key = master(1, 7);
        let (one, two) = tokio::join!(
            server_key(&store, &key, ServerKey::Tokens),
            server_key(&other, &key, ServerKey::Tokens)
        );
        assert_eq!(one.expect("a key"), two.expect("a key"));
    });
}

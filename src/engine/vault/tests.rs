//! The vault: what is set, sealed, rotated and masked.

use super::*;
use crate::{engine::SystemPorts, store::MemoryStore};

fn key(seed: u8) -> String {
    Keyring::material(std::array::from_fn(|at| seed.wrapping_add(at as u8))).to_string()
}

async fn open(store: &Arc<dyn Store>, material: &str) -> Result<Vault, VaultError> {
    let keyring = Keyring::parse(material).unwrap();
    Vault::open(Arc::clone(store), keyring, Arc::new(SystemPorts::default())).await
}

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

fn value(text: &str) -> SecretValue {
    text.to_owned().into()
}

#[tokio::test]
async fn s12_credentials_in_variables_are_masked_beside_the_secrets_also_after_a_change() {
    let vault =
        open(&memory(), &key(1)).await.unwrap().masking([("DB_PASSWORD".to_owned(), value("hunter2-x"))]);
    let masked = || vault.redactor().redact("hunter2-x s3cret-one").into_owned();
    assert_eq!(masked(), "[secret DB_PASSWORD] s3cret-one");
    vault.set("TOKEN", value("s3cret-one")).await.unwrap();
    vault.rotate().await.unwrap();
    assert_eq!(masked(), "[secret DB_PASSWORD] [secret TOKEN]");
    assert_eq!((vault.names(), vault.get("DB_PASSWORD").is_none()), (vec!["TOKEN".to_owned()], true));
}

#[tokio::test]
async fn what_is_set_is_there_after_a_restart_and_masked() {
    let store = memory();
    let vault = open(&store, &key(1)).await.unwrap();
    let clone = vault.clone();
    vault.set("TOKEN", value("s3cret-one")).await.unwrap();
    assert_eq!(clone.get("TOKEN").as_deref(), Some("s3cret-one"));
    assert_eq!(clone.redactor().redact("a s3cret-one"), "a [secret TOKEN]");
    let again = open(&store, &key(1)).await.unwrap();
    assert_eq!(again.get("TOKEN").as_deref(), Some("s3cret-one"));
    assert_eq!((again.names(), again.sealed_list()), (vec!["TOKEN".to_owned()], vault.sealed_list()));
    assert!(!format!("{again:?} {:?}", again.sealed_list()).contains("s3cret"));
    let stored = tables::secrets::get(&*store, "TOKEN").await.unwrap().unwrap();
    assert!(!stored.ciphertext.windows(6).any(|window| window == b"s3cret"));
}

#[tokio::test]
async fn a_change_wakes_who_waits_for_it_and_who_comes_later() {
    let vault = open(&memory(), &key(1)).await.unwrap();
    let waits = {
        let vault = vault.clone();
        tokio::spawn(async move { vault.changed().await })
    };
    vault.set("TOKEN", value("s3cret-one")).await.unwrap();
    waits.await.unwrap();
    vault.remove("TOKEN").await.unwrap();
    vault.changed().await;
}

#[tokio::test]
async fn replaced_and_removed_values_stay_masked_until_the_restart() {
    let vault = open(&memory(), &key(1)).await.unwrap();
    vault.set("A", value("first-value")).await.unwrap();
    vault.set("A", value("second-value")).await.unwrap();
    assert!(vault.remove("A").await.unwrap() && !vault.remove("A").await.unwrap());
    assert_eq!((vault.get("A"), vault.names()), (None, vec![]));
    assert_eq!(vault.redactor().redact("first-value second-value"), "[secret A] [secret A]");
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_changes_nothing() {
    let store = memory();
    let right = Keyring::parse(&key(1)).unwrap().key_id().to_owned();
    assert_eq!(Vault::sealed_with(&*store).await.unwrap(), None);
    open(&store, &key(1)).await.unwrap();
    let error = open(&store, &key(2)).await.unwrap_err().to_string();
    assert!(error.contains(&right) && error.contains("flowcell secrets rotate"), "{error}");
    assert_eq!(Vault::sealed_with(&*store).await.unwrap(), Some(right));
    assert!(open(&store, &key(1)).await.is_ok());
}

#[tokio::test]
async fn after_a_rotation_the_old_key_can_go() {
    let store = memory();
    let vault = open(&store, &key(1)).await.unwrap();
    // More than one batch.
    for n in 0..40 {
        vault.set(&format!("S{n}"), value(&"x".repeat(60_000 + n))).await.unwrap();
    }
    let both = format!("{},{}", key(2), key(1));
    let vault = open(&store, &both).await.unwrap();
    let before = vault.sealed_list();
    assert!(matches!(open(&store, &key(2)).await, Err(VaultError::WrongKey { .. })));
    assert_eq!(vault.rotate().await.unwrap(), 40);
    let vault = open(&store, &key(2)).await.unwrap();
    assert!(matches!(open(&store, &key(1)).await, Err(VaultError::WrongKey { .. })));
    assert_eq!(vault.get("S39").unwrap().len(), 60_039);
    for (before, after) in before.iter().zip(vault.sealed_list()) {
        assert_eq!((&before.name, before.set_ms), (&after.name, after.set_ms));
        assert_ne!(before.key_id, after.key_id);
    }
}

#[tokio::test]
async fn values_exchanged_in_the_store_do_not_open() {
    let store = memory();
    let vault = open(&store, &key(1)).await.unwrap();
    vault.set("A", value("value of a")).await.unwrap();
    vault.set("B", value("value of b")).await.unwrap();
    let b = tables::secrets::get(&*store, "B").await.unwrap().unwrap();
    let mut batch = Batch::new();
    tables::secrets::put(&mut batch, "A", &b);
    store.commit(batch).await.unwrap();
    let refused = open(&store, &key(1)).await;
    assert!(matches!(refused, Err(VaultError::Secret(SecretError::Damaged { .. }))), "{refused:?}");
}

#[tokio::test]
async fn names_values_and_numbers_have_limits() {
    let vault = open(&memory(), &key(1)).await.unwrap();
    assert!(matches!(vault.set("a-b", value("long enough")).await, Err(VaultError::Secret(_))));
    assert!(matches!(vault.set("A", value("short")).await, Err(VaultError::Secret(_))));
    let fixed = Vault::of([("A".to_owned(), value("from outside"))]).unwrap();
    assert_eq!(fixed.get("A").as_deref(), Some("from outside"));
    assert_eq!(fixed.redactor().redact("from outside"), "[secret A]");
    assert!(matches!(fixed.set("B", value("long enough")).await, Err(VaultError::Fixed)));
    assert!(matches!(Vault::empty().rotate().await, Err(VaultError::Fixed)));
    assert!(Vault::empty().redactor().is_empty());
    assert!(Vault::of([("A".to_owned(), value("short"))]).is_err());
}

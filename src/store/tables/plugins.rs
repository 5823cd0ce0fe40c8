//! Plugins: what each version says of itself, its bytes by their hash, and what was decided on all its versions.
//!
//! A version is never changed. Its bytes stay as long as one version has them; two may have the same.

use semver::Version;

use crate::{
    model::{PluginHash, PluginName, PluginSettings, PluginVersion},
    store::{
        Batch, KeyRange, Order, Store, StoreError,
        keys::{self, Key, Kind},
        record::{self, Record},
    },
};

impl Record for PluginVersion {
    const KIND: &'static str = "plugin version";
    const VERSION: u8 = 1;
}

impl Record for PluginSettings {
    const KIND: &'static str = "plugin settings";
    const VERSION: u8 = 1;
}

/// Stores a version with its bytes, if nobody stored that version meanwhile.
pub fn insert(batch: &mut Batch, version: &PluginVersion, module: &[u8]) {
    let description = &version.description;
    let key = keys::plugin_version(&description.name, &description.version.to_string());
    batch
        .expect_absent(key.clone())
        .put(key, record::encode(version))
        .put(keys::plugin_module(version.hash), module.to_vec());
}

/// Removes a version; its bytes too when `alone`.
pub fn remove(batch: &mut Batch, version: &PluginVersion, alone: bool) {
    let description = &version.description;
    batch.delete(keys::plugin_version(&description.name, &description.version.to_string()));
    if alone {
        batch.delete(keys::plugin_module(version.hash));
    }
}

/// One version.
///
/// # Errors
/// The store's own: it is full, it failed, or a value in it cannot be read.
pub async fn get(
    store: &dyn Store,
    name: &PluginName,
    version: &Version,
) -> Result<Option<PluginVersion>, StoreError> {
    super::read(store, &keys::plugin_version(name, &version.to_string())).await
}

/// All versions of all plugins.
///
/// # Errors
/// The store's own: it is full, it failed, or a value in it cannot be read.
pub async fn list(store: &dyn Store) -> Result<Vec<PluginVersion>, StoreError> {
    let range = KeyRange::prefix(Kind::PluginVersion.prefix());
    let all = super::read_range(store, range, Order::Ascending, usize::MAX).await?;
    Ok(all.into_iter().map(|(_, version)| version).collect())
}

/// The bytes of a plugin. The store's own checksum finds those that are not what was written.
///
/// # Errors
/// The store's own: it is full, it failed, or a value in it cannot be read.
pub async fn module(store: &dyn Store, hash: PluginHash) -> Result<Option<Vec<u8>>, StoreError> {
    store.get(&keys::plugin_module(hash)).await
}

/// Stores what the operator decided about a plugin.
pub fn put_settings(batch: &mut Batch, name: &PluginName, settings: &PluginSettings) {
    batch.put(keys::plugin_settings(name), record::encode(settings));
}

/// Removes what the operator decided about a plugin.
pub fn remove_settings(batch: &mut Batch, name: &PluginName) {
    batch.delete(keys::plugin_settings(name));
}

/// All that was decided, by plugin.
///
/// # Errors
/// Those of the store; `Corrupt` when a name is none.
pub async fn settings(store: &dyn Store) -> Result<Vec<(PluginName, PluginSettings)>, StoreError> {
    let range = KeyRange::prefix(Kind::PluginSettings.prefix());
    let all = super::read_range(store, range, Order::Ascending, usize::MAX).await?.into_iter();
    let named = all.map(|(key, settings)| {
        let name = std::str::from_utf8(&key[1..]).ok().and_then(|name| name.parse().ok());
        let name = name.ok_or_else(|| StoreError::corrupt(Key::from(&*key), "it names no plugin"))?;
        Ok((name, settings))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{CodeLimits, PluginDescription, PluginKind},
        store::{MemoryStore, testing::block_on},
    };

    fn version(name: &str, version: &str, hash: u8) -> PluginVersion {
        let description = PluginDescription {
            name: name.parse().unwrap(),
            version: version.parse().unwrap(),
            title: "A title".to_owned(),
            input_schema: None,
            output_schema: None,
            capabilities: vec!["http:a.example".parse().unwrap(), "kv:a/".parse().unwrap()],
            examples: Vec::new(),
        };
        PluginVersion {
            description,
            kind: PluginKind::Component,
            hash: PluginHash([hash; 32]),
            size: 3,
            uploaded_ms: 7,
        }
    }

    #[test]
    fn versions_are_immutable_and_share_their_bytes() {
        let store = MemoryStore::new();
        let (first, second) = (version("a", "1.0.0", 1), version("a", "1.0.1", 1));
        for stored in [&first, &second] {
            let mut batch = Batch::new();
            insert(&mut batch, stored, b"abc");
            block_on(store.commit(batch)).unwrap();
        }
        let mut batch = Batch::new();
        insert(&mut batch, &version("a", "1.0.0", 2), b"other");
        assert!(matches!(block_on(store.commit(batch)), Err(StoreError::Conflict { .. })));
        assert_eq!(block_on(list(&store)).unwrap(), [first.clone(), second.clone()]);
        let mut batch = Batch::new();
        remove(&mut batch, &first, false);
        block_on(store.commit(batch)).unwrap();
        assert_eq!(block_on(module(&store, second.hash)).unwrap().as_deref(), Some(&b"abc"[..]));
        assert_eq!(
            block_on(get(&store, &second.description.name, &second.description.version)).unwrap(),
            Some(second.clone())
        );
        let mut batch = Batch::new();
        remove(&mut batch, &second, true);
        block_on(store.commit(batch)).unwrap();
        assert_eq!(
            (block_on(list(&store)).unwrap().len(), block_on(module(&store, second.hash)).unwrap()),
            (0, None)
        );
    }

    #[test]
    fn what_was_decided_is_kept_by_name() {
        let store = MemoryStore::new();
        let name: PluginName = "a".parse().unwrap();
        let limits = CodeLimits { fuel: Some(5), ..CodeLimits::default() };
        let decided = PluginSettings { grants: vec!["secret:A".parse().unwrap()], limits };
        let mut batch = Batch::new();
        put_settings(&mut batch, &name, &decided);
        block_on(store.commit(batch)).unwrap();
        assert_eq!(block_on(settings(&store)).unwrap(), [(name.clone(), decided)]);
        let mut batch = Batch::new();
        remove_settings(&mut batch, &name);
        block_on(store.commit(batch)).unwrap();
        assert!(block_on(settings(&store)).unwrap().is_empty());
    }
}

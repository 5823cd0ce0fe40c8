//! What references mean, what grants come to, and what is left after a removal.

use super::*;
use crate::{sandbox::PluginOptions, store::MemoryStore};
use plugin_wat::Wat;

#[path = "../../../tests/plugin_wat.rs"]
mod plugin_wat;

const ASKS: &[&str] = &["http:*.example.com", "kv:a/", "secret:TOKEN"];

async fn shelf(store: &Arc<MemoryStore>) -> Plugins {
    let engine = PluginEngine::new(PluginOptions { slots: 1, ..PluginOptions::default() }).unwrap();
    Plugins::open(engine, Arc::clone(store) as Arc<dyn Store>, Vault::empty()).await.unwrap()
}

fn module(name: &'static str, version: &'static str, capabilities: &'static [&'static str]) -> Vec<u8> {
    Wat { name, version, capabilities, ..Wat::ECHO }.module()
}

fn capabilities(texts: &[&str]) -> Vec<Capability> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[tokio::test]
async fn a_reference_means_the_highest_version_that_begins_so_also_after_a_restart() {
    let store = Arc::new(MemoryStore::new());
    let plugins = shelf(&store).await;
    for version in ["1.2.0", "1.10.0", "1.11.0-rc.1", "2.0.0"] {
        plugins.upload(&module("a", version, &[]), None, 5).await.unwrap();
    }
    let again = shelf(&store).await;
    for plugins in [&plugins, &again] {
        let found = |reference: &str| {
            plugins.find(&reference.parse().unwrap()).map(|found| found.description.version.to_string())
        };
        assert_eq!(found("a@1").as_deref(), Some("1.10.0"));
        assert_eq!(found("a@1.2").as_deref(), Some("1.2.0"));
        assert_eq!(found("a@1.11.0-rc.1").as_deref(), Some("1.11.0-rc.1"));
        assert_eq!((found("a@3"), found("b@1")), (None, None));
        let hash = plugins.find(&"a@2".parse().unwrap()).unwrap().hash;
        assert_eq!(found(&hash.to_string()).as_deref(), Some("2.0.0"));
    }
}

#[tokio::test]
async fn a_plugin_may_do_what_it_asks_for_and_is_granted_and_no_more() {
    let plugins = shelf(&Arc::new(MemoryStore::new())).await;
    plugins.upload(&module("a", "1.0.0", ASKS), None, 5).await.unwrap();
    let name: PluginName = "a".parse().unwrap();
    let may = || async {
        let usable = plugins.usable(&"a@1".parse().unwrap(), None).await.unwrap();
        usable.allowed.capabilities.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert!(may().await.is_empty());
    // Less than it asks for, and more than it asks for: it may do the smaller of both.
    plugins.grant(&name, &capabilities(&["http:api.example.com", "kv:"])).await.unwrap();
    assert_eq!(may().await, ["kv:a/", "http:api.example.com"]);
    let refused = plugins.grant(&name, &capabilities(&["http:other.test"])).await.unwrap_err();
    assert!(matches!(refused, PluginsError::NotAsked { .. }));
    assert!(refused.to_string().contains("http:*.example.com"), "{refused}");
    plugins.revoke(&name, &capabilities(&["kv:"])).await.unwrap();
    assert_eq!(may().await, ["http:api.example.com"]);
    // A later version that asks for less has less.
    plugins.upload(&module("a", "1.1.0", &[]), None, 5).await.unwrap();
    assert!(may().await.is_empty());
    assert!(matches!(
        plugins.revoke(&name, &capabilities(&["kv:"])).await,
        Err(PluginsError::NotGranted { .. })
    ));
    plugins.revoke(&name, &[]).await.unwrap();
    assert!(plugins.installed(&name).unwrap().settings.grants.is_empty());
}

#[tokio::test]
async fn bytes_stay_as_long_as_one_version_has_them_and_a_pinned_run_is_told_when_they_are_gone() {
    let store = Arc::new(MemoryStore::new());
    let plugins = shelf(&store).await;
    let command =
        wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#).unwrap();
    for name in ["a", "b"] {
        let named = (name.parse().unwrap(), Version::new(1, 0, 0));
        plugins.upload(&command, Some(named), 5).await.unwrap();
    }
    let reference: PluginRef = "a@1".parse().unwrap();
    let pin = plugins.pin(&reference).unwrap();
    assert_eq!(plugins.remove(&"b".parse().unwrap(), None).await.unwrap(), 1);
    assert!(plugins.usable(&reference, Some(pin.hash)).await.is_ok());
    assert_eq!(plugins.remove(&"a".parse().unwrap(), Some(&Version::new(1, 0, 0))).await.unwrap(), 1);
    assert_eq!(plugins.module(pin.hash).await.unwrap(), None);
    let gone = plugins.usable(&reference, Some(pin.hash)).await.err().unwrap();
    assert_eq!(gone.code, ErrorCode::PluginMissing);
    assert!(gone.message.contains("was removed"), "{}", gone.message);
    assert!(matches!(plugins.remove(&"a".parse().unwrap(), None).await, Err(PluginsError::Unknown { .. })));
}

#[tokio::test]
async fn versions_are_immutable_and_names_are_the_plugins_own() {
    let plugins = shelf(&Arc::new(MemoryStore::new())).await;
    let first = module("a", "1.0.0", &[]);
    assert!(plugins.upload(&first, None, 5).await.unwrap().new);
    assert!(!plugins.upload(&first, None, 6).await.unwrap().new);
    let other = plugins.upload(&module("a", "1.0.0", ASKS), None, 5).await.unwrap_err();
    assert!(matches!(other, PluginsError::Exists { .. }), "{other}");
    let named = Some(("b".parse().unwrap(), Version::new(1, 0, 0)));
    assert!(matches!(plugins.upload(&first, named, 5).await, Err(PluginsError::OtherName { .. })));
    let too_much = CodeLimits { fuel: Some(u64::MAX), ..CodeLimits::default() };
    assert!(matches!(plugins.limit(&"a".parse().unwrap(), too_much).await, Err(PluginsError::Limits { .. })));
}

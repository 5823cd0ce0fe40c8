//! Settings that are given as environment variables.

use super::network;

/// `SECTION_KEY` sets `section.key`. The type follows from the text, as TOML would read it.
pub(super) fn set(table: &mut toml::Table, setting: &str, value: &str) -> Result<(), String> {
    let unknown =
        || "there is no such setting; a setting `section.key` is written FLOWCELL_SECTION_KEY".to_owned();
    let (section, key) = setting.split_once('_').ok_or_else(unknown)?;
    let section = section.to_lowercase();
    if section == "tls" {
        return network::set_tls(table, &key.to_lowercase(), value).ok_or_else(unknown);
    }
    // Names of variables keep their case. Keys of settings are lower case.
    let key = if section == "vars" { key.to_owned() } else { key.to_lowercase() };
    let text = toml::Value::String(value.to_owned());
    let value = match (section.as_str(), key.as_str()) {
        ("env" | "net", "allow") | ("net", "no_proxy") | ("server", "trusted_proxies" | "hosts") => {
            network::list(value)
        }
        ("server", "cross_site" | "machine_token")
        | ("net", "proxy_resolves")
        | ("sandbox", "reuse")
        | ("workflows", "readonly") => value.parse().map_or(text, toml::Value::Boolean),
        ("sandbox" | "engine", _) | ("server", "max_connections" | "max_connections_per_ip") => {
            value.parse().map_or(text, toml::Value::Integer)
        }
        ("server" | "log" | "retention" | "secrets" | "vars" | "net" | "workflows", _) => text,
        _ => return Err(unknown()),
    };
    let section = table.entry(section).or_insert_with(|| toml::Table::new().into());
    let section = section.as_table_mut().ok_or_else(unknown)?;
    section.insert(key, value);
    Ok(())
}

//! Where a registry has its crates.
//!
//! The index of a registry holds `config.json`, whose `dl` is a template of a crate's address: it may use `{crate}`,
//! `{version}`, `{prefix}`, `{lowerprefix}` and `{sha256-checksum}`. Without any of them, `/{crate}/{version}/download`
//! is added. The prefix is the folder of the crate in the index: `1`, `2`, `3/<1st letter>` or
//! `<1st and 2nd>/<3rd and 4th>`.
//!
//! Source: the Cargo book, "Registry index", sections "Index configuration" and "Index files".
use crate::{LockedFile, LockedFileSource, Registries};

/// The default registry, as locks name it, is this address, the registry's domain, and `-index`.
const DEFAULT_INDEX: &str = "registry+https://github.com/rust-lang/";

/// The domain of the default registry if `source` means that one.
pub(crate) fn default_domain(source: &str) -> Option<&str> {
    let domain = source.strip_prefix(DEFAULT_INDEX)?.strip_suffix("-index")?;
    let is_domain = domain.contains('.') && !domain.contains(['/', '?', '#', '@', ':']);
    is_domain.then_some(domain)
}

/// Whether `source` means the default registry, in either of its spellings.
pub(crate) fn is_default(source: &str) -> bool {
    // In a lock, the git address stands for the default registry, whichever index cargo reads.
    default_domain(source).is_some()
}

/// The address of the `config.json` of the registry that a lock calls `source`, where that can be had over HTTP: of a
/// sparse index, and of the default registry, whose index has a sparse twin. `None` for other git indexes.
pub fn cargo_index_config_url(source: &str) -> Option<String> {
    if let Some(domain) = default_domain(source) {
        return Some(format!("https://index.{domain}/config.json"));
    }
    let index = source.strip_prefix("sparse+")?;
    Some(format!("{}/config.json", index.trim_end_matches('/')))
}

/// The address of a crate's file, where `dl` is that of the registry's `config.json` and `checksum` is the sha256 in
/// lower-case hexadecimal digits.
pub fn cargo_download_url(dl: &str, name: &str, version: &str, checksum: &str) -> String {
    let markers = ["{crate}", "{version}", "{prefix}", "{lowerprefix}", "{sha256-checksum}"];
    if !markers.iter().any(|marker| dl.contains(marker)) {
        return format!("{}/{name}/{version}/download", dl.trim_end_matches('/'));
    }
    dl.replace("{crate}", name)
        .replace("{version}", version)
        .replace("{prefix}", &prefix(name))
        .replace("{lowerprefix}", &prefix(&name.to_lowercase()))
        .replace("{sha256-checksum}", checksum)
}

fn prefix(name: &str) -> String {
    let part = |from: usize, to: usize| name.get(from..to).unwrap_or_default();
    match name.len() {
        0..=2 => name.len().to_string(),
        3 => format!("3/{}", part(0, 1)),
        _ => format!("{}/{}", part(0, 2), part(2, 4)),
    }
}

pub(crate) fn urls(needed: &LockedFile, registries: &Registries) -> Vec<String> {
    let LockedFileSource::Registry { index } = &needed.source else { return Vec::new() };
    let default = if is_default(index) { registries.cargo.as_ref() } else { None };
    let templates = registries.cargo_others.get(index).into_iter().chain(default);
    let checksum = needed.checks.first().map(|check| check.hex()).unwrap_or_default();
    templates.map(|dl| cargo_download_url(dl, &needed.name, &needed.version, &checksum)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_is_at_the_root_of_the_index() {
        #[track_caller]
        fn check(source: &str, expected: Option<&str>) {
            assert_eq!(cargo_index_config_url(source).as_deref(), expected, "{source}");
        }
        let default = "registry+https://github.com/rust-lang/mirror.example-index";
        check(default, Some("https://index.mirror.example/config.json"));
        check("sparse+https://mirror.example/index/", Some("https://mirror.example/index/config.json"));
        check("sparse+https://mirror.example/index", Some("https://mirror.example/index/config.json"));
        check("registry+https://mirror.example/index.git", None);
        check("registry+https://github.com/rust-lang/a.example/b-index", None);
        check("registry+https://github.com/rust-lang/me@a.example-index", None);
        check("git+https://mirror.example/x", None);
        check("", None);
    }

    #[test]
    fn the_address_of_a_crate_follows_the_template() {
        #[track_caller]
        fn check(dl: &str, name: &str, expected: &str) {
            assert_eq!(cargo_download_url(dl, name, "1.0.0", "cafe"), expected);
        }
        check("https://m.example/api", "serde", "https://m.example/api/serde/1.0.0/download");
        check("https://m.example/api/", "serde", "https://m.example/api/serde/1.0.0/download");
        check("https://m.example/{crate}-{version}.crate", "Serde", "https://m.example/Serde-1.0.0.crate");
        check("https://m.example/{prefix}/{crate}", "Serde", "https://m.example/Se/rd/Serde");
        check("https://m.example/{lowerprefix}/{crate}", "Serde", "https://m.example/se/rd/Serde");
        check("https://m.example/{prefix}", "a", "https://m.example/1");
        check("https://m.example/{prefix}", "ab", "https://m.example/2");
        check("https://m.example/{prefix}", "abc", "https://m.example/3/a");
        check("https://m.example/{sha256-checksum}", "abc", "https://m.example/cafe");
    }
}

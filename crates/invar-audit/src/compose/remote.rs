//! Addresses that Compose fetches from.
use crate::pins::is_commit;

/// Whether Compose fetches what is at this address.
pub(super) fn is_remote(address: &str) -> bool {
    let schemes = ["http://", "https://", "git://", "ssh://", "git@", "oci://", "github.com/"];
    schemes.iter().any(|scheme| address.starts_with(scheme))
}

/// What is wrong, where the address names no commit and no digest.
pub(super) fn remote_not_pinned(address: &str) -> Option<String> {
    if address.contains("@sha256:") {
        return None;
    }
    // `URL#REFERENCE:FOLDER`, or `URL?ref=REFERENCE` and `URL?checksum=COMMIT`.
    let fragment = address.split_once('#').map(|(_, rest)| rest.split(':').next().unwrap_or(rest));
    let queried = address.split(['?', '&', '#']).skip(1).filter_map(|part| part.split_once('='));
    let named = |name: &str| matches!(name, "ref" | "tag" | "branch" | "checksum" | "commit");
    let queried = queried.filter(|(name, _)| named(name)).map(|(_, value)| value);
    let references: Vec<&str> = fragment.into_iter().chain(queried).filter(|text| !text.is_empty()).collect();
    if references.iter().any(|reference| is_commit(reference)) {
        return None;
    }
    Some(match references.first() {
        Some(reference) => format!("`{reference}` of `{address}` is a name that can move"),
        None => format!("the content of `{address}` can change at any time"),
    })
}

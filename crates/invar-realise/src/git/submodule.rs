//! What a commit says of its submodules (gitmodules(5)): other repositories, of which its tree names a commit each.
//!
//! A `.gitmodules` file is written by whoever wrote the repository, so what it names is only fetched by the ways in
//! which published repositories are reached. A folder of this machine is never taken for a repository that came over the
//! network.
use std::collections::BTreeMap;

/// The most submodules of a commit, with those of its submodules.
pub(super) const MOST: usize = 500;

/// How deep submodules may have submodules.
pub(super) const DEEPEST: usize = 8;

/// The most bytes of a `.gitmodules` file.
pub(super) const LONGEST: u64 = 1 << 20;

/// A submodule as `.gitmodules` describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Described {
    /// Where it is in the repository.
    path: Option<String>,
    /// Where its repository is, perhaps relative to this one.
    pub url: Option<String>,
    /// Whether it is not to be fetched (`update = none`): then an empty folder is in its place.
    pub is_left_out: bool,
}

/// The submodules of a `.gitmodules` file by their paths, from what `git config --list -z` prints of it:
/// `submodule.NAME.KEY LF VALUE NUL`.
pub(super) fn described(listing: &[u8]) -> BTreeMap<String, Described> {
    let mut by_name: BTreeMap<String, Described> = BTreeMap::new();
    for pair in listing.split(|&byte| byte == 0) {
        let Ok(pair) = std::str::from_utf8(pair) else { continue };
        let Some((key, value)) = pair.split_once('\n') else { continue };
        let Some((name, key)) = key.strip_prefix("submodule.").and_then(|rest| rest.rsplit_once('.')) else {
            continue;
        };
        let one = by_name.entry(name.to_owned()).or_default();
        match key {
            "path" => one.path = Some(value.trim_end_matches('/').to_owned()),
            "url" => one.url = Some(value.to_owned()),
            "update" => one.is_left_out = value == "none",
            _ => {}
        }
    }
    by_name.into_values().filter_map(|one| Some((one.path.clone()?, one))).collect()
}

/// The address of a submodule whose `.gitmodules` says `url`, in a repository at `of`.
///
/// # Errors
/// What is wrong with it, as the end of a sentence.
pub(super) fn resolve(url: &str, of: &str) -> Result<String, &'static str> {
    if url.starts_with('-') || url.chars().any(char::is_control) {
        return Err("which is not a URL");
    }
    let resolved =
        if url.starts_with("./") || url.starts_with("../") { relative(url, of)? } else { url.to_owned() };
    match (is_remote(&resolved), is_remote(of)) {
        (true, _) | (false, false) if !resolved.contains("::") => Ok(resolved),
        (false, true) => Err("which is not supported: use an https, http, ssh or git URL"),
        _ => Err("which is not supported: it uses a helper program"),
    }
}

/// Whether `url` names another machine: by a scheme that git fetches from, or as `HOST:PATH`.
fn is_remote(url: &str) -> bool {
    match url.split_once("://") {
        Some((scheme, _)) => ["https", "http", "ssh", "git", "git+ssh", "ssh+git"].contains(&scheme),
        // A colon before any slash is how ssh's addresses are written.
        None => url.split_once(':').is_some_and(|(host, _)| !host.is_empty() && !host.contains('/')),
    }
}

/// git-submodule(1): relative to the address of the repository that has the submodule.
fn relative(url: &str, of: &str) -> Result<String, &'static str> {
    let out = "which is outside the repository's server";
    // What may not be climbed over: the scheme and the host, or the first slash.
    let floor = match of.split_once("://") {
        Some((scheme, rest)) => scheme.len() + 3 + rest.find('/').ok_or(out)?,
        None => match of.split_once(':') {
            Some((host, _)) if !host.contains('/') => host.len(),
            _ => 0,
        },
    };
    let mut base = of.trim_end_matches('/');
    let mut rest = url;
    loop {
        if let Some(shorter) = rest.strip_prefix("./") {
            rest = shorter;
        } else if let Some(shorter) = rest.strip_prefix("../") {
            rest = shorter;
            let place = base.get(floor..).and_then(|path| path.rfind(['/', ':'])).ok_or(out)?;
            base = &base[..floor + place];
        } else {
            break;
        }
    }
    if rest.split('/').any(|part| part == "..") {
        return Err(out);
    }
    // ssh's short form has a colon, and no slash, after the host.
    let separator = if base.len() == floor && !of[..floor].contains("://") && floor > 0 { ":" } else { "/" };
    Ok(format!("{base}{separator}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_describes_submodules_by_their_paths() {
        let listing = b"submodule.a.path\nlibs/a/\0submodule.a.url\n../a.git\0submodule.b.c.path\nb\0\
                        submodule.b.c.update\nnone\0submodule.d.url\nx\0core.bare\ntrue\0submodule\0\xff\n\0";
        let found = described(listing);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["b", "libs/a"]);
        assert_eq!(found["libs/a"].url.as_deref(), Some("../a.git"));
        assert!(found["b"].is_left_out && !found["libs/a"].is_left_out);
        assert_eq!(described(b""), BTreeMap::new());
    }

    #[test]
    fn addresses_are_resolved_and_bounded() {
        #[track_caller]
        fn check(url: &str, of: &str, expected: Result<&str, &str>) {
            let found = resolve(url, of);
            match expected {
                Ok(expected) => assert_eq!(found.as_deref(), Ok(expected), "{url} of {of}"),
                Err(part) => assert!(found.unwrap_err().contains(part), "{url} of {of}"),
            }
        }
        let of = "https://code.example/group/project.git";
        check("https://other.example/x.git", of, Ok("https://other.example/x.git"));
        check("git@other.example:x.git", of, Ok("git@other.example:x.git"));
        check("ssh://other.example/x", of, Ok("ssh://other.example/x"));
        check("../x.git", of, Ok("https://code.example/group/x.git"));
        check("./x.git", of, Ok("https://code.example/group/project.git/x.git"));
        check("../../x.git", of, Ok("https://code.example/x.git"));
        check("../../../x.git", of, Err("is outside"));
        check("../a/../../x.git", of, Err("is outside"));
        check("../x", "https://code.example", Err("is outside"));
        check("../x", "git@code.example:group/project", Ok("git@code.example:group/x"));
        check("../../x", "git@code.example:group/project", Ok("git@code.example:x"));
        check("../../../x", "git@code.example:group/project", Err("is outside"));
        for local in
            ["/home/me/secret", "file:///home/me/secret", "secret", "C/x", "data:x/../y/z", "../../../../x"]
        {
            let found = resolve(local, of);
            // A colon makes it ssh's address of another machine, whatever is before it.
            assert!(found.is_err() || local.starts_with("data:"), "{local}: {found:?}");
        }
        check("ext::sh -c touch% /tmp/x", of, Err("helper"));
        check("ext::sh -c touch% /tmp/x", "/srv/project", Err("helper"));
        check("--upload-pack=touch", of, Err("not a URL"));
        check("https://x.example/a\nb", of, Err("not a URL"));
        // Between folders of this machine there is nothing to keep apart.
        check("../x", "/srv/git/project", Ok("/srv/git/x"));
        check("/srv/git/x", "file:///srv/git/project", Ok("/srv/git/x"));
        check("../x", "file:///srv/git/project", Ok("file:///srv/git/x"));
    }
}

//! Every setting of uv, and what becomes of it: none is ignored in silence.
//!
//! The keys are those that uv 0.13.9 knows. A test over the real uv compares them with what it says it expects.

/// What becomes of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Treatment {
    /// It decides what is in an image, as it decides what `uv sync` installs.
    Honored,
    /// It decides what `uv lock` writes; an image is built from that.
    Locked,
    /// It is given to uv where that finds what builds require.
    Passed,
    /// It has no say in what is installed.
    Irrelevant,
    /// It is an error where something is built with it.
    Refused,
}

impl Treatment {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Honored => "honored",
            Self::Locked => "in `uv.lock`",
            Self::Passed => "passed on",
            Self::Irrelevant => "irrelevant",
            Self::Refused => "refused",
        }
    }
}

/// A setting of uv.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UvSetting {
    /// The key in `[tool.uv]`.
    pub key: &'static str,
    /// What becomes of it.
    pub treatment: Treatment,
    /// How, or why.
    pub how: &'static str,
    /// Whether uv takes it in `uv.toml` too.
    pub in_uv_toml: bool,
}

const fn setting(key: &'static str, treatment: Treatment, how: &'static str) -> UvSetting {
    UvSetting { key, treatment, how, in_uv_toml: true }
}

const fn of_project(key: &'static str, treatment: Treatment, how: &'static str) -> UvSetting {
    UvSetting { key, treatment, how, in_uv_toml: false }
}

const RESOLVED: &str = "decides which versions are locked";
const NETWORK: &str = "how uv reaches indexes";
const OWN: &str = "uv's own work on this machine";
const PUBLISH: &str = "for `uv publish`";
const MIRROR: &str = "the image has Debian's Python";

/// All settings, in the order in which uv lists them.
pub const UV_SETTINGS: &[UvSetting] = {
    use Treatment::{Honored, Irrelevant, Locked, Passed, Refused};
    &[
        setting("required-version", Irrelevant, "uv checks it when it locks"),
        setting("system-certs", Passed, NETWORK),
        setting("native-tls", Passed, NETWORK),
        setting("offline", Irrelevant, "Invar has `--offline`"),
        setting("no-cache", Irrelevant, OWN),
        setting("cache-dir", Irrelevant, OWN),
        setting("preview", Irrelevant, OWN),
        setting("preview-features", Irrelevant, OWN),
        setting("python-preference", Irrelevant, MIRROR),
        setting("python-downloads", Irrelevant, MIRROR),
        setting("concurrent-downloads", Irrelevant, OWN),
        setting("concurrent-builds", Irrelevant, OWN),
        setting("concurrent-installs", Irrelevant, OWN),
        setting("index", Passed, NETWORK),
        setting("index-url", Passed, NETWORK),
        setting("extra-index-url", Passed, NETWORK),
        setting("no-index", Passed, NETWORK),
        setting("find-links", Passed, "what builds require must have a URL, not a path"),
        setting("index-strategy", Passed, NETWORK),
        setting("keyring-provider", Passed, NETWORK),
        setting("http-proxy", Passed, "Invar itself takes the variables `HTTPS_PROXY` and so on"),
        setting("https-proxy", Passed, "Invar itself takes the variables `HTTPS_PROXY` and so on"),
        setting("no-proxy", Passed, "Invar itself takes the variable `NO_PROXY`"),
        setting("allow-insecure-host", Passed, "Invar itself checks certificates and digests always"),
        setting("resolution", Locked, RESOLVED),
        setting("prerelease", Locked, RESOLVED),
        setting("prerelease-package", Locked, RESOLVED),
        setting("fork-strategy", Locked, RESOLVED),
        setting("dependency-metadata", Locked, "also passed on"),
        setting("config-settings", Honored, "given to build backends; overrides of the manifest win"),
        setting("config-settings-package", Honored, "given to the build backend of the package"),
        setting("no-build-isolation", Refused, "builds are always isolated: use `extra-build-dependencies`"),
        setting("require-build-hashes", Honored, "what builds require is always locked with its hash"),
        setting(
            "no-build-isolation-package",
            Refused,
            "builds are always isolated: use `extra-build-dependencies`",
        ),
        setting("extra-build-dependencies", Honored, "also `match-runtime`"),
        setting(
            "extra-build-variables",
            Honored,
            "set while the package is built; overrides of the manifest win",
        ),
        setting("exclude-newer", Locked, "also passed on"),
        setting("exclude-newer-package", Locked, "also passed on"),
        setting("link-mode", Irrelevant, "an image has copies"),
        setting("compile-bytecode", Irrelevant, "see `python.bytecode` of the manifest"),
        setting("no-sources", Locked, RESOLVED),
        setting("no-sources-package", Locked, RESOLVED),
        setting("upgrade", Irrelevant, "for `uv lock`"),
        setting("upgrade-package", Irrelevant, "for `uv lock`"),
        setting("reinstall", Irrelevant, "every image is installed anew"),
        setting("reinstall-package", Irrelevant, "every image is installed anew"),
        setting("no-build", Honored, "not for the workspace's own packages, as uv has it"),
        setting("no-build-package", Honored, "also for what builds require"),
        setting("no-binary", Honored, "what builds require still comes as wheels"),
        setting("no-binary-package", Honored, "what builds require still comes as wheels"),
        setting("torch-backend", Irrelevant, "for `uv pip`"),
        setting("python-install-mirror", Irrelevant, MIRROR),
        setting("pypy-install-mirror", Irrelevant, MIRROR),
        setting("graalpy-install-mirror", Irrelevant, MIRROR),
        setting("pyodide-install-mirror", Irrelevant, MIRROR),
        setting("python-downloads-json-url", Irrelevant, MIRROR),
        setting("publish-url", Irrelevant, PUBLISH),
        setting("trusted-publishing", Irrelevant, PUBLISH),
        setting("check-url", Irrelevant, PUBLISH),
        setting("add-bounds", Irrelevant, "for `uv add`"),
        setting("audit", Irrelevant, "for `uv audit`"),
        setting("pip", Irrelevant, "for `uv pip`"),
        setting("cache-keys", Irrelevant, "a package is rebuilt if any of its files has changed"),
        setting("override-dependencies", Locked, RESOLVED),
        setting("exclude-dependencies", Locked, RESOLVED),
        setting("constraint-dependencies", Locked, RESOLVED),
        setting(
            "build-constraint-dependencies",
            Honored,
            "limits what builds get; as uv has it, not from `uv.toml`",
        ),
        of_project("environments", Locked, "an image for another environment is refused"),
        of_project("required-environments", Locked, RESOLVED),
        of_project("minimum-libc-version", Locked, RESOLVED),
        of_project("conflicts", Locked, "an image with two that conflict is refused"),
        of_project("workspace", Honored, "members are built from their directories"),
        of_project(
            "sources",
            Locked,
            "builds get what they require from indexes; another source is a warning",
        ),
        of_project("managed", Irrelevant, "a project with a `uv.lock` is built from it"),
        of_project("package", Honored, "whether the project is installed as a package"),
        of_project("default-groups", Honored, "in the shell; an image has the `groups` of the manifest"),
        of_project("dependency-groups", Locked, RESOLVED),
        of_project("dev-dependencies", Honored, "the group `dev`"),
        of_project("build-backend", Honored, "`uv_build` reads it"),
    ]
};

/// The setting `key`, if uv has it.
pub fn uv_setting(key: &str) -> Option<&'static UvSetting> {
    UV_SETTINGS.iter().find(|setting| setting.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page of the book about them.
    fn page() -> String {
        let mut page = String::from(
            "# Settings of uv\n\nAn image gets what `uv sync --locked` installs: what `uv.lock` says, built as `[tool.uv]` says. This page \
             lists\nevery setting of uv and what Invar does with it.\n\n\
             * **honored**: it decides what is in the image, as in uv.\n\
             * **in `uv.lock`**: it decides what `uv lock` writes, and Invar builds that.\n\
             * **passed on**: Invar passes it to your uv if that resolves what builds require.\n\
             * **irrelevant**: it does not decide what is installed.\n\
             * **refused**: a build that it affects is an error.\n\n\
             A key that is not listed is unknown to Invar, which warns about it.\n\n\
             Settings come from `pyproject.toml` of the project or, for a member, of its workspace. A `uv.toml` in the same directory \
             replaces\nthem, except for those that uv only reads from `pyproject.toml`. Files above that directory, and the `uv.toml` \
             of the user and\nof the system, do not decide what is in an image; uv reads them when it resolves what builds require, \
             so indexes can be\nconfigured there.\n\n\
             The table is generated from the program's definitions; `INVAR_BLESS=1 cargo test -p invar-python` updates it.\n\n\
             | setting | in `uv.toml` | Invar | how, or why |\n| --- | --- | --- | --- |\n",
        );
        for UvSetting { key, treatment, how, in_uv_toml } in UV_SETTINGS {
            let both = if *in_uv_toml { "yes" } else { "no" };
            page.push_str(&format!("| `{key}` | {both} | {} | {how} |\n", treatment.as_str()));
        }
        page
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a test is told by its environment to write what it would compare"
    )]
    fn the_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/uv-settings.md");
        if std::env::var_os("INVAR_BLESS").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            found,
            page(),
            "docs/uv-settings.md is out of date: INVAR_BLESS=1 cargo test -p invar-python"
        );
    }

    #[test]
    fn each_setting_is_there_once() {
        let mut keys: Vec<&str> = UV_SETTINGS.iter().map(|setting| setting.key).collect();
        assert!(keys.len() > 70);
        keys.sort_unstable();
        let all = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), all);
        assert_eq!(uv_setting("no-build").map(|setting| setting.treatment), Some(Treatment::Honored));
        assert_eq!(uv_setting("no-buidl"), None);
    }
}

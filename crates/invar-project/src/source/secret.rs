//! What looks like a secret, by its name or its beginning.
//!
//! Such a file is not source unless the manifest names it: it was put next to the code for one machine or one person, and
//! an image is handed on.
use std::fmt;

/// What a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Secret {
    /// Environment variables: `.env`, `.envrc`, `.env.production`.
    Environment,
    /// A private key, or an archive with one.
    PrivateKey,
    /// Credentials of a service or a registry.
    Credentials,
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "environment variables",
            Self::PrivateKey => "a private key",
            Self::Credentials => "credentials",
        })
    }
}

/// How much of a file's beginning [`Secret::in_content`] looks at, in bytes. Keys and credentials are shorter.
pub const LONGEST_SECRET: u64 = 64 << 10;

/// Names of files with credentials.
const CREDENTIALS: [&str; 9] = [
    ".git-credentials",
    ".netrc",
    ".pgpass",
    ".pypirc",
    ".vault-token",
    "_netrc",
    "application_default_credentials.json",
    "credentials.tfrc.json",
    ".s3cfg",
];

/// The same, with the directory that they are in.
const CREDENTIALS_IN: [&str; 6] = [
    ".aws/credentials",
    ".config/gcloud/credentials.db",
    ".docker/config.json",
    ".gem/credentials",
    ".kube/config",
    ".cargo/credentials.toml",
];

/// Names of private keys.
const KEYS: [&str; 4] = ["id_dsa", "id_ecdsa", "id_ed25519", "id_rsa"];

/// Ends of names of archives with private keys.
const KEY_ARCHIVES: [&str; 3] = [".p12", ".pfx", ".ppk"];

/// Parts of names that say that what is in the file is an example.
const EXAMPLES: [&str; 8] = ["example", "sample", "template", "tmpl", "tpl", "dist", "default", "schema"];

/// Ends of names of texts that may be keys or credentials.
const TEXTS: [&str; 9] = [".asc", ".cer", ".crt", ".json", ".key", ".npmrc", ".p8", ".pem", ".txt"];

impl Secret {
    /// What the file at `path` looks like by its name alone.
    pub fn in_name(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        if let Some(rest) = name.strip_prefix(".env") {
            let is_own = rest.is_empty() || rest == "rc" || rest.starts_with(['.', '-', '_']);
            let small = rest.to_ascii_lowercase();
            let is_example = EXAMPLES.iter().any(|word| small.contains(word));
            return (is_own && !is_example).then_some(Self::Environment);
        }
        if CREDENTIALS.contains(&name) {
            return Some(Self::Credentials);
        }
        let is_at =
            |place: &str| path.strip_suffix(place).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
        if CREDENTIALS_IN.iter().any(|place| is_at(place)) {
            return Some(Self::Credentials);
        }
        let is_key = KEYS.contains(&name) || KEY_ARCHIVES.iter().any(|ending| name.ends_with(ending));
        is_key.then_some(Self::PrivateKey)
    }

    /// Whether the content of the file at `path` may make it a secret.
    pub fn may_be_in_content(path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        !name.contains('.') || TEXTS.iter().any(|ending| name.ends_with(ending))
    }

    /// What the file at `path` looks like by the beginning of its content, at most [`LONGEST_SECRET`] bytes.
    pub fn in_content(path: &str, start: &[u8]) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let text = String::from_utf8_lossy(start);
        if name.ends_with(".npmrc") {
            return text.lines().any(is_npm_credential).then_some(Self::Credentials);
        }
        if name.ends_with(".json") {
            let is_account = text.contains("\"service_account\"") && text.contains("\"private_key\"");
            let is_key = text.contains("PRIVATE KEY-----");
            return (is_account && is_key).then_some(Self::Credentials);
        }
        // Elsewhere than at the beginning, texts speak of keys; only certificates have their key after them.
        let is_header = |line: &str| {
            let line = line.trim();
            line.starts_with("-----BEGIN ") && line.ends_with("PRIVATE KEY-----")
                || line.starts_with("-----BEGIN PGP PRIVATE KEY BLOCK-----")
        };
        let mut lines = text.trim_start_matches('\u{feff}').lines().filter(|line| !line.trim().is_empty());
        let first = lines.next()?;
        let is_bundle = first.starts_with("-----BEGIN ") || first.starts_with("Bag Attributes");
        (is_header(first) || is_bundle && lines.any(is_header)).then_some(Self::PrivateKey)
    }
}

/// Whether a line of an `.npmrc` has a credential itself, and not the name of a variable that has it.
fn is_npm_credential(line: &str) -> bool {
    let Some((key, value)) = line.split_once('=') else { return false };
    let (key, value) = (key.trim(), value.trim().trim_matches('"'));
    let is_credential = ["_authToken", "_auth", "_password"].iter().any(|end| key.ends_with(end));
    is_credential && !key.starts_with(['#', ';']) && !value.is_empty() && !value.starts_with("${")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_a_secret() {
        let check =
            |path: &str, expected: Option<Secret>| assert_eq!(Secret::in_name(path), expected, "{path}");
        for path in
            [".env", "a/.env", ".env.local", ".env.production", ".envrc", ".env-prod", "x/.env_secret"]
        {
            check(path, Some(Secret::Environment));
        }
        for path in [
            ".env.example",
            ".env.sample",
            ".env.template",
            ".env.dist",
            ".env-EXAMPLE",
            ".env.local.example",
            ".env.defaults",
            ".environment",
            "env",
            "prod.env",
            "a.env.py",
        ] {
            check(path, None);
        }
        for path in ["deploy/id_rsa", "x.p12", "certs/x.pfx", "id_ed25519"] {
            check(path, Some(Secret::PrivateKey));
        }
        for path in [".netrc", "home/.pypirc", ".aws/credentials", "x/.kube/config", ".docker/config.json"] {
            check(path, Some(Secret::Credentials));
        }
        for path in [
            "id_rsa.pub",
            "kube/config",
            "config.json",
            "aws/credentials",
            "x.pem",
            "credentials",
            "notes.txt",
        ] {
            check(path, None);
        }
    }

    #[test]
    fn contents_say_what_is_a_secret() {
        let check = |path: &str, text: &str, expected: Option<Secret>| {
            assert!(Secret::may_be_in_content(path), "{path}");
            assert_eq!(Secret::in_content(path, text.as_bytes()), expected, "{path}: {text}");
        };
        let key = |kind: &str| format!("-----BEGIN {kind}PRIVATE KEY-----\nMIIB\n");
        for kind in ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "] {
            check("server.pem", &key(kind), Some(Secret::PrivateKey));
            check("deploy_key", &format!("\n{}", key(kind)), Some(Secret::PrivateKey));
        }
        let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        check("ca.pem", certificate, None);
        check("both.pem", &format!("{certificate}{}", key("")), Some(Secret::PrivateKey));
        check("public.pem", "-----BEGIN PUBLIC KEY-----\n", None);
        check("README", &format!("How to make a key:\n{}", key("")), None);
        let account = r#"{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\nx"}"#;
        check("gcp.json", account, Some(Secret::Credentials));
        check("data.json", r#"{"type": "service_account"}"#, None);
        check(".npmrc", "//r.example/:_authToken=abc\n", Some(Secret::Credentials));
        check(".npmrc", "//r.example/:_authToken=${TOKEN}\nregistry=https://r.example\n", None);
        check("empty.pem", "", None);
        assert!(!Secret::may_be_in_content("app/main.py"));
    }
}

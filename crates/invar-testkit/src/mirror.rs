use std::collections::BTreeMap;

use pgp::composed::{ArmorOptions, CleartextSignedMessage, KeyType, SecretKeyParamsBuilder, SignedSecretKey};
use pgp::ser::Serialize as _;
use pgp::types::Password;
use rand::SeedableRng as _;

use crate::deb::{gzip, xz};
use crate::{Deb, sha256};

/// A key that signs a mirror's `InRelease` files.
#[derive(Debug, Clone)]
pub struct Signer {
    key: SignedSecretKey,
}

impl Signer {
    /// A new Ed25519 key; the same `seed` gives the same secret.
    pub fn new(seed: u64) -> Self {
        let parameters = SecretKeyParamsBuilder::default()
            .key_type(KeyType::Ed25519Legacy)
            .can_certify(true)
            .can_sign(true)
            .primary_user_id("Archive signing key for tests <nobody@example>".into())
            .build()
            .unwrap();
        Self { key: parameters.generate(rand::rngs::StdRng::seed_from_u64(seed)).unwrap() }
    }

    /// The public key in binary form, as a keyring file holds it.
    pub fn keyring(&self) -> Vec<u8> {
        self.key.to_public_key().to_bytes().unwrap()
    }

    /// `text` with a signature around it, as an `InRelease` file has it.
    pub fn sign(&self, text: &str) -> String {
        CleartextSignedMessage::sign(rand::thread_rng(), text, &*self.key, &Password::empty())
            .unwrap()
            .to_armored_string(ArmorOptions::default())
            .unwrap()
    }
}

/// A Debian mirror: the files of its archives by path.
#[derive(Debug, Clone)]
pub struct Mirror {
    signer: Signer,
    files: BTreeMap<String, Vec<u8>>,
}

impl Mirror {
    /// A mirror that has no suite yet.
    pub fn new(signer: Signer) -> Self {
        Self { signer, files: BTreeMap::new() }
    }

    /// Adds the suite `suite` with `debs` in its component `main`, for the architectures `amd64` and `arm64`.
    ///
    /// `archive` is the folder, such as `debian`. `date` and `valid_until` are written as `Release` files have them
    /// (`Sat, 12 Sep 2026 09:33:57 UTC`).
    pub fn add_suite(
        &mut self,
        archive: &str,
        suite: &str,
        date: &str,
        valid_until: Option<&str>,
        debs: &[Deb],
    ) {
        self.add_suite_with(archive, suite, date, valid_until, debs, &|_| None);
    }

    /// [`add_suite`](Self::add_suite) with the bytes that `replace` gives instead of a package's own.
    pub fn add_suite_with(
        &mut self,
        archive: &str,
        suite: &str,
        date: &str,
        valid_until: Option<&str>,
        debs: &[Deb],
        replace: &dyn Fn(&Deb) -> Option<Vec<u8>>,
    ) {
        let mut table = String::new();
        for architecture in ["amd64", "arm64"] {
            let mut packages = String::new();
            for deb in debs.iter().filter(|deb| [architecture, "all"].contains(&deb.arch())) {
                let bytes = replace(deb).unwrap_or_else(|| deb.build());
                packages.push_str(&format!(
                    "{}Filename: {}\nSize: {}\nSHA256: {}\n\n",
                    deb.control(),
                    deb.filename(),
                    bytes.len(),
                    sha256(&bytes)
                ));
                self.files.insert(format!("{archive}/{}", deb.filename()), bytes);
            }
            let compressed = xz(packages.as_bytes());
            let path = format!("main/binary-{architecture}/Packages.xz");
            let digest = sha256(&compressed);
            table.push_str(&format!(" {digest} {} {path}\n", compressed.len()));
            let plain = path.trim_end_matches(".xz");
            table.push_str(&format!(" {} {} {plain}\n", sha256(packages.as_bytes()), packages.len()));
            self.files.insert(
                format!("{archive}/dists/{suite}/main/binary-{architecture}/by-hash/SHA256/{digest}"),
                compressed.clone(),
            );
            self.files.insert(format!("{archive}/dists/{suite}/{path}"), compressed);
        }
        for architecture in ["amd64", "arm64", "all"] {
            let path = format!("main/Contents-{architecture}.gz");
            let compressed = gzip(contents(debs, architecture).as_bytes());
            let digest = sha256(&compressed);
            table.push_str(&format!(" {digest} {} {path}\n", compressed.len()));
            self.files
                .insert(format!("{archive}/dists/{suite}/main/by-hash/SHA256/{digest}"), compressed.clone());
            self.files.insert(format!("{archive}/dists/{suite}/{path}"), compressed);
        }
        let valid_until = valid_until.map(|time| format!("Valid-Until: {time}\n")).unwrap_or_default();
        let release = format!(
            "Origin: Debian\nLabel: Debian\nSuite: {suite}\nCodename: {suite}\nDate: {date}\n{valid_until}\
             Acquire-By-Hash: yes\nArchitectures: all amd64 arm64\nComponents: main\nSHA256:\n{table}"
        );
        let signed = self.signer.sign(&release);
        self.files.insert(format!("{archive}/dists/{suite}/InRelease"), signed.into_bytes());
    }

    /// Adds `file` at `path`, or puts it in another's place.
    pub fn put(&mut self, path: &str, file: Vec<u8>) {
        self.files.insert(path.to_owned(), file);
    }

    /// The files by path, such as `debian/dists/trixie/InRelease`.
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }
}

/// The index of the files of `debs` that are for `architecture`.
fn contents(debs: &[Deb], architecture: &str) -> String {
    let mut lines: Vec<String> = debs
        .iter()
        .filter(|deb| deb.arch() == architecture)
        .flat_map(|deb| deb.paths().map(|path| format!("{path:<60} misc/{}\n", deb.name())))
        .collect();
    lines.sort();
    lines.concat()
}

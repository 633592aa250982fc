use invar_tree::{Contents as _, ImagePath, Machine, MemoryTree, Origin};

use super::*;
use crate::{Ecosystem, Offer, Target, offer, read_lock};

const LOCK: &str = r#"{"lockfileVersion":3,"packages":{
    "node_modules/@s/a":{"version":"1.0.0","integrity":"sha512-RFd8Xwr7VWou8XIvKf5ax5oGjOnB4hBd/CuEnQA2NeBXvXDhTomt6tVAihd2a8FeFyzSuSB+Gk51ZOa7u7dW4w==","dependencies":{"b":"^1"}},
    "node_modules/b":{"version":"1.0.0","resolved":"https://mirror.example/b.tgz","integrity":"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="}
}}"#;

#[track_caller]
fn offered(lock: &str, contents: &[(&str, &str)]) -> Result<(Offer, MemoryTree), VendorError> {
    let all = read_lock(Ecosystem::Npm, lock, &Target { machine: Machine::X86_64 }).unwrap();
    let files: Vec<FetchedFile<'_>> = all
        .iter()
        .map(|needed| {
            let found = contents.iter().find(|(name, _)| *name == needed.name);
            let bytes = found.map_or("", |(_, content)| content).as_bytes();
            FetchedFile::new(needed, Box::new(move || Ok(Box::new(bytes) as Box<dyn std::io::Read>)))
        })
        .collect();
    let mut tree = MemoryTree::new(Origin::Source);
    let offer = offer(Ecosystem::Npm, &files, &ImagePath::parse("invar/vendor").unwrap(), &mut tree)?;
    Ok((offer, tree))
}

#[test]
fn the_bytes_of_a_cache_are_fixed() {
    let (offer, tree) = offered(LOCK, &[("@s/a", "scoped"), ("b", "")]).unwrap();
    assert_eq!(offer.environment["npm_config_cache"], "/invar/vendor/npm");
    let url = "http://registry.invalid/b/-/b-1.0.0.tgz";
    let index = ImagePath::parse(&format!("invar/vendor/{}", index_path(url))).unwrap();
    assert_eq!(
        String::from_utf8(tree.read(&index).unwrap()).unwrap(),
        "\n767cb8d27132da7ac0fbf1d720db6698a6dbd9d9\t{\"integrity\":\"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=\",\
         \"key\":\"make-fetch-happen:request-cache:http://registry.invalid/b/-/b-1.0.0.tgz\",\"metadata\":{\
         \"options\":{\"compress\":true},\"reqHeaders\":{},\"resHeaders\":{\"content-type\":\
         \"application/octet-stream\"},\"time\":499162500000,\"url\":\"http://registry.invalid/b/-/b-1.0.0.tgz\"},\
         \"size\":0,\"time\":499162500000}"
    );
    assert_eq!(
        tree.tree().digest().to_string(),
        "sha256:b4239fcd9cf643162404fbbd361323c8b2bf3fcfb204a9afb51c5fcf01454848",
        "if intended, raise the format version and add to Output digests in the changelog"
    );
}

#[test]
fn a_document_holds_the_versions_of_the_lock() {
    let (_, tree) = offered(LOCK, &[("@s/a", "scoped"), ("b", "")]).unwrap();
    let url = "http://registry.invalid/@s%2fa";
    let index = tree.read(&ImagePath::parse(&format!("invar/vendor/{}", index_path(url))).unwrap()).unwrap();
    let index = String::from_utf8(index).unwrap();
    let lines: Vec<&str> = index.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, ""));
    let (_, json) = lines[1].split_once('\t').unwrap();
    let json: Value = serde_json::from_str(json).unwrap();
    let Value::String(integrity) = &json["integrity"] else { panic!("{json}") };
    let digest = crate::base64::decode(integrity.strip_prefix("sha512-").unwrap()).unwrap();
    let content = content_path(&Check::Sha512(digest));
    let document = tree.read(&ImagePath::parse(&format!("invar/vendor/{content}")).unwrap()).unwrap();
    let document: Value = serde_json::from_slice(&document).unwrap();
    assert_eq!(document["dist-tags"]["latest"], "1.0.0");
    let manifest = &document["versions"]["1.0.0"];
    assert_eq!(manifest["dependencies"], json!({ "b": "^1" }));
    assert_eq!(manifest["dist"]["tarball"], "http://registry.invalid/@s/a/-/a-1.0.0.tgz");
}

#[test]
fn other_bytes_than_the_locked_ones_are_refused() {
    let error = offered(LOCK, &[("@s/a", "other"), ("b", "")]).unwrap_err();
    assert!(matches!(error, VendorError::Mismatch(_)), "{error}");
    assert!(error.to_string().starts_with("s-a-1.0.0.tgz is not the file that the lock names"), "{error}");
}

#[test]
fn two_files_of_one_name_and_version_need_addresses() {
    // base64 of the sha1 of "x", and of nothing.
    let of = |key: &str, fields: &str| format!("\"{key}\":{{\"version\":\"1.0.0\",{fields}}}");
    let nothing = "\"integrity\":\"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=\"";
    let x = "\"integrity\":\"sha1-EfatjsUqKYSrqv18O1FlA3hcIHI=\"";
    let lock = |x: &str| {
        let entries = [of("node_modules/b", nothing), of("node_modules/c/node_modules/b", x)].join(",");
        format!("{{\"lockfileVersion\":3,\"packages\":{{{entries}}}}}")
    };
    let all = |lock: &str| {
        let all = read_lock(Ecosystem::Npm, lock, &Target { machine: Machine::X86_64 }).unwrap();
        let files: Vec<FetchedFile<'_>> = all
            .iter()
            .map(|needed| {
                let is_x = needed.checks[0].hex().starts_with("11f6");
                let bytes: &'static [u8] = if is_x { b"x" } else { b"" };
                FetchedFile::new(needed, Box::new(move || Ok(Box::new(bytes) as Box<dyn std::io::Read>)))
            })
            .collect();
        let mut tree = MemoryTree::new(Origin::Source);
        offer(Ecosystem::Npm, &files, &ImagePath::parse("v").unwrap(), &mut tree).map(|_| tree)
    };
    assert!(matches!(all(&lock(x)), Err(VendorError::Conflict { .. })));
    let fork = all(&lock(&format!("\"resolved\":\"https://mirror.example/b.tgz\",{x}"))).unwrap();
    let contents = fork.tree().within("v/npm/_cacache/content-v2/sha1").count();
    assert_eq!(contents, 1 + 2 * 3, "two files, each in two folders of its own");
}

#[test]
fn a_release_is_later_than_its_previews() {
    let mut versions = ["1.0.0", "1.0.0-rc.1", "0.9.12", "0.9.2", "1.0.0+build-1", "2.0.0-0"];
    versions.sort_by(|one, other| by_precedence(one, other));
    assert_eq!(versions, ["0.9.2", "0.9.12", "1.0.0-rc.1", "1.0.0", "1.0.0+build-1", "2.0.0-0"]);
}

//! The bytes that a step sees.
use std::io::Read;

use invar_tree::{Contents as _, Digest, ImagePath, MemoryTree, Origin};
use invar_vendor::{Ecosystem, FetchedFile, OFFER_VERSION, Offer};

use crate::offered::{TARGET, tar};

const CHANGED: &str =
    "if intended, raise OFFER_VERSION and the format version, and add to Output digests in the changelog";

fn offer(ecosystem: Ecosystem, lock: &str, name: &str, bytes: &[u8]) -> (Offer, MemoryTree) {
    let needed = invar_vendor::read_lock(ecosystem, lock, &TARGET).unwrap();
    let open = |needed| FetchedFile::new(needed, Box::new(|| Ok(Box::new(bytes) as Box<dyn Read>)));
    let files: Vec<FetchedFile<'_>> = needed.iter().map(|needed| open(needed).named(name)).collect();
    let mut tree = MemoryTree::new(Origin::Source);
    let offer =
        invar_vendor::offer(ecosystem, &files, &ImagePath::parse("invar").unwrap(), &mut tree).unwrap();
    (offer, tree)
}

fn environment(offer: &Offer) -> String {
    offer.environment.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
}

#[test]
fn vendored_crates_are_fixed() {
    let lock = "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
                source = \"git+https://mirror.example/a?tag=v1%2E0#da39a3ee5e6b4b0d3255bfef95601890afd80709\"\n";
    let archive =
        tar(&[("Cargo.toml", "[package]\nname = \"a\"\nversion = \"1.0.0\"\n"), ("src/lib.rs", "")]);
    let (offer, tree) = offer(Ecosystem::Cargo, lock, "a.tar", &archive);
    let config = tree.read(&ImagePath::parse("invar/cargo/config.toml").unwrap()).unwrap();
    assert_eq!(
        String::from_utf8(config).unwrap(),
        r#"[source.crates-io]
replace-with = "invar-vendor"

[source."invar-vendor"]
directory = "/invar/cargo/vendor"

[source."replaced-vendor-1"]
git = "https://mirror.example/a"
tag = "v1.0"
replace-with = "invar-vendor-1"

[source."invar-vendor-1"]
directory = "/invar/cargo/vendor-1"

[net]
offline = true
"#
    );
    assert_eq!(environment(&offer), "CARGO_HOME=/invar/cargo\nCARGO_NET_OFFLINE=true\n");
    assert_eq!(
        (OFFER_VERSION, tree.tree().digest().to_string().as_str()),
        (1, "sha256:578750343e3ab72f47a6e18bd4cf759b082f97302f0a13f6e2b35a46c62190a2"),
        "{CHANGED}"
    );
}

#[test]
fn a_directory_of_wheels_is_fixed() {
    let lock = format!("a==1 --hash={}", Digest::of(b"wheel"));
    let (offer, tree) = offer(Ecosystem::Pip, &lock, "a-1-py3-none-any.whl", b"wheel");
    assert_eq!(
        environment(&offer),
        "PIP_DISABLE_PIP_VERSION_CHECK=1\nPIP_FIND_LINKS=/invar/pip\nPIP_NO_CACHE_DIR=1\nPIP_NO_INDEX=1\n"
    );
    assert_eq!(
        (OFFER_VERSION, tree.tree().digest().to_string().as_str()),
        (1, "sha256:2a0a8637e71f0e4fc169157ea8bc01787d4d1832c67f9bb7ed856b5ef969f6f4"),
        "{CHANGED}"
    );
}

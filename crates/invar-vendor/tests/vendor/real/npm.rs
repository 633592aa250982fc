use std::path::Path;

use invar_vendor::{Ecosystem, LockedFile};
use sha2::{Digest as _, Sha512};

use crate::offered::{World, gzip, have, tar};

const MANIFEST: &str = r#"{ "name": "project", "version": "1.0.0", "dependencies": {
    "@scope/left": "^1.0.0", "other-name": "npm:right@^2.0.0", "native": "^1.0.0" } }"#;

/// What `npm pack` would make of a package whose program is `index.js`.
fn package(name: &str, version: &str, rest: &str) -> Vec<u8> {
    let manifest = format!("{{\"name\":\"{name}\",\"version\":\"{version}\"{rest}}}");
    let script = format!("module.exports = '{name} {version}'");
    gzip(&tar(&[("package/package.json", &manifest), ("package/index.js", &script)]))
}

fn content(needed: &LockedFile) -> (String, Vec<u8>) {
    let rest = match needed.name.as_str() {
        "@scope/left" => ",\"dependencies\":{\"right\":\"^1.0.0\"}",
        "native" => ",\"optionalDependencies\":{\"native-linux\":\"1.0.0\",\"native-darwin\":\"1.0.0\"}",
        "native-linux" => ",\"os\":[\"linux\"]",
        _ => "",
    };
    (needed.file_name.clone(), package(&needed.name, &needed.version, rest))
}

/// A lock of the project, with or without addresses.
fn lock(with_addresses: bool) -> String {
    let entry = |place: &str, name: &str, version: &str, rest: &str| {
        let needed_rest = match name {
            "@scope/left" => ",\"dependencies\":{\"right\":\"^1.0.0\"}",
            "native" => ",\"optionalDependencies\":{\"native-linux\":\"1.0.0\",\"native-darwin\":\"1.0.0\"}",
            "native-linux" => ",\"os\":[\"linux\"]",
            "native-darwin" => ",\"os\":[\"darwin\"]",
            _ => "",
        };
        let digest =
            Sha512::digest(package(name, version, if name == "native-darwin" { "" } else { needed_rest }));
        let base = name.rsplit('/').next().unwrap();
        let resolved = match with_addresses {
            true => format!("\"resolved\":\"https://mirror.example/{name}/-/{base}-{version}.tgz\","),
            false => String::new(),
        };
        let integrity = base64(&digest);
        format!(
            "\"node_modules/{place}\":{{\"version\":\"{version}\",{resolved}\
             \"integrity\":\"sha512-{integrity}\"{needed_rest}{rest}}}"
        )
    };
    let entries = [
        format!("\"\":{MANIFEST}"),
        entry("@scope/left", "@scope/left", "1.0.0", ""),
        entry("native", "native", "1.0.0", ""),
        entry("native-darwin", "native-darwin", "1.0.0", ",\"optional\":true"),
        entry("native-linux", "native-linux", "1.0.0", ",\"optional\":true"),
        entry("other-name", "right", "2.0.0", ",\"name\":\"right\""),
        entry("right", "right", "1.0.0", ""),
    ];
    let packages = entries.join(",");
    format!(
        "{{\"name\":\"project\",\"version\":\"1.0.0\",\"lockfileVersion\":3,\"requires\":true,\"packages\":{{{packages}}}}}"
    )
}

/// Base64, by another way than the crate's own.
fn base64(bytes: &[u8]) -> String {
    let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let digits = bits.as_bytes().chunks(6).map(|chunk| {
        let sextet = format!("{:0<6}", std::str::from_utf8(chunk).unwrap());
        alphabet[usize::from_str_radix(&sextet, 2).unwrap()]
    });
    let mut text: String = digits.collect();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

#[test]
fn npm_installs_with_and_without_addresses_in_the_lock() {
    if !have("npm", &["--version"]) {
        return;
    }
    for with_addresses in [true, false] {
        for command in [&["ci"] as &[&str], &["ci", "--offline"], &["install"]] {
            let lock = lock(with_addresses);
            let world = World::new(&[("package.json", MANIFEST), ("package-lock.json", &lock)]);
            let offer = world.offer(Ecosystem::Npm, &lock, &content).unwrap();
            world.run(Path::new("npm"), command, &offer);
            let script = "console.log(['@scope/left','right','other-name','native','native-linux'].map(require).join())";
            assert_eq!(
                world.run(Path::new("node"), &["-e", script], &offer).trim(),
                "@scope/left 1.0.0,right 1.0.0,right 2.0.0,native 1.0.0,native-linux 1.0.0"
            );
            assert!(!world.project().join("node_modules/native-darwin").exists());
        }
    }
}

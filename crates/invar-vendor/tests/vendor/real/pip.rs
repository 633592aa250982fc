use std::fs;
use std::path::Path;

use invar_tree::Digest;
use invar_vendor::{Ecosystem, Offer};

use crate::offered::{World, have};

/// Writes a wheel. Python can, and this crate has no use for zip archives.
const WHEEL: &str = r#"
import zipfile
with zipfile.ZipFile("left.whl", "w") as wheel:
    def add(name, text):
        wheel.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text)
    info = "left-1.0.dist-info/"
    add("left.py", "NAME = 'left'\n")
    add(info + "METADATA", "Metadata-Version: 2.1\nName: left\nVersion: 1.0\n")
    add(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    add(info + "RECORD", "".join(name + ",,\n" for name in ["left.py", info + "METADATA", info + "WHEEL", info + "RECORD"]))
"#;

#[test]
fn pip_installs_with_hashes() {
    if !have("/usr/bin/python3", &["-m", "pip", "--version"]) {
        return;
    }
    let python = Path::new("/usr/bin/python3");
    let world = World::new(&[("wheel.py", WHEEL)]);
    world.run(python, &["wheel.py"], &Offer::default());
    let wheel = fs::read(world.project().join("left.whl")).unwrap();
    let lock = format!(
        "--index-url https://index.example/simple\n\
         left==1.0 ; python_version >= \"3\" \\\n    --hash=sha256:{} \\\n    --hash=sha256:{}\n    # via project\n",
        Digest::of(b"another platform's wheel").hex(),
        Digest::of(&wheel).hex(),
    );
    let name = "left-1.0-py3-none-any.whl".to_owned();
    let offer = world.offer(Ecosystem::Pip, &lock, &|_| (name.clone(), wheel.clone())).unwrap();
    fs::write(world.project().join("requirements.txt"), lock).unwrap();
    let install = ["-m", "pip", "install", "--require-hashes", "-r", "requirements.txt", "--target", "site"];
    world.run(python, &install, &offer);
    assert!(world.project().join("site/left.py").exists());
}

//! dpkg's records of one package, in the form that scanners of images read.
//!
//! dpkg keeps all packages in one file, `var/lib/dpkg/status`. A tree of one package cannot hold a part of that file,
//! so the records follow the convention of the distroless images ([Package Metadata]), which trivy, grype and syft
//! know:
//!
//! ```text
//! var/lib/dpkg/status.d/NAME          the control paragraph, fields in the package's order, as `dpkg-deb --field`
//!                                     prints it; no Status field, as in distroless: what is there is installed
//! var/lib/dpkg/status.d/NAME.md5sums  "<md5, 32 hexadecimal digits>  <path without leading slash>\n" for each file,
//!                                     sorted by path; only where the package has checksums
//! var/lib/dpkg/info/NAME.list         "/.\n", then "/<path>\n" for each directory, file and link, sorted;
//!                                     NAME:ARCHITECTURE.list for packages with "Multi-Arch: same", as dpkg does
//! ```
//!
//! Distroless has no `info/NAME.list`. It is written all the same, because trivy learns from it which Python
//! distributions came in a package, and does not report those twice.
//!
//! Only what is really in the tree is listed: paths after relocation, without what was left out.
//!
//! [Package Metadata]: https://github.com/GoogleContainerTools/distroless/blob/main/PACKAGE_METADATA.md
use std::collections::BTreeMap;

use invar_tree::{ImagePath, Mode, Owner, PathError, Sink, SinkError};

use crate::{Control, MultiArch, UnpackOptions};

/// The paths of a package's files, and the size of each that is a regular file.
pub(crate) type PackageFiles = BTreeMap<ImagePath, Option<u64>>;

/// Gives the records of the package to `sink`.
pub(crate) fn write_records(
    control: &Control,
    files: &PackageFiles,
    options: &UnpackOptions,
    sink: &mut dyn Sink,
) -> Result<(), SinkError> {
    let name = control.package();
    let mut write = |path: String, text: String| {
        let path = ImagePath::parse(&path)
            .expect("a package's name and architecture have at most 128 and 32 bytes, and no slash");
        sink.file(path, Mode::FILE, Owner::ROOT, &mut text.as_bytes())
    };
    write(format!("var/lib/dpkg/status.d/{name}"), control.paragraph().to_string())?;
    if let Some(text) = control.md5sums() {
        write(format!("var/lib/dpkg/status.d/{name}.md5sums"), md5sums(text, files, options))?;
    }
    let list = match control.multi_arch() {
        MultiArch::Same => format!("var/lib/dpkg/info/{name}:{}.list", control.architecture()),
        _ => format!("var/lib/dpkg/info/{name}.list"),
    };
    write(list, file_list(files))
}

fn file_list(files: &PackageFiles) -> String {
    let mut text = String::from("/.\n");
    for path in files.keys() {
        text.push('/');
        text.push_str(path.as_str());
        text.push('\n');
    }
    text
}

/// The checksums of the files that the tree has. Lines that are not checksums are dropped: dpkg does not mind them
/// either, and nothing is decided by them.
fn md5sums(text: &str, files: &PackageFiles, options: &UnpackOptions) -> String {
    let mut sums = BTreeMap::new();
    for line in text.lines() {
        if let Some((sum, path)) = parse_line(line)
            && let Ok(Some(path)) = relocated(path, options)
            && files.get(&path).is_some_and(Option::is_some)
        {
            sums.insert(path, sum.to_ascii_lowercase());
        }
    }
    sums.iter().map(|(path, sum)| format!("{sum}  {}\n", path.as_str())).collect()
}

fn parse_line(line: &str) -> Option<(&str, &str)> {
    let (sum, path) = line.split_once("  ")?;
    let good = sum.len() == 32 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
    good.then(|| (sum, path.strip_prefix('/').unwrap_or(path)))
}

fn relocated(path: &str, options: &UnpackOptions) -> Result<Option<ImagePath>, PathError> {
    options.relocate(ImagePath::parse(path)?, false)
}

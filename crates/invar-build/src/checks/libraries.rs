//! Libraries that the image's programs and modules cannot be loaded without, and that it does not have.
//!
//! A library counts as there if the image has a file of its name anywhere: Python packages load libraries of other
//! packages before their own, and programs set the search path for what they start. Only what nothing in the image can
//! find is reported, of what is loaded for certain: programs, modules that Python imports, libraries that nothing else of
//! their package loads, and what these load in turn. Plugins are left out; a package often has some for libraries that
//! hardly anybody has.
use std::collections::{BTreeMap, BTreeSet};

use invar_run::{known_library, needs_of};
use invar_store::Store;
use invar_tree::{Origin, Tree};

use super::elf::{ElfFile, elf_files};
use super::program::machine;
use super::view::View;
use crate::BuildError;
use crate::image_trees::{ContentSource, RootFiles};

/// How many packages are reported.
const MOST: usize = 8;

/// How many libraries of a package are named.
const MOST_NAMED: usize = 4;

/// What graphics drivers and fabrics of the machine bring into a container.
const OF_THE_MACHINE: [&str; 14] = [
    "libcuda.so",
    "libcudadebugger.so",
    "libefa.so",
    "libfabric.so",
    "libhsa-runtime64.so",
    "libibverbs.so",
    "libmlx5.so",
    "libmpi.so",
    "libnvcuvid.so",
    "libnvidia-",
    "liboshmem.so",
    "libpmix.so",
    "librdmacm.so",
    "libucp.so",
];

/// Directories of what is loaded only when it is wanted.
const PLUGINS: [&str; 5] = ["plugins", "plugin", "qml", "drivers", "backends"];

/// Sentences about what is missing, one for each package of files.
pub(super) fn missing_libraries(
    files: &RootFiles<'_>,
    view: &View<'_>,
    requested: &BTreeSet<&str>,
    store: &Store,
) -> Result<Vec<String>, BuildError> {
    let Some(machine) = machine(view) else { return Ok(Vec::new()) };
    let mut all: BTreeMap<&Origin, Vec<ElfFile>> = BTreeMap::new();
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for input in &files.trees.inputs {
        let Some((_, first)) = input.tree.iter().next() else { continue };
        match &*first.origin {
            Origin::Bytecode { .. } | Origin::Handler { .. } | Origin::Scripts => continue,
            // What others depend on has what it needs, but for what only maintainer scripts run.
            Origin::Package { name, .. } if !requested.contains(name.as_str()) => continue,
            _ => {}
        }
        let found = elf_files(store, input, input.contents(files.source))?;
        let here = |file: &ElfFile| {
            file.machine == machine.elf_number()
                && files.root.tree.get(&file.path).is_some_and(|entry| entry.origin == first.origin)
        };
        all.entry(&*first.origin).or_default().extend(found.into_iter().filter(here));
        if let ContentSource::Stored(stored) = &input.contents {
            known.extend(needs_of(stored));
        }
    }
    let there = names(&files.root.tree);
    let mut sentences = Vec::new();
    for (origin, own) in &all {
        let missing = missing(origin, own, &there);
        if missing.is_empty() {
            continue;
        }
        sentences.push(sentence(view, origin, &missing, &known));
    }
    let more = sentences.len().saturating_sub(MOST);
    sentences.truncate(MOST);
    if more > 0 {
        sentences.push(format!("{more} more packages need libraries that are not in the image"));
    }
    Ok(sentences)
}

/// The names of all libraries.
fn names(tree: &Tree) -> BTreeSet<&str> {
    let files = tree.iter().filter(|(_, entry)| !entry.is_directory()).map(|(path, _)| path.name());
    files.filter(|name| name.contains(".so")).collect()
}

/// The libraries that are missing of `own`, each with the first file that needs it.
fn missing<'e>(origin: &Origin, own: &'e [ElfFile], there: &BTreeSet<&str>) -> BTreeMap<&'e str, &'e str> {
    let by_name: BTreeMap<&str, &ElfFile> = own.iter().map(|file| (name(&file.path), file)).collect();
    let needed: BTreeSet<&str> =
        own.iter().flat_map(|file| &file.needed).map(|library| name(library)).collect();
    let is_root = |file: &&ElfFile| {
        if file.path.split('/').any(|part| PLUGINS.contains(&part)) {
            return false;
        }
        match origin {
            // dpkg's dependencies are for programs and libraries; what else there is may be for packages that were only
            // recommended.
            Origin::Package { .. } => file.is_program && is_in_path(&file.path),
            _ => file.is_program || is_module(&file.path) || !needed.contains(name(&file.path)),
        }
    };
    let mut wanted: Vec<&ElfFile> = own.iter().filter(is_root).collect();
    let mut seen: BTreeSet<&str> = wanted.iter().map(|file| file.path.as_str()).collect();
    let mut missing = BTreeMap::new();
    while let Some(file) = wanted.pop() {
        // Node's packages bring their modules for each C library.
        if file.needed.iter().any(|library| library.starts_with("libc.musl")) {
            continue;
        }
        for library in file.needed.iter().map(|library| name(library)) {
            if let Some(next) = by_name.get(library) {
                if seen.insert(&next.path) {
                    wanted.push(next);
                }
            } else if !there.contains(library) && !is_of_the_machine(library) {
                let first = missing.entry(library).or_insert(file.path.as_str());
                *first = (*first).min(file.path.as_str());
            }
        }
    }
    missing
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn is_in_path(path: &str) -> bool {
    let folders = ["usr/bin/", "usr/sbin/", "usr/games/", "bin/", "sbin/"];
    folders.iter().any(|folder| path.strip_prefix(folder).is_some_and(|name| !name.contains('/')))
}

/// Whether Python or Node imports the file at `path`.
fn is_module(path: &str) -> bool {
    let name = name(path);
    name.ends_with(".abi3.so") || name.contains(".cpython-") || name.ends_with(".node")
}

fn is_of_the_machine(library: &str) -> bool {
    OF_THE_MACHINE.iter().any(|start| library.starts_with(start))
}

fn sentence(
    view: &View<'_>,
    origin: &Origin,
    missing: &BTreeMap<&str, &str>,
    known: &BTreeMap<String, String>,
) -> String {
    let libraries: Vec<&str> = missing.keys().copied().collect();
    let named = match libraries.as_slice() {
        [one] => (*one).to_owned(),
        some if some.len() <= MOST_NAMED => {
            let (last, others) = some.split_last().expect("there are several");
            format!("{} and {last}", others.join(", "))
        }
        many => format!(
            "{} and {} more libraries",
            many[..MOST_NAMED - 1].join(", "),
            many.len() + 1 - MOST_NAMED
        ),
    };
    let verb = if libraries.len() == 1 { "is" } else { "are" };
    let mut sentence = format!("{origin} needs {named}, which {verb} not in the image");
    if let Some(file) = missing.values().next() {
        sentence.push_str(&format!(" (for /{file})"));
    }
    let package = |library: &&str| {
        let package = known.get(*library).cloned();
        package.or_else(|| known_library(library, &suite(view)))
    };
    let packages: BTreeSet<String> = libraries.iter().filter_map(package).collect();
    let packages: Vec<String> = packages.iter().map(|package| format!("{package:?}")).collect();
    if packages.is_empty() {
        let first = libraries.first().copied().unwrap_or_default();
        sentence.push_str(&format!(
            "; add the Debian package that has it to `packages` of [tool.invar] (`apt-file search /{first}` finds it)"
        ));
    } else {
        sentence.push_str(&format!("; add {} to `packages` of [tool.invar]", packages.join(", ")));
    }
    sentence
}

/// The suite of the image's packages.
fn suite(view: &View<'_>) -> String {
    let recipes = view.plan.recipes();
    let suite = recipes.filter_map(|recipe| match recipe {
        invar_plan::Recipe::Package(package) => Some(package.suite.clone()),
        invar_plan::Recipe::Wheel(_) => None,
    });
    suite.min().map(|suite| suite.split('-').next().unwrap_or_default().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, is_program: bool, needed: &[&str]) -> ElfFile {
        let needed = needed.iter().map(|&name| name.to_owned()).collect();
        ElfFile { path: path.to_owned(), machine: 62, is_program, needed, search: Vec::new() }
    }

    #[test]
    fn what_is_loaded_for_certain_is_followed() {
        let wheel = Origin::Wheel { name: "cv2".to_owned(), version: "1".to_owned() };
        let there = BTreeSet::from(["libc.so.6", "libother.so.1"]);
        let own = [
            file("p/cv2/cv2.abi3.so", false, &["libQt5Core-1.so.5", "libc.so.6"]),
            file("p/cv2.libs/libQt5Core-1.so.5", false, &["libgthread-2.0.so.0", "libother.so.1"]),
            file("p/cv2/qt/plugins/platforms/libqxcb.so", false, &["libQt5Xcb.so.5", "libSM.so.6"]),
            file("p/cv2.libs/libQt5Xcb.so.5", false, &["libxcb.so.1"]),
            file("p/cv2/lib/lib_loaded.so", false, &["libgomp.so.1", "libcuda.so.1"]),
            file("p/prebuilds/linux-x64/node.napi.musl.node", false, &["libc.musl-x86_64.so.1", "libx.so"]),
            file("bin/tool", true, &["/opt/lib/libgone.so.2"]),
        ];
        let found = missing(&wheel, &own, &there);
        let expected = [
            ("libgomp.so.1", "p/cv2/lib/lib_loaded.so"),
            ("libgone.so.2", "bin/tool"),
            ("libgthread-2.0.so.0", "p/cv2.libs/libQt5Core-1.so.5"),
        ];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
        let package = Origin::Package {
            name: "p".to_owned(),
            version: "1".to_owned(),
            architecture: "amd64".to_owned(),
        };
        let own = [
            file("usr/bin/tool", true, &["libmissing.so.1"]),
            file("usr/lib/x86_64-linux-gnu/gio/modules/libx.so", false, &["libproxy.so.1"]),
        ];
        assert_eq!(missing(&package, &own, &there).into_keys().collect::<Vec<_>>(), ["libmissing.so.1"]);
    }
}

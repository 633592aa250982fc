//! Names of nixpkgs and the Debian packages that stand for them, from a table.
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Attributes and packages. See its own first lines.
const TABLE: &str = include_str!("nixpkgs.tsv");

/// Outputs of a package that are in the same Debian packages, or in those that they depend on.
const OUTPUTS: [&str; 8] = [".out", ".bin", ".lib", ".dev", ".man", ".doc", ".data", ".static"];

/// What stands for an attribute of nixpkgs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counterpart {
    packages: &'static str,
    build: &'static str,
    main: &'static str,
    places: &'static str,
    why: &'static str,
}

impl Counterpart {
    /// The Debian packages, by their names in Debian 13. See [`crate::suite`] for others.
    pub fn packages(self) -> impl Iterator<Item = &'static str> {
        self.packages.split(' ').filter(|name| *name != "-")
    }

    /// The Debian packages that a build needs: those, and headers.
    pub fn build_packages(self) -> impl Iterator<Item = &'static str> {
        // Headers depend on the library that they are of.
        let headers = self.build.split(' ').filter(|name| !name.is_empty());
        let tools = self.packages().filter(move |name| self.build.is_empty() || !is_library(name));
        tools.chain(headers)
    }

    /// The libraries among the Debian packages: what is built with them needs them when it runs, too.
    pub fn libraries(self) -> impl Iterator<Item = &'static str> {
        self.packages().filter(move |name| !self.build.is_empty() && is_library(name))
    }

    /// Whether `name` is a program that the table names of it.
    pub fn has(self, name: &str) -> bool {
        self.main == name || self.moved(name).is_some()
    }

    /// Where the program `name` is.
    pub fn program(self, name: &str) -> String {
        self.moved(name).map_or_else(|| format!("/usr/bin/{name}"), str::to_owned)
    }

    /// Where the program is that the package is run by, as `lib.getExe` gives it.
    pub fn main_program(self) -> String {
        self.program(self.main)
    }

    /// Where Debian has `path` of the package, such as `bin/dig` or `share/zoneinfo`. `None` where that is unknown, or
    /// where it has no place of its own: libraries are found by their names.
    pub fn place(self, path: &str) -> Option<String> {
        let path = path.trim_matches('/');
        if let Some(moved) = self.moved(path) {
            return Some(moved.to_owned());
        }
        match path.split_once('/') {
            Some(("bin" | "sbin" | "libexec", name)) if !name.contains('/') => Some(self.program(name)),
            Some(("share", _)) => Some(format!("/usr/{path}")),
            Some(("etc", _)) => Some(format!("/{path}")),
            None if path == "bin" => Some("/usr/bin".to_owned()),
            None if path == "share" => Some("/usr/share".to_owned()),
            _ => None,
        }
    }

    /// What differs from nixpkgs' package, if anything does that is worth a word.
    pub fn why(self) -> Option<&'static str> {
        Some(self.why).filter(|why| !why.is_empty())
    }

    fn moved(self, name: &str) -> Option<&'static str> {
        let mut places = self.places.split(' ').filter_map(|pair| pair.split_once('='));
        places.find(|(place, _)| *place == name).map(|(_, path)| path)
    }
}

/// What stands for `attribute`, such as `fortune`; `None` where nothing is known, or Debian has nothing.
pub(crate) fn counterpart(attribute: &str) -> Option<Counterpart> {
    row(attribute).filter(|row| row.packages != "!")
}

/// Why Debian has nothing for `attribute`, if that is known.
pub(crate) fn absence(attribute: &str) -> Option<&'static str> {
    row(attribute).filter(|row| row.packages == "!").map(|row| row.why)
}

/// The minor version in the name of an interpreter of nixpkgs: 13 for `python313`.
pub(crate) fn python_minor(attribute: &str) -> Option<u32> {
    let digits = attribute.strip_prefix("python3")?;
    digits.parse().ok().filter(|_| !digits.starts_with('0'))
}

/// Whether a Debian package of this name is a shared library.
pub(crate) fn is_library(name: &str) -> bool {
    let other = ["-bin", "-data", "-dev", "-progs", "-tools", "-utils"].iter().any(|end| name.ends_with(end));
    name.starts_with("zlib1g") || name.starts_with("lib") && !other
}

fn row(attribute: &str) -> Option<Counterpart> {
    static ROWS: OnceLock<BTreeMap<&str, Counterpart>> = OnceLock::new();
    let find = |name: &str| ROWS.get_or_init(|| rows().collect()).get(name).copied();
    let plain = OUTPUTS.iter().find_map(|output| attribute.strip_suffix(output)).unwrap_or(attribute);
    find(attribute).or_else(|| find(plain)).or_else(|| find(&without_version(plain)?))
}

/// The name of a set without the version that is in it: `llvmPackages.lld` for `llvmPackages_19.lld`,
/// `python3Packages.x` for `python313Packages.x` and `python313.pkgs.x`.
fn without_version(attribute: &str) -> Option<String> {
    let (set, rest) = attribute.split_once('.')?;
    if let Some(python) = set.strip_suffix("Packages").or(Some(set))
        && (python == "python3" || python_minor(python).is_some())
    {
        let rest = if set == python { rest.strip_prefix("pkgs.")? } else { rest };
        return Some(format!("python3Packages.{rest}"));
    }
    let name = set.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    (name != set && name.ends_with("Packages")).then(|| format!("{name}.{rest}"))
}

fn rows() -> impl Iterator<Item = (&'static str, Counterpart)> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut fields = line.split('\t');
        let (attribute, packages) = (fields.next()?, fields.next()?);
        let mut field = || fields.next().unwrap_or_default();
        let (build, main, places, why) = (field(), field(), field(), field());
        let main = if main.is_empty() { attribute.rsplit('.').next()? } else { main };
        Some((attribute, Counterpart { packages, build, main, places, why }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_sorted() {
        let lines: Vec<_> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
        let rows: Vec<_> = rows().collect();
        assert_eq!(rows.len(), lines.len());
        assert!(rows.is_sorted_by(|(a, _), (b, _)| a < b));
        for (attribute, row) in rows {
            let places = row.places.split(' ').filter(|place| !place.is_empty());
            assert!(!row.packages.is_empty(), "{attribute}");
            assert!(places.clone().all(|place| place.contains("=/")), "{attribute}");
            assert!(row.packages != "!" || row.why().is_some() && places.count() == 0, "{attribute}");
        }
        assert!(lines.iter().all(|line| line.split('\t').count() <= 6 && !line.ends_with('\t')));
    }

    #[test]
    fn programs_are_where_debian_has_them() {
        let program = |attribute, name| counterpart(attribute).map(|row| row.program(name));
        assert_eq!(program("fortune", "fortune").as_deref(), Some("/usr/games/fortune"));
        assert_eq!(program("openssl.bin", "openssl").as_deref(), Some("/usr/bin/openssl"));
        assert_eq!(program("shadow", "useradd").as_deref(), Some("/usr/sbin/useradd"));
        let main = |attribute| counterpart(attribute).map(Counterpart::main_program);
        assert_eq!(main("ripgrep").as_deref(), Some("/usr/bin/rg"));
        assert_eq!(main("fd").as_deref(), Some("/usr/bin/fdfind"));
        assert_eq!(main("unixtools.xxd").as_deref(), Some("/usr/bin/xxd"));
    }

    #[test]
    fn packages_are_debians() {
        let packages = |attribute| counterpart(attribute).map(|row| row.packages().collect::<Vec<_>>());
        // nixpkgs' package contains the texts.
        assert_eq!(packages("fortune"), Some(vec!["fortune-mod", "fortunes", "fortunes-min"]));
        assert_eq!(packages("no-such-thing"), None);
        assert_eq!(packages("uv"), Some(vec![]));
        assert_eq!(packages("llvmPackages_19.lld"), Some(vec!["lld"]));
        assert_eq!(packages("python313Packages.gunicorn"), Some(vec!["gunicorn"]));
        assert_eq!(packages("python313.pkgs.gunicorn"), Some(vec!["gunicorn"]));
        assert_eq!(packages("python313.gunicorn"), None);
        assert_eq!(packages("ruff"), None);
        assert!(absence("ruff").is_some_and(|why| why.contains("Python package")));
        assert!(absence("cudaPackages_12_8.cudnn").is_some());
        assert_eq!((absence("curl"), absence("no-such-thing")), (None, None));
    }

    #[test]
    fn builds_get_headers_and_tools() {
        let packages = |attribute| counterpart(attribute).map(|row| row.build_packages().collect::<Vec<_>>());
        assert_eq!(packages("zlib"), Some(vec!["zlib1g-dev"]));
        assert_eq!(packages("libpq"), Some(vec!["libpq-dev"]));
        assert_eq!(packages("gdal"), Some(vec!["gdal-bin", "libgdal-dev"]));
        assert_eq!(packages("libpq.pg_config"), Some(vec!["libpq-dev", "libpq-dev"]));
        assert_eq!(packages("cairo.dev"), Some(vec!["libcairo2-dev"]));
        assert_eq!(packages("graphviz"), Some(vec!["graphviz", "libgraphviz-dev"]));
        assert_eq!(packages("cmake"), Some(vec!["cmake"]));
        let libraries = |attribute| counterpart(attribute).map(|row| row.libraries().collect::<Vec<_>>());
        assert_eq!(libraries("gdal"), Some(vec!["libgdal36"]));
        assert_eq!(libraries("libpq.pg_config"), Some(vec![]));
        assert_eq!(libraries("cmake"), Some(vec![]));
    }

    #[test]
    fn paths_of_a_package_have_a_place() {
        let place = |attribute, path| counterpart(attribute).and_then(|row| row.place(path));
        let bundle = "/etc/ssl/certs/ca-certificates.crt";
        assert_eq!(place("cacert", "/etc/ssl/certs/ca-bundle.crt").as_deref(), Some(bundle));
        assert_eq!(place("tzdata", "/share/zoneinfo").as_deref(), Some("/usr/share/zoneinfo"));
        assert_eq!(place("fortune", "bin/fortune").as_deref(), Some("/usr/games/fortune"));
        assert_eq!(place("fontconfig.out", "etc/fonts/fonts.conf").as_deref(), Some("/etc/fonts/fonts.conf"));
        assert_eq!(place("zlib", "lib"), None);
    }

    #[test]
    fn interpreters_have_a_version() {
        assert_eq!(python_minor("python313"), Some(13));
        assert_eq!(python_minor("python3"), None);
        assert_eq!(python_minor("python313Packages"), None);
    }
}

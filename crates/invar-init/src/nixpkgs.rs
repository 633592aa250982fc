//! Names of nixpkgs and the Debian packages that stand for them, from a table.

/// Attributes and packages. See its own first lines.
const TABLE: &str = include_str!("nixpkgs.tsv");

/// What stands for an attribute of nixpkgs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counterpart {
    packages: &'static str,
    programs: &'static str,
}

impl Counterpart {
    /// The Debian packages.
    pub fn packages(self) -> impl Iterator<Item = &'static str> {
        self.packages.split(' ').filter(|name| *name != "-")
    }

    /// Whether the program `name` is named in the table.
    pub fn has(self, name: &str) -> bool {
        self.programs.split(' ').filter_map(|pair| pair.split_once('=')).any(|(program, _)| program == name)
    }

    /// Where the program `name` is.
    pub fn program(self, name: &str) -> String {
        let moved = self.programs.split(' ').filter_map(|pair| pair.split_once('='));
        let moved = moved.into_iter().find(|(program, _)| *program == name).map(|(_, path)| path.to_owned());
        moved.unwrap_or_else(|| format!("/usr/bin/{name}"))
    }
}

/// What stands for `attribute`, such as `fortune`; `None` where nothing is known.
pub(crate) fn counterpart(attribute: &str) -> Option<Counterpart> {
    // An output of a package, such as `openssl.out`, is in the same package, or in one that it depends on.
    let plain = [".out", ".bin", ".lib"].iter().find_map(|output| attribute.strip_suffix(output));
    let find = |name: &str| rows().find(|(known, _)| *known == name).map(|(_, counterpart)| counterpart);
    find(attribute).or_else(|| plain.and_then(find))
}

/// The minor version in the name of an interpreter of nixpkgs: 13 for `python313`.
pub(crate) fn python_minor(attribute: &str) -> Option<u32> {
    let digits = attribute.strip_prefix("python3")?;
    digits.parse().ok().filter(|_| !digits.starts_with('0'))
}

fn rows() -> impl Iterator<Item = (&'static str, Counterpart)> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut fields = line.split('\t');
        Some((fields.next()?, Counterpart { packages: fields.next()?, programs: fields.next()? }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_sorted() {
        let rows: Vec<_> = rows().collect();
        assert_eq!(rows.len(), TABLE.lines().filter(|line| !line.starts_with('#')).count());
        assert!(rows.is_sorted_by(|(a, _), (b, _)| a < b));
    }

    #[test]
    fn programs_are_where_debian_has_them() {
        let fortune = counterpart("fortune").expect("it is in the table");
        assert_eq!(fortune.packages().collect::<Vec<_>>(), ["fortune-mod", "fortunes-min"]);
        assert_eq!(fortune.program("fortune"), "/usr/games/fortune");
        assert_eq!(
            counterpart("openssl.bin").map(|openssl| openssl.program("openssl")),
            Some("/usr/bin/openssl".into())
        );
        assert_eq!(counterpart("no-such-thing"), None);
        assert_eq!(counterpart("uv").map(|uv| uv.packages().count()), Some(0));
    }

    #[test]
    fn interpreters_have_a_version() {
        assert_eq!(python_minor("python313"), Some(13));
        assert_eq!(python_minor("python3"), None);
        assert_eq!(python_minor("python313Packages"), None);
    }
}

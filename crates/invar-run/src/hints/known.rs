//! The files that builds most often miss, and the Debian packages that have them, from a table. What is not there is
//! looked up in the archive's index of files.

/// Kind, name and package of each file. See its own first lines.
const TABLE: &str = include_str!("known.tsv");

/// The package that has the file `name` of a kind: `program`, `header`, `library`, `module` or `shared`.
pub(super) fn known(kind: &str, name: &str) -> Option<&'static str> {
    rows()
        .find(|[its_kind, its_name, _]| *its_kind == kind && *its_name == name)
        .map(|[_, _, package]| package)
}

fn rows() -> impl Iterator<Item = [&'static str; 3]> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut fields = line.split('\t');
        Some([fields.next()?, fields.next()?, fields.next()?])
    })
}

#[cfg(test)]
mod tests {
    use invar_debian::PackageName;

    use super::*;

    #[test]
    fn the_table_is_whole_and_sorted() {
        let lines: Vec<&str> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(rows().count(), lines.len());
        const KINDS: [&str; 5] = ["program", "header", "library", "module", "shared"];
        let key = |[kind, name, _]: [&'static str; 3]| (KINDS.iter().position(|known| *known == kind), name);
        assert!(rows().map(key).is_sorted_by(|one, two| one < two), "each once");
        assert!(rows().all(|row| key(row).0.is_some() && row[2].parse::<PackageName>().is_ok()));
        assert_eq!(known("header", "libpq-fe.h"), Some("libpq-dev"));
        assert_eq!(known("library", "libpq-fe.h"), None);
    }
}

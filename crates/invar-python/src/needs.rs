//! Which Debian packages Python packages need, from a table.

/// Python packages and what they need. See its own first lines.
const TABLE: &str = include_str!("needs.tsv");

/// The Debian packages without which no code in C is compiled.
pub const COMPILER_PACKAGES: [&str; 2] = ["gcc", "libc6-dev"];

/// What a Python package needs of Debian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    run: &'static str,
    build: &'static str,
}

impl Need {
    /// What the image needs.
    pub fn run(self) -> impl Iterator<Item = &'static str> {
        packages(self.run)
    }

    /// What a build from source needs.
    pub fn build(self) -> impl Iterator<Item = &'static str> {
        packages(self.build)
    }
}

/// What the Python package of the normalized `name` needs; `None` where nothing is known.
#[must_use]
pub fn need(name: &str) -> Option<Need> {
    rows().find(|(known, _)| *known == name).map(|(_, need)| need)
}

fn rows() -> impl Iterator<Item = (&'static str, Need)> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut fields = line.split('\t');
        Some((fields.next()?, Need { run: fields.next()?, build: fields.next()? }))
    })
}

fn packages(field: &'static str) -> impl Iterator<Item = &'static str> {
    field.split(' ').filter(|name| *name != "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_sorted() {
        let rows: Vec<_> = rows().collect();
        let lines = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(rows.len(), lines);
        assert!(rows.is_sorted_by(|(a, _), (b, _)| a < b));
        for (name, need) in rows {
            assert!(need.run().chain(need.build()).count() > 0, "{name} needs nothing");
        }
        assert_eq!(need("psycopg2").map(|need| need.run().collect()), Some(vec!["libpq5"]));
        assert_eq!(need("requests"), None);
    }
}

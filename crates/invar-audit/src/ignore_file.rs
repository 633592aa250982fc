use invar_formats::dockerignore::Dockerignore;

/// An ignore file, read for a report: lines that Docker would refuse are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreFile(Dockerignore);

/// Bytes that are read at most; what is after them is left out.
const LIMIT: usize = 256 << 10;

impl IgnoreFile {
    /// Reads an ignore file.
    pub fn parse(text: &str) -> Self {
        let end = (0..=LIMIT.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        Self(Dockerignore::parse_leniently(&text[..end]))
    }

    /// Whether the build never sees the file at `path`, which is relative, without `.` and `..`.
    pub fn ignores(&self, path: &str) -> bool {
        self.0.excludes(path).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::IgnoreFile;

    #[test]
    fn patterns_are_read_as_docker_reads_them() {
        for row in include_str!("../../../fixtures/formats/dockerignore.tsv").lines().skip(1) {
            let [lines, path, expected] = row.split('\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
            let file = IgnoreFile::parse(&lines.replace(" | ", "\n"));
            assert_eq!(file.ignores(path), expected == "out", "{row}");
        }
    }

    #[test]
    fn what_docker_refuses_is_passed_over() {
        let file = IgnoreFile::parse("[\n.git\n!\n");
        assert!(file.ignores(".git/config"));
        assert!(!file.ignores("["));
    }

    #[test]
    fn a_pattern_of_stars_takes_no_time() {
        let name = "a".repeat(10_000);
        assert!(!IgnoreFile::parse(&format!("{}b", "*a".repeat(100))).ignores(&name));
        assert!(!IgnoreFile::parse(&format!("{}b", "**/".repeat(2_000))).ignores(&"a/".repeat(2_000)));
    }
}

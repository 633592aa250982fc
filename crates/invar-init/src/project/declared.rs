//! What a project's other files say of how it is started: its Procfile, its README, the ports of its Dockerfile.
use std::collections::BTreeMap;

/// Such files, with their texts.
#[derive(Debug, Default)]
pub(super) struct Declared<'a> {
    /// The command of the web process in the Procfile.
    pub web: Option<&'a str>,
    /// The commands that the README shows, in its order.
    pub shown: Vec<&'a str>,
    /// The port that a Dockerfile exposes.
    pub exposed: Option<i64>,
    /// The port that Streamlit's configuration has.
    pub streamlit: Option<i64>,
}

/// What commands start with.
const STARTS: [&str; 15] = [
    "chainlit",
    "celery",
    "fastapi",
    "flask",
    "gunicorn",
    "hypercorn",
    "marimo",
    "python",
    "python3",
    "sanic",
    "streamlit",
    "uv",
    "uvicorn",
    "uwsgi",
    "waitress-serve",
];

impl<'a> Declared<'a> {
    pub fn of(files: &'a BTreeMap<String, Option<String>>) -> Self {
        let mut declared = Self::default();
        for (path, text) in files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?))) {
            match path {
                "Procfile" => {
                    let web = text.lines().find_map(|line| line.trim().strip_prefix("web:"));
                    declared.web = web.map(str::trim);
                }
                ".streamlit/config.toml" => {
                    let table: Option<toml::Table> = toml::from_str(text).ok();
                    let port = table.and_then(|table| table.get("server")?.get("port")?.as_integer());
                    declared.streamlit = port;
                }
                _ if path.to_lowercase().starts_with("readme") => {
                    declared.shown.extend(text.lines().filter_map(command))
                }
                _ if !path.contains('/') && path.starts_with("Dockerfile") && declared.exposed.is_none() => {
                    let ports = text.lines().filter_map(|line| line.trim().strip_prefix("EXPOSE "));
                    declared.exposed =
                        ports.filter_map(|port| port.trim().trim_end_matches("/tcp").parse().ok()).next();
                }
                _ => {}
            }
        }
        declared
    }

    /// How early the README shows a command with the word `word`; those that it does not show come last.
    pub fn rank(&self, word: &str) -> usize {
        let has = |line: &&str| line.split_whitespace().any(|part| part.trim_start_matches("./") == word);
        self.shown.iter().position(|line| has(line)).unwrap_or(usize::MAX)
    }
}

/// The command that a line of a README is.
fn command(line: &str) -> Option<&str> {
    let line = line.trim().trim_start_matches(['$', '>', '`', '%', '-', '*']).trim_start();
    let first = line.split_whitespace().next()?;
    STARTS.contains(&first).then(|| line.trim_end_matches('`'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_a_readme_have_an_order() {
        let readme = "# A\n```bash\n$ uv run python ./b.py --x\nuv run a.py\n```\nThe a.py is python.\n";
        let texts = [
            ("README.md", readme),
            ("Procfile", "release: x\nweb: gunicorn a:b\n"),
            ("Dockerfile.a", "EXPOSE 81/tcp\n"),
        ];
        let files = texts.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect();
        let declared = Declared::of(&files);
        assert!(declared.rank("b.py") < declared.rank("a.py"));
        assert_eq!(declared.rank("c.py"), usize::MAX);
        assert_eq!((declared.web, declared.exposed), (Some("gunicorn a:b"), Some(81)));
    }
}

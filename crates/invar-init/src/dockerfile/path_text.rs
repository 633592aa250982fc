//! Paths inside texts: values of variables, options, lines for a shell.
use crate::dockerfile::place::{ENVIRONMENT, ImagePaths};

/// What may be directly before an absolute path.
const BEFORE: &str = " \t\n\"'`=:(;,&|<>{[@";

impl ImagePaths {
    /// `text` with each absolute path in it as an Invar image has it.
    pub fn in_text(&self, text: &str) -> String {
        let mut found = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('/') {
            let (before, path) = rest.split_at(start);
            let end = path.find(|c: char| !is_of_path(c)).unwrap_or(path.len());
            let (path, after) = path.split_at(end);
            found.push_str(before);
            let is_start = found.chars().next_back().is_none_or(|last| BEFORE.contains(last));
            found.push_str(&match is_start && (path.ends_with('/') || !after.starts_with(['$', '{', '*'])) {
                true => self.token(&found, path),
                false => path.to_owned(),
            });
            rest = after;
        }
        found.push_str(rest);
        found
    }

    /// One path, where `before` is what is before it.
    fn token(&self, before: &str, path: &str) -> String {
        let name = path.trim_start_matches('/');
        let slashes = path.len() - name.len();
        // Behind the name of a scheme, two slashes start a host's name, and three or four an absolute path.
        let kept = match before.strip_suffix(':') {
            Some(scheme) if slashes > 1 => {
                let scheme = scheme.rsplit(|c: char| BEFORE.contains(c)).next().unwrap_or_default();
                let least = if scheme.starts_with("sqlite") { 4 } else { 3 };
                if slashes < least {
                    return path.to_owned();
                }
                slashes - 1
            }
            _ => 0,
        };
        let (kept, path) = path.split_at(kept);
        let mut there = self.in_image(path);
        if path.ends_with('/') && !there.ends_with('/') {
            there.push('/');
        }
        format!("{kept}{there}")
    }

    /// `line`, which a shell reads, with those names of variables replaced whose values are folders that an Invar image
    /// has elsewhere, or that it has no variables for.
    pub fn without_directory_names<'v>(
        &self,
        line: &str,
        value: impl Fn(&str) -> Option<&'v str>,
        is_lost: impl Fn(&str) -> bool,
    ) -> String {
        let mut found = String::new();
        let mut rest = line;
        let (mut is_single, mut is_double) = (false, false);
        while let Some(first) = rest.chars().next() {
            let length = first.len_utf8();
            match first {
                '\'' if !is_double => is_single = !is_single,
                '"' if !is_single => is_double = !is_double,
                '\\' if !is_single => {
                    let escaped = rest[length..].chars().next().map_or(0, char::len_utf8);
                    found.push_str(&rest[..length + escaped]);
                    rest = &rest[length + escaped..];
                    continue;
                }
                '$' if !is_single => {
                    if let Some((name, all)) = name(rest)
                        && let Some(directory) = value(name).filter(|directory| {
                            is_lost(name)
                                || directory.starts_with('/') && self.in_image(directory) != *directory
                        })
                    {
                        let rest_of_path = rest[all..].starts_with('/');
                        let is_environments =
                            !rest_of_path && self.of_variable(name, directory) == ENVIRONMENT;
                        found.push_str(if is_environments { ENVIRONMENT } else { directory });
                        rest = &rest[all..];
                        continue;
                    }
                }
                _ => {}
            }
            found.push(first);
            rest = &rest[length..];
        }
        found
    }
}

/// Whether `c` may be in a path without quotes.
fn is_of_path(c: char) -> bool {
    c.is_alphanumeric() || "/._-+%@~".contains(c)
}

/// The name that `text`, which starts with `$`, starts with, and the length of all of it.
fn name(text: &str) -> Option<(&str, usize)> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let rest = &text[1..];
    let (name, all) = match rest.strip_prefix('{') {
        Some(inner) => {
            let end = inner.find('}')?;
            (&inner[..end], end + 3)
        }
        None => {
            let end = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
            (&rest[..end], end + 1)
        }
    };
    (!name.is_empty() && name.chars().all(is_of_name)).then_some((name, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> ImagePaths {
        let mut places = ImagePaths { project: Some("/srv".to_owned()), ..ImagePaths::default() };
        places.files.extend(["main.py".to_owned(), "share/x".to_owned()]);
        places.add_environment("/srv");
        places.add_environment("/opt/venv");
        places
    }

    #[test]
    fn paths_in_texts_are_the_images() {
        let check = |text: &str, expected: &str| assert_eq!(places().in_text(text), expected);
        check("/srv", "/app");
        check("/srv/", "/app/");
        check("--chdir=/srv/a -c '/opt/venv/b'", "--chdir=/app/a -c '/app/.venv/b'");
        check(
            "cd /srv && exec /srv/bin/python /srv/main.py",
            "cd /app && exec /app/.venv/bin/python /app/main.py",
        );
        // The project's own folder of a name that environments have, too.
        check("/srv/share/x:/srv/lib", "/app/share/x:/app/.venv/lib");
        check("/srvx a/srv /x/srv", "/srvx a/srv /x/srv");
        check("sqlite:////srv/a.db sqlite:///srv/a.db", "sqlite:////app/a.db sqlite:///srv/a.db");
        check("file:///srv/a http://srv/srv/a", "file:///app/a http://srv/srv/a");
        check("/srv/$X /srv$X", "/app/$X /srv$X");
    }

    #[test]
    fn names_of_directories_are_replaced_before_a_shell_reads_them() {
        let value = |name: &str| match name {
            "HERE" | "VIRTUAL_ENV" => Some("/srv"),
            "UV_X" => Some("1"),
            "PORT" => Some("80"),
            _ => None,
        };
        let check = |line: &str, expected: &str| {
            let found = places().without_directory_names(line, value, |name| name.starts_with("UV_"));
            assert_eq!(found, expected);
        };
        check("$HERE/bin/a ${HERE}/main.py $PORT $UV_X", "/srv/bin/a /srv/main.py $PORT 1");
        check(
            "'$HERE' \"$HERE\" \\$HERE $HEREX ${HERE:-a} $",
            "'$HERE' \"/srv\" \\$HERE $HEREX ${HERE:-a} $",
        );
        check("ls $VIRTUAL_ENV $VIRTUAL_ENV/bin", "ls /app/.venv /srv/bin");
    }
}

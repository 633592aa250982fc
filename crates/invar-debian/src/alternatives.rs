//! Alternatives that a maintainer script registers (update-alternatives(1)).
use invar_tree::ImagePath;

use crate::shell::{Token, tokens};

/// One `update-alternatives --install`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// The link, its name, and what it can stand for.
    pub main: AlternativeLink,
    /// The priority: in automatic mode the highest wins.
    pub priority: i32,
    /// The links that follow the main one.
    pub slaves: Vec<AlternativeLink>,
}

/// A link that goes by way of `/etc/alternatives/NAME` to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlternativeLink {
    /// The generic path, such as `/usr/bin/awk`.
    pub link: ImagePath,
    /// The name of the group: a single file name, such as `awk`.
    pub name: String,
    /// The path that the alternative provides, such as `/usr/bin/mawk`.
    pub path: ImagePath,
}

/// Words that are before a command and do not change what it is.
const BEFORE: [&str; 12] =
    ["if", "then", "else", "elif", "while", "until", "do", "!", "{", "exec", "command", "time"];

/// The `update-alternatives --install` commands in `script` whose words are all literal, in the order of the script.
///
/// Conditions around a command are not looked at: nearly all scripts have `if [ "$1" = configure ]` there, which is
/// true on a fresh installation. Commands with variables, such as those in loops, are left out, as is text that only
/// looks like a command, in comments, quotes and here-documents.
///
/// Whether the file at `path` exists is the caller's to see: update-alternatives refuses a main link to a file that is
/// missing, and passes over such a slave. Paths are as the script has them, before `/usr` and the root are merged.
pub fn alternatives(script: &str) -> Vec<Alternative> {
    let mut found = Vec::new();
    // The words of the command so far; `None` for words that are not literal.
    let mut words: Vec<Option<String>> = Vec::new();
    let mut tokens = tokens(script).into_iter().peekable();
    while let Some((token, place)) = tokens.next() {
        match token {
            Token::Word { literal } => {
                let number = literal.as_deref().is_some_and(|text| text.bytes().all(|b| b.is_ascii_digit()));
                let redirected = tokens
                    .peek()
                    .is_some_and(|(next, redirect)| *next == Token::Redirect && redirect.start == place.end);
                if !(number && redirected) {
                    words.push(literal);
                }
            }
            // The file of a redirection is no word of the command.
            Token::Redirect => {
                tokens.next_if(|(next, _)| matches!(next, Token::Word { .. }));
            }
            Token::Separator => found.extend(parse(&std::mem::take(&mut words))),
            Token::Comment | Token::HereDocument => {}
        }
    }
    found.extend(parse(&words));
    found
}

/// Reads one command; `None` where it is another, or not all of it is literal.
fn parse(words: &[Option<String>]) -> Option<Alternative> {
    let mut words = words.iter().map(Option::as_deref);
    let command = words.find(|word| !word.is_some_and(is_before))??;
    if command.rsplit('/').next() != Some("update-alternatives") {
        return None;
    }
    loop {
        match words.next()?? {
            "--install" => break,
            "--quiet" | "--verbose" | "--debug" | "--force" | "--skip-auto" => {}
            "--log" => {
                words.next()??;
            }
            // Others are other commands, or put the links into another directory.
            _ => return None,
        }
    }
    let main = link(&mut words)?;
    let priority = words.next()??.parse().ok()?;
    let mut slaves = Vec::new();
    loop {
        match words.next() {
            None => return Some(Alternative { main, priority, slaves }),
            Some(Some("--slave" | "--follower")) => slaves.push(link(&mut words)?),
            Some(_) => return None,
        }
    }
}

/// Whether `word` only is before a command: a reserved word, or an assignment.
fn is_before(word: &str) -> bool {
    let assignment = word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    });
    assignment || BEFORE.contains(&word)
}

fn link<'a>(words: &mut impl Iterator<Item = Option<&'a str>>) -> Option<AlternativeLink> {
    let link = absolute(words.next()??)?;
    let name = words.next()??;
    let path = absolute(words.next()??)?;
    let plain = name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    (plain && !["", ".", ".."].contains(&name)).then(|| AlternativeLink { link, name: name.to_owned(), path })
}

fn absolute(path: &str) -> Option<ImagePath> {
    ImagePath::parse(path.strip_prefix('/')?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The alternatives in short: `LINK NAME PATH PRIORITY`, and `+ LINK NAME PATH` for each slave.
    #[track_caller]
    fn check(script: &str, expected: &[&str]) {
        let short = |one: &AlternativeLink| format!("{} {} {}", one.link, one.name, one.path);
        let found: Vec<String> = alternatives(script)
            .iter()
            .map(|found| {
                let slaves: String =
                    found.slaves.iter().map(|slave| format!(" + {}", short(slave))).collect();
                format!("{} {}{slaves}", short(&found.main), found.priority)
            })
            .collect();
        assert_eq!(found, expected, "{script}");
    }

    #[test]
    fn commands_are_found_where_scripts_have_them() {
        let awk = "update-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5";
        let expected = ["/usr/bin/awk awk /usr/bin/mawk 5"];
        for script in [
            awk.to_owned(),
            format!("set -e\nif [ \"$1\" = configure ]; then\n\t{awk}\nfi\n"),
            format!("case \"$1\" in\nconfigure) {awk} ;;\nesac"),
            format!("LC_ALL=C /usr/sbin/{awk} >/dev/null 2>&1 || true"),
            format!("if ! {awk}; then exit 1; fi"),
            awk.replace("--install", "--quiet \\\n   --install").replace("mawk", "'m'\"aw\"k"),
            format!("{awk} # --slave a b c"),
        ] {
            check(&script, &expected);
        }
        check(
            &format!("{awk}\n{awk}0"),
            &["/usr/bin/awk awk /usr/bin/mawk 5", "/usr/bin/awk awk /usr/bin/mawk 50"],
        );
    }

    #[test]
    fn slaves_follow() {
        check(
            "update-alternatives \\\n  --install /usr/bin/pager pager /usr/bin/less 77 \\\n  --slave \
             /usr/share/man/man1/pager.1.gz pager.1.gz \\\n      /usr/share/man/man1/less.1.gz\n",
            &["/usr/bin/pager pager /usr/bin/less 77 + /usr/share/man/man1/pager.1.gz pager.1.gz \
               /usr/share/man/man1/less.1.gz"],
        );
        check(
            "update-alternatives --install /a a /b -5 --slave /c c /d --slave /e e /f",
            &["/a a /b -5 + /c c /d + /e e /f"],
        );
    }

    #[test]
    fn what_is_not_a_literal_command_is_left_out() {
        for script in [
            "update-alternatives --install /usr/bin/$x $x /usr/lib/$x 5",
            "update-alternatives --install /usr/bin/x \"x$y\" /usr/lib/x 5",
            "update-alternatives --remove awk /usr/bin/mawk",
            "update-alternatives --altdir /x --install /a a /b 5",
            "update-alternatives --install /a a /b",
            "update-alternatives --install /a a /b five",
            "update-alternatives --install a a /b 5",
            "update-alternatives --install /a ../a /b 5",
            "update-alternatives --install /../a a /b 5",
            "update-alternatives --install /a a /b 5 --slave /c c",
            "update-alternatives --install /a a /b 5 more",
            "echo update-alternatives --install /a a /b 5",
            "echo 'x\nupdate-alternatives --install /a a /b 5\n'",
            "# update-alternatives --install /a a /b 5",
            "cat <<EOF\nupdate-alternatives --install /a a /b 5\nEOF\n",
            "$run update-alternatives --install /a a /b 5",
        ] {
            check(script, &[]);
        }
    }

    proptest! {
        #[test]
        fn any_quoting_gives_the_same(quotes in proptest::collection::vec(0..4_usize, 4)) {
            let words = ["/usr/bin/x y", "name", "/usr/lib/z", "10"];
            let quoted: Vec<String> = words.iter().zip(quotes).map(|(word, quote)| match quote {
                0 => format!("'{word}'"),
                1 => format!("\"{word}\""),
                2 => word.replace(' ', "\\ "),
                _ => word.chars().map(|character| format!("\\{character}")).collect(),
            }).collect();
            let script = format!("update-alternatives --install {}", quoted.join(" \\\n\t"));
            let found = alternatives(&script);
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(found[0].main.link.as_str(), "usr/bin/x y");
        }
    }
}

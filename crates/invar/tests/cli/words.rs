//! Messages and pages use plain words: none of them has a phrase of the list below.
//!
//! Looked at are all strings of the crates, whatever they are for, and the pages of Markdown. The help is among the pages,
//! as the reference of the command line.
use std::path::{Path, PathBuf};

use crate::support::repository;

/// Phrases to avoid, with better ones. One that ends with a hyphen is the beginning of a word.
const PHRASES: &[(&str, &str)] = &[
    ("analys-", "analyz-"),
    ("anew", "again, or a verb such as rebuild, rewrite, upgrade"),
    ("at that place", "there"),
    ("behaviour-", "behavior"),
    ("belong together", "match, are up to date"),
    ("besides", "also, in addition to, except"),
    ("brought", "installed, copied, comes from"),
    ("cancelled", "canceled"),
    ("canonicalis-", "canonicaliz-"),
    ("cannot be had", "is unavailable, does not exist"),
    ("colour-", "color"),
    ("do not belong to", "are out of date"),
    ("favour-", "favor"),
    ("for want of", "because … is missing"),
    ("grave", "severe"),
    ("gravest", "most severe"),
    ("in vain", "wasted"),
    ("initialis-", "initializ-"),
    ("is none that", "is not one that"),
    ("labelled", "labeled"),
    ("licence", "license"),
    ("list of strings", "array of strings"),
    ("list of texts", "array of strings"),
    ("make room", "free some space"),
    ("makes anew", "rebuilds"),
    ("mended", "fixed"),
    ("normalis-", "normaliz-"),
    ("optimis-", "optimiz-"),
    ("organis-", "organiz-"),
    ("plain file", "regular file"),
    ("ready-made", "prebuilt, predefined"),
    ("recognis-", "recogniz-"),
    ("serialis-", "serializ-"),
    ("take away", "remove"),
    ("taken away", "removed"),
    ("takes away", "removes"),
    ("tells apart", "distinguishes"),
    ("that which", "what"),
    ("the same to the last bit", "byte-for-byte reproducible"),
    ("told apart", "distinguished, detected"),
    ("whatever it is that day", "unpinned"),
];

/// A word in lower case, without the punctuation around it, and the number of its line.
type Word = (usize, String);

/// The words of a text that begins in the line `first`.
fn words(first: usize, text: &str) -> impl Iterator<Item = Word> {
    let lines = (first..).zip(text.lines());
    lines.flat_map(|(number, line)| {
        // A placeholder is a name of the code.
        let words = line.split_whitespace().filter(|word| !word.contains('{'));
        let words = words.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
        words.filter(|word| !word.is_empty()).map(move |word| (number, word.to_lowercase()))
    })
}

fn is(word: &str, wanted: &str) -> bool {
    wanted.strip_suffix('-').map_or(word == wanted, |start| word.starts_with(start))
}

/// The phrases in a text, each with the number of its line and what to write instead.
fn findings(words: &[Word]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (phrase, better) in PHRASES {
        let wanted: Vec<&str> = phrase.split(' ').collect();
        for window in words.windows(wanted.len()) {
            if window.iter().zip(&wanted).all(|((_, word), wanted)| is(word, wanted)) {
                found.push((window[0].0, format!("{phrase:?}: write {better}")));
            }
        }
    }
    found.sort();
    found
}

/// The strings of a Rust file without its tests, each with the number of the line that it begins in.
fn strings(source: &str) -> Vec<(usize, String)> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let (mut found, mut rest, mut line, mut in_name) = (Vec::new(), source, 1, false);
    while let Some(first) = rest.chars().next() {
        let raw = rest.strip_prefix('r').filter(|_| !in_name).map(|after| after.trim_start_matches('#'));
        let (length, text) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), None)
        } else if let Some(content) = raw.and_then(|after| after.strip_prefix('"')) {
            let start = rest.len() - content.len();
            let end = format!("\"{}", "#".repeat(start - 2));
            let length = content.find(&end).unwrap_or(content.len());
            (start + length + end.len(), Some(content[..length].to_owned()))
        } else if let Some(content) = rest.strip_prefix('"') {
            let length = quoted(content);
            (length + 2, Some(content[..length].replace("\\\n", "\n").replace("\\n", " ")))
        } else if let Some(letter) = rest.strip_prefix('\'') {
            // A character; a lifetime is not closed.
            let length = match letter.strip_prefix('\\') {
                Some(_) => letter[2..].find('\'').map_or(0, |end| end + 2),
                None => letter.chars().next().map_or(0, char::len_utf8),
            };
            (if letter[length..].starts_with('\'') { length + 2 } else { 1 }, None)
        } else {
            (first.len_utf8(), None)
        };
        found.extend(text.map(|text| (line, text)));
        let length = length.min(rest.len());
        line += rest[..length].matches('\n').count();
        in_name = first.is_alphanumeric() || first == '_';
        rest = &rest[length..];
    }
    found
}

/// The length of a string up to its closing quote.
fn quoted(content: &str) -> usize {
    let mut escaped = false;
    let end = content.char_indices().find(|(_, letter)| {
        let ends = *letter == '"' && !escaped;
        escaped = *letter == '\\' && !escaped;
        ends
    });
    end.map_or(content.len(), |(at, _)| at)
}

/// All files below `directory`, without those of tests and of builds.
fn files(directory: &Path) -> Vec<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the findings are sorted")]
    let entries = std::fs::read_dir(directory).expect("the directory exists");
    let mut files = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || ["target", "tests", "tests.rs", "fixtures"].contains(&&*name) {
            continue;
        }
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push(path),
        }
    }
    files
}

#[test]
fn messages_and_pages_use_plain_words() {
    let (root, mut found, mut seen) = (repository(), Vec::new(), (0, 0));
    for path in files(&root) {
        let all: Vec<Vec<Word>> = match path.extension().and_then(|kind| kind.to_str()) {
            Some("md") => {
                let text = std::fs::read_to_string(&path).expect("the page can be read");
                seen.0 += 1;
                vec![words(1, &text).collect()]
            }
            Some("rs") if path.starts_with(root.join("crates")) => {
                let text = std::fs::read_to_string(&path).expect("the source can be read");
                let strings = strings(&text);
                seen.1 += strings.len();
                strings.iter().map(|(line, text)| words(*line, text).collect()).collect()
            }
            _ => continue,
        };
        let name = path.strip_prefix(&root).unwrap_or(&path).display();
        found.extend(
            all.iter().flat_map(|words| findings(words)).map(|(line, what)| format!("{name}:{line}: {what}")),
        );
    }
    found.sort();
    assert!(found.is_empty(), "{} phrases to avoid:\n{}", found.len(), found.join("\n"));
    assert!(seen.0 > 20 && seen.1 > 2000, "there are more pages and strings than {seen:?}");
}

#[test]
fn phrases_are_found_with_their_lines() {
    let source = "let a = 'x';\n// made anew\nlet b: &'a str = \"is made \\\n   anew\";\n\
                  let c = r#\"a \"colour\" anew\"#;\nlet d = ('\"', '\\'', \"in\", \"vain\", \"\\\"in vain\");\n\
                  #[cfg(test)]\nmod tests {\n    \"anew\"\n}\n";
    let found: Vec<String> = strings(source)
        .iter()
        .flat_map(|(line, text)| findings(&words(*line, text).collect::<Vec<_>>()))
        .map(|(line, what)| format!("{line} {}", what.split(':').next().unwrap_or_default()))
        .collect();
    assert_eq!(found, ["4 \"anew\"", "5 \"anew\"", "5 \"colour-\"", "6 \"in vain\""]);
    let page: Vec<Word> = words(1, "It is done for\nwant of (a)\n`Gravest`, not engraved.").collect();
    let lines: Vec<usize> = findings(&page).iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [1, 3]);
}

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, path: &str, excluded: bool) {
    let rules = Dockerignore::parse(text).unwrap();
    assert_eq!(rules.excludes(path).is_some(), excluded, "{text:?} {path}");
}

#[test]
fn files_are_read_as_docker_reads_them() {
    let mut rows = 0;
    for row in include_str!("../../../../fixtures/formats/dockerignore.tsv").lines().skip(1) {
        let [lines, path, expected] = row.split('\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
        check(&lines.replace(" | ", "\n"), path, expected == "out");
        rows += 1;
    }
    assert!(rows > 60, "{rows}");
}

#[test]
fn patterns_are_anchored_and_cover_what_is_below() {
    check("a", "a", true);
    check("a", "a/b/c", true);
    check("a", "b/a", false);
    check("a", "ab", false);
    check("/a", "a", true);
    check("./a/", "a/b", true);
    check("a/../b", "b", true);
    check("../a", "a", false);
    check("/../a", "a", true);
    check("*", "a/b", true);
    check("*/b", "a/b", true);
    check("*/b", "b", false);
    check("*/b", "a/c/b", false);
    check("a?", "ab", true);
    check("a?", "a/", false);
    check("a?b", "a/b", false);
    check("*.md", "README.md", true);
    check("*.md", "docs/x.md", false);
    check(".", "a", false);
    check("/", "a", false);
}

#[test]
fn two_stars_are_any_number_of_directories() {
    check("**/x", "x", true);
    check("**/x", "a/b/x", true);
    check("**/x", "ax", false);
    check("**x", "a/x", true);
    check("a/**/b", "a/b", true);
    check("a/**/b", "a/x/y/b", true);
    check("a/**/b", "ab", false);
    check("a/**", "a/b/c", true);
    check("a/**", "a", false);
    check("**", "a/b", true);
    check("**/*.md", "docs/x.md", true);
    check("**/*.md", "x.md", true);
    check("a**", "abc/d", true);
}

#[test]
fn classes_and_backslashes() {
    check("[a-c]", "b", true);
    check("[a-c]", "d", false);
    check("[^a-c]", "d", true);
    check("[!a]", "!", true);
    check("[\\]]", "]", true);
    check("\\*", "*", true);
    check("\\*", "a", false);
    check("\\!x", "!x", true);
    check("a.b$(c)+", "a.b$(c)+", true);
    check("a.b", "axb", false);
    check("é?", "éü", true);
}

#[test]
fn the_last_line_that_matches_decides() {
    check("*.md\n!README.md", "README.md", false);
    check("*.md\n!README.md", "x.md", true);
    check("!README.md\n*.md", "README.md", true);
    check("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true);
    check("*\n!src", "src/a/b", false);
    check("*\n!src", "other", true);
    check("*\n!src\nsrc/secret", "src/secret/x", true);
    check("a\n!a/b\na/b/c", "a/b/d", false);
    check("a\n! a/b ", "a/b", false);
}

#[test]
fn comments_and_white_space_are_dropped() {
    check("# a\r\n\r\n  a  \r\n", "a", true);
    check("#a", "#a", false);
    check(" #a", "#a", true);
    check("\u{feff}a", "a", true);
    let rules = Dockerignore::parse("\n# x\n  a\n").unwrap();
    let line = rules.excludes("a/b").unwrap();
    assert_eq!((line.number, line.text.as_str()), (3, "a"));
}

#[test]
fn malformed_lines_are_refused() {
    let check = |text: &str, expected| {
        let text = format!("ok\n{text}\nlast");
        let error = Dockerignore::parse(&text).unwrap_err();
        assert_eq!((error.line, error.fault), (2, expected), "{text}");
        let rules = Dockerignore::parse_leniently(&text);
        assert!(rules.excludes("ok").is_some() && rules.excludes("last").is_some(), "{text}");
    };
    check("!", DockerignoreFault::EmptyException);
    check("! ", DockerignoreFault::EmptyException);
    check("a\\", DockerignoreFault::Backslash);
    check("[", DockerignoreFault::Class);
    check("[]", DockerignoreFault::Class);
    check("[]a]", DockerignoreFault::Class);
    check("[^]", DockerignoreFault::Class);
    check("[a-]", DockerignoreFault::Class);
    check("[-a]", DockerignoreFault::Class);
    check("[a", DockerignoreFault::Class);
    check(&"a".repeat(4097), DockerignoreFault::TooLong);
}

#[test]
fn directories_are_followed_where_an_exception_can_hold() {
    let check = |text: &str, directory: &str, expected: bool| {
        let rules = Dockerignore::parse(text).unwrap();
        let line = rules.excludes(directory).unwrap();
        assert_eq!(rules.may_keep_below(directory, line), expected, "{text:?} {directory}");
    };
    check("*", "a", false);
    check("*\n!a/b", "a", true);
    check("*\n!a/b", "c", false);
    check("!a/b\n*", "a", false);
    check("*\n!**/keep", "c", true);
    check("*\n!a/*/keep", "a/b", true);
}

#[test]
fn a_hostile_pattern_costs_no_more_than_its_length() {
    let pattern = "*a".repeat(1000) + "b";
    check(&pattern, &"a".repeat(2000), false);
    let pattern = "**/a".repeat(500) + "b";
    check(&pattern, &"a/".repeat(1000), false);
}

/// The rules once more, written as a search that goes back: slow, but plain to see.
fn slow(tokens: &[Token], text: &[char]) -> bool {
    let Some((token, rest)) = tokens.split_first() else { return text.is_empty() };
    let one = |good: &dyn Fn(char) -> bool| {
        text.first().is_some_and(|&first| good(first)) && slow(rest, &text[1..])
    };
    match token {
        Token::Character(wanted) => one(&|found| found == *wanted),
        Token::One => one(&|found| found != '/'),
        Token::Class { negated, ranges } => {
            one(&|found| ranges.iter().any(|&(low, high)| low <= found && found <= high) != *negated)
        }
        Token::Many => (0..=text.len()).any(|end| !text[..end].contains(&'/') && slow(rest, &text[end..])),
        Token::Everything => (0..=text.len()).any(|end| slow(rest, &text[end..])),
        Token::Directories => {
            (0..=text.len()).any(|end| (end == 0 || text[end - 1] == '/') && slow(rest, &text[end..]))
        }
    }
}

proptest! {
    #[test]
    fn the_matcher_agrees_with_a_search(pattern in "[ab/*?\\[\\]^-]{1,10}", path in "[ab/]{0,8}") {
        if let Ok(tokens) = tokens(&pattern) {
            let characters: Vec<char> = path.chars().collect();
            for (end, matched) in beginnings(&tokens, &characters).into_iter().enumerate() {
                prop_assert_eq!(matched, slow(&tokens, &characters[..end]));
            }
        }
    }

    #[test]
    fn a_plain_name_matches_itself_and_what_is_below(path in "[a-z]{1,4}(/[a-z]{1,4}){0,3}", below in "[a-z]{1,4}") {
        let rules = Dockerignore::parse(&path).unwrap();
        prop_assert!(rules.excludes(&path).is_some());
        let deeper = format!("{path}/{below}");
        prop_assert!(rules.excludes(&deeper).is_some());
        let longer = format!("{path}{below}");
        prop_assert!(rules.excludes(&longer).is_none());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,40}|[!*?\\[\\]^a/\\\\#\n -]{0,20}", path in "[a/]{0,6}") {
        if let Ok(rules) = Dockerignore::parse(&text)
            && let Some(line) = rules.excludes(&path)
        {
            rules.may_keep_below(&path, line);
        }
    }
}

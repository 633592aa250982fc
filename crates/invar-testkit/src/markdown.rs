//! The code in a page of Markdown, for tests that hold pages to what programs do.

/// A block of code.
#[derive(Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// What is after the opening fence; nothing where the block is indented instead.
    pub language: Option<&'a str>,
    /// The number of its first line, from 1.
    pub number: usize,
    /// Its lines, without the indentation of the block.
    pub lines: Vec<&'a str>,
}

/// The blocks of code of a page, in their order.
pub fn blocks(page: &str) -> Vec<Block<'_>> {
    read(page).0
}

/// The code between backticks in the text of a page, each with the number of the line that its paragraph begins in.
pub fn spans(page: &str) -> Vec<(usize, String)> {
    let paragraphs = read(page).1;
    paragraphs.iter().flat_map(|(number, text)| in_backticks(text).map(|code| (*number, code))).collect()
}

/// The blocks of a page, and its paragraphs with the numbers of their first lines.
fn read(page: &str) -> (Vec<Block<'_>>, Vec<(usize, String)>) {
    let (mut blocks, mut paragraphs) = (Vec::<Block>::new(), Vec::<(usize, String)>::new());
    // How far the fence of the block that is open is indented, and whether the line before was empty.
    let (mut fence, mut indented, mut apart) = (None, false, true);
    for (number, line) in (1..).zip(page.lines()) {
        let text = line.trim_start();
        let depth = line.len() - text.len();
        if let Some(depth) = fence {
            if text.starts_with("```") {
                fence = None;
            } else if let Some(block) = blocks.last_mut() {
                block.lines.push(line.get(depth..).unwrap_or(text));
            }
        } else if let Some(language) = text.strip_prefix("```") {
            fence = Some(depth);
            blocks.push(Block { language: Some(language.trim()), number: number + 1, lines: Vec::new() });
        } else if depth >= 4 && (apart || indented) {
            if !indented {
                blocks.push(Block { language: None, number, lines: Vec::new() });
            }
            if let Some(block) = blocks.last_mut() {
                block.lines.push(&line[4..]);
            }
            (indented, apart) = (true, false);
            continue;
        } else if let Some((_, paragraph)) =
            paragraphs.last_mut().filter(|_| !apart && !text.is_empty() && !begins(text))
        {
            paragraph.push(' ');
            paragraph.push_str(text);
        } else if !text.is_empty() {
            paragraphs.push((number, text.to_owned()));
        }
        (indented, apart) = (false, text.is_empty() || text.starts_with("```"));
    }
    (blocks, paragraphs)
}

/// Whether a line is a row of a table or an item of a list, which go no further than themselves.
fn begins(line: &str) -> bool {
    ["|", "* ", "- "].iter().any(|mark| line.starts_with(mark))
}

/// What is between as many backticks on both sides.
fn in_backticks(text: &str) -> impl Iterator<Item = String> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = &rest[rest.find('`')?..];
            let opened = rest.trim_start_matches('`');
            let fence = &rest[..rest.len() - opened.len()];
            rest = opened;
            let closes =
                |end: &usize| opened[*end..].chars().take_while(|c| *c == '`').count() == fence.len();
            let ends = opened.match_indices('`').map(|(end, _)| end);
            let mut ends = ends.filter(|end| !opened[..*end].ends_with('`'));
            if let Some(end) = ends.find(closes) {
                rest = &opened[end + fence.len()..];
                return Some(opened[..end].trim().to_owned());
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Block, blocks, spans};

    #[test]
    fn code_is_found_where_markdown_has_it() {
        let page = "# `a`\n\ntext `b\nc` and ``d ` e``, `not closed\n\n    indented\n    twice\n* item\n    \
                    no code\n\n  ```sh\n  f\n    g\n  ```\n```\n`h`\n```\n`i` `j`\n";
        let block =
            |language, number, lines: &[&'static str]| Block { language, number, lines: lines.to_vec() };
        assert_eq!(
            blocks(page),
            [
                block(None, 6, &["indented", "twice"]),
                block(Some("sh"), 12, &["f", "  g"]),
                block(Some(""), 16, &["`h`"]),
            ]
        );
        let spans = spans(page);
        let spans: Vec<_> = spans.iter().map(|(number, code)| (*number, code.as_str())).collect();
        assert_eq!(spans, [(1, "a"), (3, "b c"), (3, "d ` e"), (18, "i"), (18, "j")]);
    }
}

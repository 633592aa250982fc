use super::compare::{Comparison, Operand, Operator, Variable};
use super::{Expression, MarkerError};

/// Deeper nesting of parentheses is refused: the parser calls itself for each.
const DEEPEST: usize = 64;

/// Longer markers are refused, in bytes. The longest that `uv` writes, for dozens of conflicting extras, have some
/// ten thousand.
const LONGEST: usize = 1 << 20;

pub(super) fn marker(text: &str) -> Result<Expression, MarkerError> {
    let mut parser = Parser { text, offset: 0, depth: 0 };
    if text.len() > LONGEST {
        return Err(parser.error(format!("it is longer than {LONGEST} bytes")));
    }
    let expression = parser.any()?;
    parser.skip_space();
    match parser.rest().chars().next() {
        None => Ok(expression),
        Some(found) => Err(parser.error(format!("found {found:?}, expected \"and\", \"or\" or the end"))),
    }
}

struct Parser<'a> {
    text: &'a str,
    offset: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn error(&self, reason: String) -> MarkerError {
        MarkerError { text: self.text.chars().take(200).collect(), offset: self.offset, reason }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.offset..]
    }

    fn skip_space(&mut self) {
        self.offset = self.text.len() - self.rest().trim_start().len();
    }

    /// Takes as many characters as belong to one word.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest
            .find(|character: char| !(character.is_ascii_alphanumeric() || "_.".contains(character)))
            .unwrap_or(rest.len());
        self.offset += end;
        &rest[..end]
    }

    /// Takes `word` if it is next.
    fn keyword(&mut self, word: &str) -> bool {
        self.skip_space();
        let before = self.offset;
        if self.word() == word {
            return true;
        }
        self.offset = before;
        false
    }

    fn any(&mut self) -> Result<Expression, MarkerError> {
        let first = self.all()?;
        let mut terms = vec![first];
        while self.keyword("or") {
            terms.push(self.all()?);
        }
        Ok(single(terms, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, MarkerError> {
        let first = self.term()?;
        let mut terms = vec![first];
        while self.keyword("and") {
            terms.push(self.term()?);
        }
        Ok(single(terms, Expression::All))
    }

    fn term(&mut self) -> Result<Expression, MarkerError> {
        self.skip_space();
        if self.rest().starts_with('(') {
            if self.depth == DEEPEST {
                return Err(self.error(format!("it nests deeper than {DEEPEST} parentheses")));
            }
            self.depth += 1;
            self.offset += 1;
            let expression = self.any()?;
            self.skip_space();
            if !self.rest().starts_with(')') {
                return Err(self.error("expected \")\"".to_owned()));
            }
            self.offset += 1;
            self.depth -= 1;
            return Ok(expression);
        }
        let start = self.offset;
        let left = self.operand()?;
        let operator = self.operator()?;
        let right = self.operand()?;
        let end = std::mem::replace(&mut self.offset, start);
        let comparison = Comparison::new(left, operator, right).map_err(|reason| self.error(reason))?;
        self.offset = end;
        Ok(Expression::Comparison(comparison))
    }

    fn operand(&mut self) -> Result<Operand, MarkerError> {
        self.skip_space();
        if let Some(quote @ ('"' | '\'')) = self.rest().chars().next() {
            let text = &self.rest()[1..];
            let Some(end) = text.find(quote) else {
                return Err(self.error(format!("a text that starts with {quote} does not end")));
            };
            self.offset += end + 2;
            return Ok(Operand::Text(text[..end].to_owned()));
        }
        let before = self.offset;
        let word = self.word();
        Variable::named(word).map(Operand::Variable).ok_or_else(|| {
            self.offset = before;
            self.error(format!(
                "found {word:?}, expected a variable such as python_version, or a quoted text"
            ))
        })
    }

    fn operator(&mut self) -> Result<Operator, MarkerError> {
        self.skip_space();
        let rest = self.rest();
        let symbol = &rest[..rest.find(|character| !"<>=!~".contains(character)).unwrap_or(rest.len())];
        if let Some(operator) = Operator::symbol(symbol) {
            self.offset += symbol.len();
            return Ok(operator);
        }
        if self.keyword("in") {
            return Ok(Operator::In);
        }
        if self.keyword("not") && self.keyword("in") {
            return Ok(Operator::NotIn);
        }
        Err(self.error("expected an operator such as \">=\" or \"not in\"".to_owned()))
    }
}

fn single(mut terms: Vec<Expression>, several: fn(Vec<Expression>) -> Expression) -> Expression {
    match terms.len() {
        1 => terms.swap_remove(0),
        _ => several(terms),
    }
}

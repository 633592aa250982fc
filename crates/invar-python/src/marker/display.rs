use std::fmt;

use super::compare::{Comparison, Operator, TextTest, TextVariable, VersionVariable};
use super::{Expression, Marker};

/// The marker in one spelling, which parses to an equal marker; nothing for the one that is always true.
impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (terms, word) = match self {
            Self::All(terms) => (terms, " and "),
            Self::Any(terms) => (terms, " or "),
            Self::Comparison(comparison) => return fmt::Display::fmt(comparison, f),
        };
        for (index, term) in terms.iter().enumerate() {
            if index > 0 {
                f.write_str(word)?;
            }
            // "and" binds closer than "or"; everything else that is nested was between parentheses.
            match (self, term) {
                (_, Self::Comparison(_)) | (Self::Any(_), Self::All(_)) => fmt::Display::fmt(term, f)?,
                _ => write!(f, "({term})")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is = |negated| if negated { "!=" } else { "==" };
        let within = |negated| if negated { "not in" } else { "in" };
        match self {
            Self::Version { variable, specifier } => {
                let operator = specifier.operator().to_string();
                let text = specifier.to_string();
                write!(f, "{variable} {operator} '{}'", text.strip_prefix(&operator).unwrap_or(&text))
            }
            Self::VersionIn { variable, versions, negated } => {
                let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
                write!(f, "{variable} {} '{}'", within(*negated), versions.join(" "))
            }
            Self::VersionText { variable, test } => test.write(f, variable),
            Self::Text { variable, test } => test.write(f, variable),
            Self::Extra { name, negated } => write!(f, "extra {} '{name}'", is(*negated)),
            Self::Group { name, negated } => write!(f, "'{name}' {} dependency_groups", within(*negated)),
        }
    }
}

impl TextTest {
    fn write(&self, f: &mut fmt::Formatter<'_>, variable: &dyn fmt::Display) -> fmt::Result {
        let within = |negated| if negated { "not in" } else { "in" };
        match self {
            Self::Order { operator, value } => write!(f, "{variable} {operator} {}", Quoted(value)),
            Self::Within { value, negated } => write!(f, "{variable} {} {}", within(*negated), Quoted(value)),
            Self::Holds { value, negated } => write!(f, "{} {} {variable}", Quoted(value), within(*negated)),
        }
    }
}

/// A text between quotes. It comes from such a text, so it does not have both kinds of quotes.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains('\'') { '"' } else { '\'' };
        write!(f, "{quote}{}{quote}", self.0)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Compatible => "~=",
            Self::Exact => "===",
            Self::In => "in",
            Self::NotIn => "not in",
        })
    }
}

impl fmt::Display for TextVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OsName => "os_name",
            Self::SysPlatform => "sys_platform",
            Self::PlatformSystem => "platform_system",
            Self::PlatformMachine => "platform_machine",
            Self::PlatformRelease => "platform_release",
            Self::PlatformVersion => "platform_version",
            Self::PlatformPythonImplementation => "platform_python_implementation",
            Self::ImplementationName => "implementation_name",
        })
    }
}

impl fmt::Display for VersionVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Python => "python_version",
            Self::PythonFull => "python_full_version",
        })
    }
}

use std::cmp::Ordering;
use std::str::FromStr as _;

use pep440_rs::{Operator as VersionOperator, Version, VersionPattern, VersionSpecifier};

use super::{Activated, MarkerEnvironment};
use crate::name::ExtraName;

/// A variable whose value is a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextVariable {
    OsName,
    SysPlatform,
    PlatformSystem,
    PlatformMachine,
    PlatformRelease,
    PlatformVersion,
    PlatformPythonImplementation,
    ImplementationName,
}

/// A variable whose value is a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VersionVariable {
    /// `python_version`: two numbers.
    Python,
    /// `python_full_version` and `implementation_version`.
    PythonFull,
}

/// A variable of either kind, or a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variable {
    Text(TextVariable),
    Version(VersionVariable),
    Extra,
    Extras,
    Groups,
}

impl Variable {
    /// The variable of that name, or of one of the old names that PEP 345 and setuptools had.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "os_name" | "os.name" => Self::Text(TextVariable::OsName),
            "sys_platform" | "sys.platform" => Self::Text(TextVariable::SysPlatform),
            "platform_system" => Self::Text(TextVariable::PlatformSystem),
            "platform_machine" | "platform.machine" => Self::Text(TextVariable::PlatformMachine),
            "platform_release" => Self::Text(TextVariable::PlatformRelease),
            "platform_version" | "platform.version" => Self::Text(TextVariable::PlatformVersion),
            "platform_python_implementation" | "platform.python_implementation" | "python_implementation" => {
                Self::Text(TextVariable::PlatformPythonImplementation)
            }
            "implementation_name" => Self::Text(TextVariable::ImplementationName),
            "python_version" => Self::Version(VersionVariable::Python),
            "python_full_version" | "implementation_version" => Self::Version(VersionVariable::PythonFull),
            "extra" => Self::Extra,
            "extras" => Self::Extras,
            "dependency_groups" => Self::Groups,
            _ => return None,
        })
    }
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Compatible,
    Exact,
    In,
    NotIn,
}

impl Operator {
    pub(super) fn symbol(text: &str) -> Option<Self> {
        Some(match text {
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterEqual,
            "~=" => Self::Compatible,
            "===" => Self::Exact,
            _ => return None,
        })
    }

    /// The operator that says the same with its operands exchanged.
    fn mirrored(self) -> Option<Self> {
        Some(match self {
            Self::Less => Self::Greater,
            Self::LessEqual => Self::GreaterEqual,
            Self::Greater => Self::Less,
            Self::GreaterEqual => Self::LessEqual,
            Self::Equal | Self::NotEqual | Self::Exact => self,
            Self::Compatible | Self::In | Self::NotIn => return None,
        })
    }

    fn for_versions(self) -> Option<VersionOperator> {
        Some(match self {
            Self::Equal => VersionOperator::Equal,
            Self::NotEqual => VersionOperator::NotEqual,
            Self::Less => VersionOperator::LessThan,
            Self::LessEqual => VersionOperator::LessThanEqual,
            Self::Greater => VersionOperator::GreaterThan,
            Self::GreaterEqual => VersionOperator::GreaterThanEqual,
            Self::Compatible => VersionOperator::TildeEqual,
            Self::Exact | Self::In | Self::NotIn => return None,
        })
    }

    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal | Self::Exact => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterEqual => ordering.is_ge(),
            Self::Compatible | Self::In | Self::NotIn => false,
        }
    }
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operand {
    Variable(Variable),
    Text(String),
}

/// A comparison that has a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Comparison {
    /// A version, by PEP 440.
    Version { variable: VersionVariable, specifier: VersionSpecifier },
    /// A version that is one of several, or none of them.
    VersionIn { variable: VersionVariable, versions: Vec<Version>, negated: bool },
    /// A version, as text.
    VersionText { variable: VersionVariable, test: TextTest },
    /// A text.
    Text { variable: TextVariable, test: TextTest },
    /// An extra is active, or not.
    Extra { name: String, negated: bool },
    /// A group is active, or not.
    Group { name: String, negated: bool },
}

/// What is asked of a variable's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TextTest {
    Order {
        operator: Operator,
        value: String,
    },
    /// `variable in 'value'`.
    Within {
        value: String,
        negated: bool,
    },
    /// `'value' in variable`.
    Holds {
        value: String,
        negated: bool,
    },
}

impl TextTest {
    fn evaluate(&self, text: &str) -> bool {
        match self {
            Self::Order { operator, value } => operator.holds(text.cmp(value)),
            Self::Within { value, negated } => value.contains(text) != *negated,
            Self::Holds { value, negated } => text.contains(value.as_str()) != *negated,
        }
    }
}

impl Comparison {
    /// What `left operator right` means.
    ///
    /// # Errors
    /// A sentence that says why it means nothing.
    pub(super) fn new(left: Operand, operator: Operator, right: Operand) -> Result<Self, String> {
        match (left, right) {
            (Operand::Variable(variable), Operand::Text(value)) => Self::of(variable, operator, value),
            (Operand::Text(value), Operand::Variable(variable)) => Self::reversed(value, operator, variable),
            (Operand::Text(_), Operand::Text(_)) => {
                Err("two strings are compared with each other".to_owned())
            }
            (Operand::Variable(_), Operand::Variable(_)) => {
                Err("two variables are compared with each other".to_owned())
            }
        }
    }

    fn of(variable: Variable, operator: Operator, value: String) -> Result<Self, String> {
        let negated = operator == Operator::NotIn;
        match (variable, operator) {
            (Variable::Extra, Operator::Equal | Operator::NotEqual) => {
                Ok(Self::Extra { name: extra(&value)?, negated: operator == Operator::NotEqual })
            }
            (Variable::Extra, _) => Err("\"extra\" can only be compared with \"==\" and \"!=\"".to_owned()),
            (Variable::Extras | Variable::Groups, _) => {
                Err("\"extras\" and \"dependency_groups\" are sets: expected 'name' in extras".to_owned())
            }
            (Variable::Text(_), Operator::Compatible) => Err("\"~=\" only compares versions".to_owned()),
            (Variable::Text(variable), Operator::In | Operator::NotIn) => {
                Ok(Self::Text { variable, test: TextTest::Within { value, negated } })
            }
            (Variable::Text(variable), _) => {
                Ok(Self::Text { variable, test: TextTest::Order { operator, value } })
            }
            (Variable::Version(variable), Operator::In | Operator::NotIn) => {
                let versions = value.split_whitespace().map(Version::from_str).collect::<Result<Vec<_>, _>>();
                Ok(match versions {
                    Ok(versions) => Self::VersionIn { variable, versions, negated },
                    Err(_) => Self::VersionText { variable, test: TextTest::Within { value, negated } },
                })
            }
            (Variable::Version(variable), _) => Self::version(variable, operator, value),
        }
    }

    fn reversed(value: String, operator: Operator, variable: Variable) -> Result<Self, String> {
        let negated = operator == Operator::NotIn;
        match (variable, operator) {
            (Variable::Extras, Operator::In | Operator::NotIn) => {
                Ok(Self::Extra { name: extra(&value)?, negated })
            }
            (Variable::Groups, Operator::In | Operator::NotIn) => {
                Ok(Self::Group { name: extra(&value)?, negated })
            }
            (Variable::Text(variable), Operator::In | Operator::NotIn) => {
                Ok(Self::Text { variable, test: TextTest::Holds { value, negated } })
            }
            (Variable::Version(variable), Operator::In | Operator::NotIn) => {
                Ok(Self::VersionText { variable, test: TextTest::Holds { value, negated } })
            }
            (variable, operator) => match operator.mirrored() {
                Some(operator) => Self::of(variable, operator, value),
                None => Err("this operator needs its variable on the left".to_owned()),
            },
        }
    }

    fn version(variable: VersionVariable, operator: Operator, value: String) -> Result<Self, String> {
        let Some(version_operator) = operator.for_versions() else {
            return Ok(Self::VersionText { variable, test: TextTest::Order { operator, value } });
        };
        let pattern: VersionPattern =
            value.parse().map_err(|_| format!("{value:?} is not a version to compare with"))?;
        VersionSpecifier::from_pattern(version_operator, pattern)
            .map(|specifier| Self::Version { variable, specifier })
            .map_err(|error| error.to_string())
    }

    /// Whether the comparison asks for active extras or groups.
    pub(super) fn depends_on_activation(&self) -> bool {
        matches!(self, Self::Extra { .. } | Self::Group { .. })
    }

    pub(super) fn evaluate(&self, environment: &MarkerEnvironment, activated: &Activated) -> bool {
        match self {
            Self::Version { variable, specifier } => {
                let version = environment.version(*variable);
                specifier.contains(&padded(version, specifier.version().release().len()))
            }
            Self::VersionIn { variable, versions, negated } => {
                versions.contains(&environment.version(*variable)) != *negated
            }
            Self::VersionText { variable, test } => {
                test.evaluate(&environment.version(*variable).to_string())
            }
            Self::Text { variable, test } => test.evaluate(environment.text(*variable)),
            Self::Extra { name, negated } => activated.extras.contains(name) != *negated,
            Self::Group { name, negated } => activated.groups.contains(name) != *negated,
        }
    }
}

/// The version with zeros after its release, so that a prefix such as `3.13.1.*` is not compared with less than
/// it asks for.
fn padded(version: Version, length: usize) -> Version {
    let mut release = version.release().to_vec();
    release.resize(release.len().max(length), 0);
    version.with_release(release)
}

fn extra(text: &str) -> Result<String, String> {
    match text.parse::<ExtraName>() {
        Ok(name) => Ok(name.as_str().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl MarkerEnvironment {
    fn text(&self, variable: TextVariable) -> &str {
        match variable {
            TextVariable::OsName => &self.os_name,
            TextVariable::SysPlatform => &self.sys_platform,
            TextVariable::PlatformSystem => &self.platform_system,
            TextVariable::PlatformMachine => &self.platform_machine,
            TextVariable::PlatformRelease => &self.platform_release,
            TextVariable::PlatformVersion => &self.platform_version,
            TextVariable::PlatformPythonImplementation => &self.platform_python_implementation,
            TextVariable::ImplementationName => &self.implementation_name,
        }
    }

    fn version(&self, variable: VersionVariable) -> Version {
        match variable {
            VersionVariable::PythonFull => self.python.clone(),
            VersionVariable::Python => Version::new(self.python.release().iter().take(2)),
        }
    }
}

//! Compiled expressions: variables are resolved to numbers, attribute paths are merged, texts are unescaped.
use std::rc::Rc;

use crate::ids::ThunkId;
use crate::name::Name;
use crate::place::Spot;

/// An expression with its place.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) spot: Spot,
    pub(crate) code: Code,
}

/// An expression.
#[derive(Debug)]
pub(crate) enum Code {
    /// A literal, or a name that is always the same.
    Constant(ThunkId),
    /// A variable: how many scopes outward, and which of that scope.
    Local { level: u32, slot: u32 },
    /// A name that only a `with` can give, and which scopes outward are those of `with`, inner ones first.
    Ambient { name: Name, levels: Box<[u32]> },
    /// `f a b`.
    Apply { function: Rc<Node>, arguments: Box<[Rc<Node>]> },
    /// `x: …`.
    Lambda(Rc<Lambda>),
    /// `let … in …`.
    Let { bindings: Rc<Bindings>, body: Rc<Node> },
    /// `{ … }` and `rec { … }`.
    Set(Rc<Bindings>),
    /// `[ … ]`.
    List(Box<[Rc<Node>]>),
    /// `a.b.c or d`.
    Select { of: Rc<Node>, path: Box<[Key]>, default: Option<Rc<Node>> },
    /// `a ? b.c`.
    Has { of: Rc<Node>, path: Box<[Key]> },
    /// `if … then … else …`.
    If { condition: Rc<Node>, yes: Rc<Node>, no: Rc<Node> },
    /// `assert …; …`.
    Assert { condition: Rc<Node>, body: Rc<Node>, text: Rc<str> },
    /// `with …; …`.
    With { namespace: Rc<Node>, body: Rc<Node> },
    /// A string with interpolations.
    Text(Box<[Piece]>),
    /// A path with interpolations: what comes first is absolute.
    Path(Box<[Piece]>),
    /// `<name>`: `__findFile __nixPath "name"`, both of which may be variables.
    Search { find: Rc<Node>, paths: Rc<Node>, name: Rc<str> },
    /// `~/…`.
    Home,
    /// `!a`.
    Not(Rc<Node>),
    /// `-a`.
    Negate(Rc<Node>),
    /// `a + b` and similar.
    Binary { operator: Operator, left: Rc<Node>, right: Rc<Node> },
    /// `__curPos`.
    Position,
}

/// An operator with two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
    Implies,
    Concat,
    Update,
}

impl Operator {
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::And => "&&",
            Self::Or => "||",
            Self::Implies => "->",
            Self::Concat => "++",
            Self::Update => "//",
        }
    }
}

/// A part of a text.
#[derive(Debug)]
pub(crate) enum Piece {
    Literal(Rc<str>),
    Value(Rc<Node>),
}

/// A part of an attribute path.
#[derive(Debug)]
pub(crate) enum Key {
    Static(Name, Spot),
    Dynamic(Rc<Node>),
}

/// A function.
#[derive(Debug)]
pub(crate) struct Lambda {
    pub(crate) spot: Spot,
    pub(crate) parameter: Parameter,
    pub(crate) body: Rc<Node>,
}

/// What a function takes. Slots of its scope: a name is 0; of a pattern, the fields in order, then the name of the whole.
#[derive(Debug)]
pub(crate) enum Parameter {
    Name(Name),
    Pattern { fields: Box<[Field]>, open: bool, whole: Option<Name> },
}

/// A field of a pattern.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: Name,
    pub(crate) spot: Spot,
    pub(crate) default: Option<Rc<Node>>,
}

/// What `let`, `{ … }` and `rec { … }` bind. Slots of the scope: `items` in order.
#[derive(Debug)]
pub(crate) struct Bindings {
    pub(crate) recursive: bool,
    /// Sorted by number of name.
    pub(crate) items: Box<[Binding]>,
    /// The expressions of `inherit (…)`.
    pub(crate) origins: Box<[Rc<Node>]>,
    /// Attributes with computed names.
    pub(crate) dynamics: Box<[(Rc<Node>, Rc<Node>)]>,
    /// The slot of `__overrides`.
    pub(crate) overrides: Option<usize>,
}

/// One attribute or variable.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) name: Name,
    pub(crate) spot: Spot,
    pub(crate) value: BindingValue,
}

/// What an attribute or variable is bound to.
#[derive(Debug)]
pub(crate) enum BindingValue {
    /// An expression among the bindings (if they are recursive).
    Code(Rc<Node>),
    /// A variable from outside: `inherit a`.
    Outer(Rc<Node>),
    /// An attribute of `origins[…]`: `inherit (b) a`.
    From(usize),
}

/// Variables at run time. Chains are as long as scopes are nested in the text, so freeing one is shallow.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) up: Env,
    pub(crate) slots: Box<[ThunkId]>,
}

/// The innermost scope.
pub(crate) type Env = Option<Rc<Scope>>;

/// The variable that is `level` scopes outward.
pub(crate) fn variable(env: &Env, level: u32, slot: u32) -> ThunkId {
    let mut scope = env.as_ref().expect("the compiler counts scopes as the evaluator makes them");
    for _ in 0..level {
        scope = scope.up.as_ref().expect("the compiler counts scopes as the evaluator makes them");
    }
    scope.slots[slot as usize]
}

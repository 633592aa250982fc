//! Parses and evaluates the Nix language, within limits.
//!
//! # Goals
//! * [`parse`] returns a syntax tree of any file, and [`Evaluator`] its values, lazily like Nix.
//! * Unknown values are *symbolic*: a [`Symbol`] remembers its origin, can be selected from, called, and interpolated,
//!   and never decides a condition: both branches are kept.
//! * No evaluation crashes, hangs or exceeds its [`Limits`]; errors have a line and a column.
//!
//! # Non-goals
//! * No flakes, no nixpkgs: those who know what a name means say so in preludes, which are Nix with the set `invar`:
//!   * `invar.symbol NAME` is a value of which nothing is known;
//!   * `invar.open { name; attributes ? { }; missing ? null; }` has known attributes, and a function from the name of
//!     another one to its value;
//!   * `invar.make { kind; name; arguments; attributes ? { }; missing ? null; }` is a known thing with a store path, as
//!     a
//!     derivation; `outPath`, `drvPath`, `type` and `name` are there unless `attributes` has them;
//!   * `invar.facts` is what [`Evaluator::set_facts`] gave; `invar.isSymbol`, `invar.isMade`, `invar.describe` and
//!     `invar.place` say what is known of a value;
//!   * `import` of a symbol, or of a path inside it, calls its attribute `__import` with the path (`""` or
//!     `"/lib"`).
//! * No store and no network: derivations are known by their arguments, their paths are placeholders
//!   (`/nix/store/<32 digits>-<name>`, which [`Evaluator::pieces`] finds), and what depends on the machine is an error.
mod arena;
mod builtin;
mod code;
mod coerce;
mod compile;
mod error;
mod evaluate;
mod evaluator;
mod files;
mod ids;
mod interface;
mod name;
mod place;
mod print;
mod stack;
mod symbol;
mod symbolic;
mod syntax;
mod value;

pub use error::{Bound, ErrorKind, EvalError, Outcome};
pub use evaluator::{Evaluator, Limits};
pub use files::{FileKind, Files, NoFiles};
pub use ids::{SymbolId, ThunkId};
pub use place::Position;
pub use stack::on_deep_stack;
pub use symbol::{Origin, Symbol, TextPiece};
pub use syntax::{NixError, parse};
pub use value::{AttrSet, Closure, Context, NixString, Partial, Value};

//! A flake's outputs: their names, and what each is.
use invar_nix::{Position, SymbolId};

use crate::datum::{Datum, EvaluationFailure};
use crate::image::Image;
use crate::thing::{Derivation, FlakeValue};

/// What an output is wanted for; it decides where its name is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// `nix build`: `packages`, then `legacyPackages`.
    Build,
    /// `nix run`: `apps`, then `packages`, then `legacyPackages`.
    Run,
    /// `nix develop`: `devShells`, then `packages`, then `legacyPackages`.
    Shell,
}

impl Purpose {
    /// The attributes that a name is looked up in, in order. After `SYSTEM.NAME` with the name `default`, the one that older
    /// flakes have for it, without a name.
    pub(crate) fn categories(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Build => &[("packages", "defaultPackage"), ("legacyPackages", "")],
            Self::Run => &[("apps", "defaultApp"), ("packages", "defaultPackage"), ("legacyPackages", "")],
            Self::Shell => {
                &[("devShells", "devShell"), ("packages", "defaultPackage"), ("legacyPackages", "")]
            }
        }
    }
}

/// The name of an output.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputName {
    /// `packages`, `apps`, `devShells`, `checks`, `defaultPackage`, ….
    pub category: String,
    /// The name in it; `default` for `defaultPackage` and similar.
    pub name: String,
    /// Where it is written.
    pub place: Option<Position>,
    /// Why the outputs of this category cannot be named; there is no name then.
    pub unreadable: Option<EvaluationFailure>,
}

/// An output.
#[derive(Debug, Clone)]
pub struct Output {
    /// The names that lead to it: `packages`, the system, its name.
    pub path: Vec<String>,
    /// Where it is written.
    pub place: Option<Position>,
    /// The thing that it is, if it is one; an app is none.
    pub symbol: Option<SymbolId>,
    /// What it is.
    pub kind: OutputKind,
}

/// What an output is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum OutputKind {
    /// A container image.
    Image(Box<Image>),
    /// A derivation that is no shell.
    Package(Box<Derivation>),
    /// What `nix run` starts.
    App(App),
    /// A development shell.
    Shell(Box<Derivation>),
    /// Anything else that is known: an environment, a package of nixpkgs, a Python package, ….
    Thing(Box<FlakeValue>),
    /// A value that is none of these.
    Value(Datum),
}

/// What `nix run` starts.
#[derive(Debug, Clone, PartialEq)]
pub struct App {
    /// The program: an absolute path, with the placeholder of the package that has it.
    pub program: Datum,
    /// `type`, which should be `app`.
    pub kind: Option<Datum>,
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Characters as they are written.
    Literal(String),
    /// The store path of a thing.
    Thing(SymbolId),
}

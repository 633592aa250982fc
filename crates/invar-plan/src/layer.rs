/// The layers, the lowest and least often changed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LayerName {
    /// Debian packages, and what handlers made of them.
    System,
    /// Python itself, and the virtual environment's frame.
    Interpreter,
    /// The wheels that the project depends on, and packages built from published sources.
    Dependencies,
    /// What build steps made.
    Steps,
    /// The project's own files.
    Project,
}

impl LayerName {
    /// The name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Interpreter => "interpreter",
            Self::Dependencies => "dependencies",
            Self::Steps => "steps",
            Self::Project => "project",
        }
    }

    /// A phrase for the image's history.
    pub fn describe(self) -> &'static str {
        match self {
            Self::System => "system: Debian packages",
            Self::Interpreter => "interpreter: Python",
            Self::Dependencies => "dependencies: wheels",
            Self::Steps => "steps: outputs of build steps",
            Self::Project => "project: source",
        }
    }
}

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

    /// A phrase for the image's history. Format break: it is in the configuration, so other words are another digest.
    pub fn describe(self) -> &'static str {
        match self {
            Self::System => "system: Debian packages",
            Self::Interpreter => "interpreter: Python",
            Self::Dependencies => "dependencies: wheels",
            Self::Steps => "steps: what build steps made",
            Self::Project => "project: source",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_bytes_of_images() {
        let phrases = [
            (LayerName::System, "system: Debian packages"),
            (LayerName::Interpreter, "interpreter: Python"),
            (LayerName::Dependencies, "dependencies: wheels"),
            (LayerName::Steps, "steps: what build steps made"),
            (LayerName::Project, "project: source"),
        ];
        for (layer, phrase) in phrases {
            // If intended, raise the format version and add to Output digests in the changelog.
            assert_eq!(layer.describe(), phrase);
        }
    }
}

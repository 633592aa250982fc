//! Failures of what looks at builds and images.
use super::Failure;

impl Failure {
    /// A failure of a file, whose message shows the line.
    pub fn rendered(message: String) -> Self {
        Self::input(message.trim_end(), None)
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.message
    }
}

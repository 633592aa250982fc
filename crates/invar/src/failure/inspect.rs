//! Failures of what looks at builds and images.
use super::Failure;

impl Failure {
    /// A failure of a file, whose message shows the line.
    ///
    /// `render` gives it with or without colors.
    pub fn rendered(render: impl Fn(bool) -> String) -> Self {
        let plain = Self::input(render(false).trim_end(), None);
        Self { colored: Some(render(true).trim_end().to_owned()), ..plain }
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.message
    }
}

//! The other end: the program, started by [`Verification`](crate::Verification) as if on another machine, builds and
//! answers.
use std::io::{self, BufRead, Read as _};
use std::path::Path;

use invar_build::{BuildError, BuildRequest, Session, Target, build};
use invar_checkout::{CheckoutError, ProjectFiles};
use invar_project::{DerivedSource, Platform, Purpose};
use invar_store::Store;

use crate::error::VerifyError;
use crate::order::{Answer, Digests, Order, Rebuild};

/// The name that the program is started under to build again. No user can type it by accident.
pub const REBUILD: &str = "invar-verify:build";

/// The longest order that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// Reads what to do, one line of `input`. What is answered if that is impossible is the inner error.
///
/// # Errors
/// Where `input` cannot be read.
pub fn read_order(input: &mut impl BufRead) -> io::Result<Result<Order, Answer>> {
    let mut line = String::new();
    input.take(LONGEST).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)
        .map_err(|error| Answer::Failed { message: format!("cannot read the request: {error}") }))
}

/// Whether sandboxes can be made by the program at `path`.
pub fn sandboxes(path: &Path) -> Answer {
    match invar_sandbox::available(path) {
        Ok(()) => Answer::Possible,
        Err(error) => Answer::Failed { message: error.to_string() },
    }
}

impl Rebuild {
    /// The project.
    ///
    /// # Errors
    /// [`VerifyError`] where it cannot be read.
    pub fn files(&self) -> Result<ProjectFiles, VerifyError> {
        Ok(match &self.derived {
            None => ProjectFiles::read(&self.project)?,
            Some((file, output)) => {
                let source = DerivedSource { file: file.clone(), output: output.clone() };
                let recorded = ProjectFiles::recorded(&self.project, &source, Purpose::Build)?;
                let path = self.project.join("invar.lock");
                let recorded = recorded.ok_or(CheckoutError::NoInvarLock { path })?;
                ProjectFiles::read_derived(&self.project, recorded.manifest)?
            }
        })
    }

    /// Builds the image of `files`, with `session` as far as the order does not say otherwise.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn build(&self, mut session: Session<'_>, mut files: ProjectFiles) -> Result<Digests, VerifyError> {
        session.sources.lender = Some(Store::open(&self.downloads).map_err(BuildError::from)?);
        session.perturb(self.perturbation.clone());
        // Whoever ordered this has looked whether the lock is current.
        files.is_frozen = true;
        let files = match &self.image {
            Some(image) => files.image(image)?,
            None => files,
        };
        let platforms: Result<Vec<Platform>, _> =
            self.platforms.iter().map(|platform| platform.parse()).collect();
        let platforms = platforms.map_err(VerifyError::Platform)?;
        let built = build(&session, &files, &BuildRequest { target: Target::Nowhere, platforms })?;
        Ok(Digests::of(&built))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_one_line() {
        let mut input = &b"\"Sandboxes\"\nrest"[..];
        assert!(matches!(read_order(&mut input), Ok(Ok(Order::Sandboxes))));
        assert_eq!(input, b"rest");
        let Ok(Err(Answer::Failed { message })) = read_order(&mut &b"\"Sleep\"\n"[..]) else {
            panic!("there is no such order")
        };
        assert!(message.starts_with("cannot read the request: "), "{message}");
    }

    #[test]
    fn an_order_without_an_end_is_not_read_to_its_end() {
        let mut input = io::BufReader::new(io::repeat(b'x'));
        assert!(matches!(read_order(&mut input), Ok(Err(Answer::Failed { .. }))));
    }
}

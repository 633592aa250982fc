use std::path::PathBuf;

use invar_diagnostic::AnyDiagnostic;
use invar_project::Platform;
use invar_realise::{BackendQuestion, Backends, Sources};
use invar_run::{NamespaceExecutor, Perturbation, Runner, backend_requires, check_backend};

/// What the work is done with: all that comes from the machine and none of which may reach an image.
pub struct Session<'a> {
    /// Where files come from and where they are kept.
    pub sources: Sources<'a>,
    /// What runs commands.
    pub runner: Runner<'a>,
    /// What calls [`invar_sandbox::enter_if_asked`] first of all: this program itself.
    pub sandbox: PathBuf,
}

impl Session<'_> {
    /// Builds under `perturbation` from now on, in the sandbox of this machine.
    pub fn perturb(&mut self, perturbation: Perturbation) {
        self.sources.pool.backwards = perturbation.backwards;
        self.runner.executor = Box::new(NamespaceExecutor {
            store: self.sources.store.clone(),
            program: self.sandbox.clone(),
            keep_failed: false,
            perturbation,
        });
    }
}

impl Backends for Session<'_> {
    fn check(&self, platform: Platform, label: &str) -> Result<(), AnyDiagnostic> {
        check_backend(&self.runner, platform, label).map_err(AnyDiagnostic::new)
    }

    fn requires(&self, question: &BackendQuestion<'_>) -> Result<Vec<String>, AnyDiagnostic> {
        backend_requires(&self.sources, &self.runner, question).map_err(AnyDiagnostic::new)
    }
}

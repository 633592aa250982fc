//! `FROM`: what the image starts from, and what that brings.
use invar_dockerfile::{Base, ImageReference, Stage, Stages};
use invar_project::Release;

use crate::dockerfile::Reader;
use crate::dockerfile::build_packages::is_bare;

/// The variable that has the version of Python in Python's own images.
const VERSION: &str = "PYTHON_VERSION";

impl Reader<'_> {
    /// What the image starts from, and which Python that has.
    pub(super) fn base(&mut self, stages: &Stages<'_>, chain: &[usize]) {
        let stage = &stages.stages[chain[0]];
        let name = stage.base_name.text.clone();
        if stage.base == Base::Scratch {
            return;
        }
        let Ok(reference) = ImageReference::parse(&name) else {
            self.note(stage.from, "this is not an image name");
            return;
        };
        let before = if reference.digest.is_some() { name.clone() } else { format!("{name} (unpinned)") };
        self.draft.pin("base image", before, "Debian packages, pinned by sha256 in invar.lock");
        // What Python packages need at run time is then installed by the Dockerfile, or was not needed.
        self.draft.has_needs = is_bare(&reference);
        let tag = reference.tag.clone().unwrap_or_default();
        match base_python(reference.short_name(), &tag) {
            Some(11) => self.draft.suite = Some("bookworm".to_owned()),
            // It is what is chosen anyway, unless the locked packages are for another.
            Some(13) if self.context.release.is_some_and(|release| release.python != "3.13") => {
                self.draft.suite = Some("trixie".to_owned());
            }
            Some(minor) => {
                let python = format!("3.{minor}");
                let why = match self.context.release {
                    Some(release) if release.python == python => return,
                    Some(release) => format!("the image uses Debian's Python {} instead", release.python),
                    None => "no Debian release has a Python that matches requires-python".to_owned(),
                };
                self.note(stage.from, &why);
            }
            None if reference.short_name() == "debian"
                && ["bookworm", "sid"].iter().any(|suite| tag.starts_with(suite)) =>
            {
                self.draft.suite = tag.split('-').next().map(str::to_owned);
            }
            None if is_bare(&reference) || ["python", "uv"].contains(&reference.short_name()) => {}
            None if reference.repository.starts_with("nixos/nix") => {
                self.note(stage.from, "Nix and the tools of this image are not included");
            }
            None => self.note(
                stage.from,
                "the other contents of this image are unknown: add what you need to `packages`",
            ),
        }
    }

    /// Python's images say in a variable which version they have, and some programs ask for it.
    pub(super) fn add_version(&mut self, base: &Stage<'_>, release: Release) {
        let is_pythons = ImageReference::parse(&base.base_name.text)
            .is_ok_and(|reference| ["python", "uv"].contains(&reference.short_name()));
        let mut programs = self.context.files.iter().filter(|(path, _)| path.ends_with(".py"));
        let asks = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains(VERSION));
        if is_pythons && programs.any(|(_, text)| asks(text)) {
            self.draft.image.set_in("env", VERSION, release.python);
        }
    }
}

/// The minor version of Python that a tag of `python` or of uv's own images names.
fn base_python(repository: &str, tag: &str) -> Option<u32> {
    let version = match repository {
        "python" => tag,
        // Perhaps after a version of uv.
        "uv" => tag.split_once("python")?.1,
        _ => return None,
    };
    let digits = version.strip_prefix("3.")?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

//! What a step's tree depends on.
use invar_plan::StepPlan;
use invar_project::{FileText, Output, Platform, Step, StepFetch};
use invar_store::{Key, KeyWriter, Keyed};
use invar_tree::Digest;

use super::launch;
use crate::debian::ConfiguredPackages;

/// What a step leaves: everything that exists while it runs, and what becomes of what it leaves.
pub(super) struct StepOutputs<'a> {
    pub(super) platform: Platform,
    pub(super) planned: &'a StepPlan,
    /// The project's files among its inputs.
    pub(super) source: &'a Digest,
    pub(super) fetches: &'a [(StepFetch, Digest)],
    /// The steps whose outputs are there.
    pub(super) before: &'a [Key],
    /// The image so far, where the step asks for it.
    pub(super) environment: Option<&'a Key>,
}

impl Keyed for StepOutputs<'_> {
    const DOMAIN: &'static str = "step";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        let Self { platform, planned: StepPlan { step, root }, source, fetches, before, environment } = self;
        let Step { run, outputs, files, links, env, wraps, .. } = step;
        writer.text(platform.as_str());
        writer.keyed(&ConfiguredPackages(root));
        writer.optional(run.as_deref(), KeyWriter::text);
        writer.digest(source);
        writer.list(*fetches, |writer, (fetch, digest)| {
            writer.text(fetch.path.as_str());
            writer.digest(digest);
        });
        writer.list(*before, KeyWriter::key);
        writer.optional(*environment, KeyWriter::key);
        writer.map(outputs.iter().map(|(from, to)| (from.as_str(), to)), |writer, to| {
            let Output { path, executable } = to;
            writer.text(path.as_str());
            writer.optional(*executable, KeyWriter::flag);
        });
        writer.map(files.iter().map(|(path, file)| (path.as_str(), file)), |writer, file| {
            let FileText { text, executable } = file;
            writer.text(text);
            writer.flag(*executable);
        });
        writer.map(links.iter().map(|(path, target)| (path.as_str(), target.as_str())), KeyWriter::text);
        writer.map(env.iter().map(|(name, value)| (name.as_str(), value.as_str())), KeyWriter::text);
        writer.list(wraps, launch::encode);
    }
}

/// What earlier steps left, at its places in the image, as a folder.
pub(super) struct StepInputs<'a>(pub(super) &'a [StepInput]);

/// The outputs of one step.
pub(super) struct StepInput {
    pub(super) segment: Digest,
    /// The tree with its places moved, where the image's links lead elsewhere.
    pub(super) moved: Option<Digest>,
}

impl Keyed for StepInputs<'_> {
    const DOMAIN: &'static str = "step-inputs";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.list(self.0, |writer, StepInput { segment, moved }| {
            writer.digest(segment);
            writer.optional(moved.as_ref(), KeyWriter::digest);
        });
    }
}

#[cfg(test)]
mod keys {
    use invar_project::{ListValues, Wrap};
    use invar_tree::ImagePath;
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_keys_are_pinned() {
        let key = crate::debian::ConfiguredPackages(&[]).key();
        let path = |text: &str| ImagePath::parse(text).unwrap();
        let texts = || BTreeMap::from([("A".parse().unwrap(), "b".to_owned())]);
        let lists = |separator: &str| {
            let values = vec!["/b".to_owned(), "/a".to_owned()];
            BTreeMap::from([("P".parse().unwrap(), ListValues { values, separator: separator.to_owned() })])
        };
        let wrap = Wrap {
            program: path("usr/bin/tool"),
            at: Some(path("usr/bin/wrapped")),
            env: texts(),
            env_default: BTreeMap::new(),
            unset: BTreeSet::from(["U".parse().unwrap()]),
            prefix: lists(":"),
            suffix: lists(" "),
            args: vec!["a".to_owned(), "b".to_owned()],
            args_after: vec!["c".to_owned()],
            workdir: Some(path("app")),
            argv0: Some("tool".to_owned()),
            inherit_argv0: true,
        };
        let step = Step {
            name: "web".parse().unwrap(),
            packages: Vec::new(),
            inputs: Vec::new(),
            after: Vec::new(),
            fetch: Vec::new(),
            run: Some("make".to_owned()),
            outputs: BTreeMap::from([(
                "dist".parse().unwrap(),
                Output { path: path("srv"), executable: Some(true) },
            )]),
            files: BTreeMap::from([(path("etc/a"), FileText { text: "a".to_owned(), executable: false })]),
            links: BTreeMap::from([(path("etc/b"), path("etc/a"))]),
            env: texts(),
            timeout: "1h".parse().unwrap(),
            environment: true,
            wraps: vec![wrap],
            in_image: true,
        };
        let fetch = StepFetch {
            url: "https://example.org/a.tar".parse().unwrap(),
            sha256: None,
            path: "a.tar".parse().unwrap(),
        };
        let outputs = StepOutputs {
            platform: Platform::LinuxAmd64,
            planned: &StepPlan { step, root: Vec::new() },
            source: &Digest::of(b"source"),
            fetches: &[(fetch, Digest::of(b"fetched"))],
            before: &[key],
            environment: Some(&key),
        };
        let inputs = [
            StepInput { segment: Digest::of(b"one"), moved: None },
            StepInput { segment: Digest::of(b"two"), moved: Some(Digest::of(b"moved")) },
        ];
        assert_eq!(
            outputs.describe(),
            "step 1 c80fa390c3738df30856bf58e55d41aa1dc0b61c34063359603aa90de624c6a7",
            "{CHANGED}"
        );
        assert_eq!(
            StepInputs(&inputs).describe(),
            "step-inputs 1 8bf497e6bd8f25c7a0acd1383763a5a2e621ceac2d9499f22c32362a812d7d99",
            "{CHANGED}"
        );
    }
}

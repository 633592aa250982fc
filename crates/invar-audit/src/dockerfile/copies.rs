//! `COPY` and `ADD`: images, URLs, git repositories, and the folder itself.
use invar_dockerfile::{Instruction, InstructionKind, Source, Stages, Transfer, Word};

use crate::finding::Finding;
use crate::findings::Findings;
use crate::pins::{is_commit, not_pinned};
use crate::rule::{Level, Rule};
use crate::surroundings::{Ignore, Surroundings};

pub(super) fn check(stages: &Stages<'_>, surroundings: &Surroundings<'_>, found: &mut Findings) {
    for stage in &stages.stages {
        let mut walk = stages.walk(stage);
        while let Some((instruction, scope)) = walk.step() {
            let instruction =
                if let InstructionKind::Onbuild(inner) = &instruction.kind { inner } else { instruction };
            let (transfer, is_add) = match &instruction.kind {
                InstructionKind::Copy(transfer) => (transfer, false),
                InstructionKind::Add(transfer) => (transfer, true),
                _ => continue,
            };
            if let Some(from) = instruction.flag_value("from") {
                let is_image = stages.find(&from.text, stage.index).is_none()
                    && from.text.parse::<usize>().is_err()
                    && !surroundings.has_context(&from.text);
                if is_image && let Some(finding) = not_pinned(&from.text, Rule::CopyFromNotPinned, from.span)
                {
                    found.push_once(&from.text, finding);
                }
                continue;
            }
            for source in &transfer.sources {
                let Source::Path(word) = source else { continue };
                let text =
                    scope.expand(&word.text, '\\').map_or_else(|_| word.text.clone(), |found| found.text);
                if is_add && let Some(finding) = fetched(&text, word, instruction) {
                    found.push(finding);
                }
            }
            broad(transfer, instruction, surroundings, found);
        }
    }
}

/// A finding, where `ADD` fetches `source`, and nothing says what it must be.
fn fetched(source: &str, word: &Word, instruction: &Instruction) -> Option<Finding> {
    if instruction.flag("checksum").is_some() {
        return None;
    }
    if is_git(source) {
        let reference =
            source.split_once('#').map(|(_, reference)| reference.split(':').next().unwrap_or(reference));
        if reference.is_some_and(is_commit) || source.contains("checksum=") {
            return None;
        }
        let message = match reference.filter(|reference| !reference.is_empty()) {
            Some(reference) => format!("`{reference}` is a name in a git repository, which can move"),
            None => "this uses the tip of the repository's default branch".to_owned(),
        };
        return Some(Finding::new(Rule::AddGitWithoutCommit, word.span, message));
    }
    let is_url = ["http://", "https://", "ftp://"].iter().any(|scheme| source.starts_with(scheme));
    is_url.then(|| {
        Finding::new(Rule::AddUrlWithoutChecksum, word.span, "nothing verifies the content of this URL")
    })
}

fn is_git(source: &str) -> bool {
    let address = source.split(['#', '?']).next().unwrap_or(source);
    address.starts_with("git@")
        || address.starts_with("git://")
        || address.starts_with("ssh://")
        || address.ends_with(".git")
}

/// A finding, where the whole folder is copied and nothing keeps out what does not belong.
fn broad(
    transfer: &Transfer,
    instruction: &Instruction,
    surroundings: &Surroundings<'_>,
    found: &mut Findings,
) {
    let is_broad = |source: &&Source| {
        let Source::Path(word) = source else { return false };
        // Paths that climb out of the folder end in it.
        let path = word.text.trim_matches(['"', '\'']).trim_start_matches("../");
        matches!(path, "." | "./" | "/" | "*" | "./*" | "/*" | "" | "./." | "**" | "..")
    };
    let Some(Source::Path(word)) = transfer.sources.iter().find(is_broad) else { return };
    let excludes_git = instruction.flags.iter().any(|flag| {
        flag.name == "exclude"
            && flag
                .value
                .as_ref()
                .is_some_and(|value| value.text.trim_start_matches("**/").starts_with(".git"))
    });
    let message = match &surroundings.ignore {
        Ignore::Unknown => return,
        _ if excludes_git => return,
        Ignore::Text(ignore) if ignore.ignores(".git/config") => return,
        Ignore::Text(_) => "the whole directory is copied, and the ignore file does not exclude `.git`",
        Ignore::Missing => "the whole directory is copied, and there is no ignore file",
    };
    found.push_once("", Finding::new(Rule::CopyWithoutIgnore, word.span, message).at_level(Level::Warning));
}

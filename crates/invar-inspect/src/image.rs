//! What an image says of itself.
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use invar_oci_read::{Image, ImageSet, LayerNode, Limits, Package};

use crate::answer::{Answer, Subject};
use crate::error::InspectError;
use crate::inventory::Whole;

/// How an image is called.
pub fn image_title(opened: &ImageSet, image: &Image) -> String {
    let name = image.names.first().cloned().unwrap_or_else(|| opened.path.display().to_string());
    match &image.platform {
        Some(platform) => format!("{name} for {platform}"),
        None => name,
    }
}

/// The image for the platform, or the only one, or of several the first.
///
/// # Errors
/// [`InspectError::NoPlatform`] where there is none.
pub fn choose<'a>(opened: &'a ImageSet, platform: Option<&str>) -> Result<&'a Image, InspectError> {
    let wanted = |image: &&Image| match (platform, &image.platform) {
        (Some(wanted), Some(platform)) => platform.to_string() == wanted,
        _ => true,
    };
    opened.images.iter().find(wanted).ok_or_else(|| {
        let platforms =
            opened.images.iter().filter_map(|image| Some(image.platform.as_ref()?.to_string())).collect();
        InspectError::NoPlatform {
            path: opened.path.clone(),
            platform: platform.map(str::to_owned),
            platforms,
        }
    })
}

/// What the image in `file` for `platform` says of a file or package in it.
///
/// # Errors
/// [`InspectError`]; also where it has no such file or package.
pub fn explain_in_image(
    file: &Path,
    platform: Option<&str>,
    subject: &Subject,
) -> Result<Vec<Answer>, InspectError> {
    let limits = Limits::usual();
    let opened = invar_oci_read::open(file, &limits)?;
    let image = choose(&opened, platform)?;
    let whole = Whole::read(image, &limits)?;
    let title = image_title(&opened, image);
    let unknown = || {
        let locks = "its URL, signing key and reason: the image does not contain the locks; run `invar why` in the \
                     project";
        vec![locks.to_owned()]
    };
    let package = |package: &Package, answer: &mut Answer| {
        answer.fact("record", &package.record);
        let facts = [
            ("architecture", &package.architecture),
            ("source package", &package.source),
            ("URL", &package.url),
        ];
        for (name, value) in facts {
            if let Some(value) = value {
                answer.fact(name, value);
            }
        }
        answer.chain = wanted_by(&whole, package);
        answer.unknown = unknown();
    };
    let path = match subject {
        Subject::Path(path) => path,
        Subject::Package(name) => {
            let named = whole.packages.named(name).map(|found| {
                let mut answer = Answer::of(name.clone(), found.to_string());
                package(found, &mut answer);
                answer
            });
            return subject.found(named.collect());
        }
    };
    let Some(placed) = whole.root.get(path.as_str()) else { return subject.found(Vec::new()) };
    let layer = &image.layers[placed.layer];
    let history = layer.history.clone().unwrap_or_default();
    let owner = whole.packages.owner(path);
    let told = history.comment.or(history.created_by);
    let origin = match (owner, &told) {
        (Some(package), _) => package.to_string(),
        (None, Some(told)) => format!("{} of {title}, described as: {told}", layer.label()),
        (None, None) => format!("{} of {title}", layer.label()),
    };
    let mut answer = Answer::of(path.to_string(), origin);
    let member = &placed.member;
    answer.fact("kind", member.kind.name());
    if let LayerNode::File { size, digest } = &member.kind {
        answer.fact("size", format!("{size} bytes"));
        answer.fact("content", digest);
    }
    if let LayerNode::Symlink { target } = &member.kind {
        answer.fact("target", target);
    }
    answer.fact("mode", member.mode);
    answer.fact("owner", format!("{}:{}", member.owner.uid, member.owner.gid));
    let digest = layer.digest.or(layer.diff_id).map(|digest| format!(" ({digest})")).unwrap_or_default();
    answer.fact("layer", format!("{}{digest}", layer.label()));
    match owner {
        Some(found) => package(found, &mut answer),
        None => answer.unknown = unknown(),
    }
    for (name, value) in image.labels() {
        if matches!(name.as_str(), "org.opencontainers.image.source" | "org.opencontainers.image.revision") {
            answer.fact(&name, value);
        }
    }
    Ok(vec![answer])
}

/// A shortest chain of packages that depend on each other, from one that nothing else in the image depends on; only the
/// package itself where all that depends on it goes round in circles.
fn wanted_by(whole: &Whole, package: &Package) -> Vec<String> {
    let all: Vec<&Package> = whole.packages.iter().map(AsRef::as_ref).collect();
    let own = all.iter().position(|other| **other == *package).unwrap_or_default();
    // For each package that was reached, the one that it led to.
    let mut towards = BTreeMap::from([(own, own)]);
    let mut queue = VecDeque::from([own]);
    while let Some(current) = queue.pop_front() {
        let dependents: Vec<usize> = (0..all.len())
            .filter(|&other| other != current && all[other].kind == all[current].kind)
            .filter(|&other| all[other].depends.contains(&all[current].name))
            .collect();
        if dependents.is_empty() {
            let mut chain = vec![all[current].to_string()];
            let mut current = current;
            while towards[&current] != current {
                current = towards[&current];
                chain.push(all[current].to_string());
            }
            return chain;
        }
        for other in dependents {
            towards.entry(other).or_insert_with(|| {
                queue.push_back(other);
                current
            });
        }
    }
    vec![package.to_string()]
}

//! Which Debian release a lock is made from.
use invar_checkout::ProjectFiles;
use invar_plan::{Offer, PythonChoice, PythonWish};
use invar_project::{InvarLock, LockPart, Release, Request, STABLE};
use invar_realise::Event;

use crate::LockError;
use crate::context::LockContext;
use crate::update::Update;

/// The codename of the release to take packages from: what the manifest names, or what `old` has if it still fits and
/// nothing is updated, or what fits best. What is chosen for a reason is said with it.
///
/// # Errors
/// [`LockError::NoRelease`], and [`LockError::NoWheels`] where packages of `required` cannot be installed.
pub(crate) fn codename(
    context: &LockContext<'_>,
    files: &ProjectFiles,
    request: &Request,
    old: Option<&InvarLock>,
    update: &Update,
    required: &LockPart,
) -> Result<String, LockError> {
    let manifest = files.whole_manifest();
    let wish = PythonWish::of(manifest, files.uv_lock.as_ref(), files.version_file.as_ref());
    let named = request.suite.as_ref().map(|suite| suite.codename());
    let Some(wish) = wish else { return Ok(named.unwrap_or(STABLE[0].suite).to_owned()) };
    let chosen = PythonChoice::new(&wish);
    if let Some(named) = named {
        // Where nothing fits, that is said of what is named, and so is what is not known beforehand.
        if let Some(choice) = chosen.ok().and_then(|choice| choice.with_suite(named)) {
            check(&choice, required)?;
            report(context, &choice, false);
        }
        return Ok(named.to_owned());
    }
    let mut choice = chosen.map_err(LockError::NoRelease)?;
    let kept = old.filter(|old| *update != Update::Everything && has_chosen_for(old, request));
    let kept = kept.and_then(|old| old.suites.keys().find(|suite| !suite.is_part()));
    let fits = |offer: &&Offer| offer.is_allowed && offer.error.is_none();
    let kept = kept.and_then(|suite| choice.offer_of(suite.codename())).filter(fits);
    let is_new = kept.is_none();
    if let Some(suite) = kept.map(|offer| offer.release.suite) {
        choice = choice.with_suite(suite).expect("it has an offer of this suite");
    }
    check(&choice, required)?;
    report(context, &choice, is_new);
    Ok(choice.release().suite.to_owned())
}

/// Whether `old` was made from a release that was chosen for the same Pythons.
fn has_chosen_for(old: &InvarLock, request: &Request) -> bool {
    old.request.suite.is_none() && old.request.requires_python == request.requires_python
}

/// What cannot be installed is said before anything is fetched, if it is the project's own image that is required.
fn check(choice: &PythonChoice, required: &LockPart) -> Result<(), LockError> {
    match &choice.offer().error {
        Some((platform, error)) if *required == LockPart::Image => Err(LockError::NoWheels {
            platform: *platform,
            source: Box::new(error.clone()),
            suite: choice.release().suite,
            fits: choice.with_all_packages(),
        }),
        _ => Ok(()),
    }
}

fn report(context: &LockContext<'_>, choice: &PythonChoice, is_new: bool) {
    let sentences = [choice.sentence().filter(|_| is_new), choice.compiled()];
    for sentence in sentences.into_iter().flatten() {
        context.sources.reporter.event(&Event::Note(&sentence));
    }
}

/// Something about the Python of a lock that whoever builds should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonNote {
    /// The sentence.
    pub sentence: String,
    /// Whether something can be done about it.
    pub is_warning: bool,
}

/// What there is to say of the Python that is locked for `files`: that `.python-version` asks for another, and what has to
/// be compiled for it.
pub fn python_notes(files: &ProjectFiles) -> Vec<PythonNote> {
    let manifest = files.whole_manifest();
    let wish = PythonWish::of(manifest, files.uv_lock.as_ref(), files.version_file.as_ref());
    let suites = files.lock.iter().flat_map(|lock| lock.suites.keys());
    let suite = suites.into_iter().find(|suite| !suite.is_part());
    let (Some(wish), Some(suite)) = (wish, suite) else { return Vec::new() };
    let Ok(best) = PythonChoice::new(&wish) else { return Vec::new() };
    let best_release = best.release();
    let Some(choice) = best.with_suite(suite.codename()) else { return Vec::new() };
    let mut notes = Vec::new();
    if let Some((file, why)) = choice.against_file() {
        let Release { suite, python, .. } = choice.release();
        // A better one could be had.
        let is_warning = best_release != choice.release();
        let advice = match (is_warning, &manifest.suite) {
            (false, _) => String::new(),
            (true, Some(_)) => {
                format!(
                    "; set suite = \"{}\" in {}, or change {file}",
                    best_release.suite,
                    files.place_of_settings()
                )
            }
            (true, None) => "; `invar lock --update` chooses again".to_owned(),
        };
        let sentence = match is_warning {
            true => format!("the image has Python {python} of Debian {suite}, but {file} {why}{advice}"),
            false => choice.sentence().unwrap_or_default(),
        };
        notes.push(PythonNote { sentence, is_warning });
    }
    notes.extend(choice.compiled().map(|sentence| PythonNote { sentence, is_warning: false }));
    notes
}

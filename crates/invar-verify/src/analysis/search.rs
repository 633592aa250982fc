//! Which of many perturbations change a result, with few builds.
use std::collections::{BTreeMap, BTreeSet};

use crate::perturbation::Perturbation;

/// What each perturbation changes.
pub type Found<T> = BTreeMap<Perturbation, BTreeSet<T>>;

/// Makes a build under some perturbations, and shows what that changes.
pub type Run<'a, T, E> = &'a mut dyn FnMut(&[Perturbation]) -> Result<BTreeSet<T>, E>;

/// Finds which of `suspects`, which together change `changed`, change which of it. `run` makes a build under some of
/// them and shows what that changes.
///
/// `likely` are tried first, apart from the others: where they are all of it, two builds tell. Otherwise the suspects
/// are halved again and again, and a half that changes nothing is not inspected; so one culprit among thirteen takes
/// about six builds. What changes only under several at once is reported for none of them.
///
/// # Errors
/// The first error of `run`.
pub fn culprits<T: Ord + Clone, E>(
    suspects: &[Perturbation],
    likely: &[Perturbation],
    changed: &BTreeSet<T>,
    run: Run<'_, T, E>,
) -> Result<Found<T>, E> {
    let (first, second): (Vec<_>, Vec<_>) = suspects.iter().partition(|one| likely.contains(one));
    let mut found = Found::new();
    match (first.is_empty(), second.is_empty()) {
        (true, _) => search(&second, changed, run, &mut found)?,
        (_, true) => search(&first, changed, run, &mut found)?,
        _ => split(&first, &second, changed, run, &mut found)?,
    }
    Ok(found)
}

fn search<T: Ord + Clone, E>(
    suspects: &[Perturbation],
    changed: &BTreeSet<T>,
    run: Run<'_, T, E>,
    found: &mut Found<T>,
) -> Result<(), E> {
    if changed.is_empty() {
        return Ok(());
    }
    if let [one] = suspects {
        found.entry(*one).or_default().extend(changed.iter().cloned());
        return Ok(());
    }
    let (first, second) = suspects.split_at(suspects.len() / 2);
    split(first, second, changed, run, found)
}

/// Both together change `changed`; each is asked what of it is its own.
fn split<T: Ord + Clone, E>(
    first: &[Perturbation],
    second: &[Perturbation],
    changed: &BTreeSet<T>,
    run: Run<'_, T, E>,
    found: &mut Found<T>,
) -> Result<(), E> {
    let of_first: BTreeSet<T> = run(first)?.intersection(changed).cloned().collect();
    // Where the first half changes nothing, the second changes all of it: that need not be tried.
    let of_second = if of_first.is_empty() {
        changed.clone()
    } else {
        run(second)?.intersection(changed).cloned().collect()
    };
    search(first, &of_first, run, found)?;
    search(second, &of_second, run, found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Perturbation::{Clock, Environment, HostName, Path, Umask, User};

    /// Searches among all where `truth` is what each changes; gives what was found, and the number of builds.
    fn find(truth: &[(Perturbation, &'static str)], likely: &[Perturbation]) -> (Found<&'static str>, usize) {
        let mut builds = 0;
        let mut run = |some: &[Perturbation]| -> Result<BTreeSet<&'static str>, ()> {
            builds += 1;
            Ok(truth.iter().filter(|(one, _)| some.contains(one)).map(|(_, what)| *what).collect())
        };
        let changed = truth.iter().map(|(_, what)| *what).collect();
        let found = culprits(&Perturbation::ALL, likely, &changed, &mut run).unwrap();
        (found, builds)
    }

    #[test]
    fn every_culprit_is_found_alone() {
        for one in Perturbation::ALL {
            let (found, builds) = find(&[(one, "file")], &[]);
            assert_eq!(found, Found::from([(one, BTreeSet::from(["file"]))]));
            assert!(builds <= 8, "{builds} builds for {one}");
        }
    }

    #[test]
    fn several_are_told_apart() {
        let truth = [(User, "a"), (Clock, "a"), (Clock, "b"), (Environment, "c")];
        let (found, _) = find(&truth, &[]);
        let expected = [(User, vec!["a"]), (Clock, vec!["a", "b"]), (Environment, vec!["c"])];
        assert_eq!(found, expected.map(|(one, files)| (one, files.into_iter().collect())).into());
    }

    #[test]
    fn a_good_guess_takes_two_builds() {
        let (found, builds) = find(&[(HostName, "a")], &[HostName]);
        assert_eq!((found.keys().copied().collect::<Vec<_>>(), builds), (vec![HostName], 2));
        // A bad one does no harm.
        let (found, _) = find(&[(HostName, "a")], &[Path, Umask]);
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [HostName]);
    }

    #[test]
    fn a_failing_build_ends_the_search() {
        let changed = BTreeSet::from(["a"]);
        let result = culprits(&Perturbation::ALL, &[], &changed, &mut |_| Err("no"));
        assert_eq!(result, Err("no"));
    }
}

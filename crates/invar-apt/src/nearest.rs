use invar_debian::PackageName;

/// The longest text that is compared; no package's name is longer, and the effort grows with its square.
const MAXIMUM_LENGTH: usize = 128;

/// The names that someone who wrote `wanted` may have meant, the likeliest first: those spelt almost so, then those
/// that begin so.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a PackageName>) -> Vec<PackageName> {
    // What people write that is never in a name: capitals and underscores.
    let wanted = wanted.to_lowercase().replace('_', "-");
    if wanted.is_empty() || wanted.len() > MAXIMUM_LENGTH {
        return Vec::new();
    }
    // One slip in three characters: more, and any short name is near any other.
    let allowed = (wanted.len() / 3).clamp(1, 3);
    let mut found: Vec<(usize, &PackageName)> = names
        .filter_map(|name| {
            let candidate = name.as_str();
            let spelt = distance(&wanted, candidate, allowed);
            let begins = || {
                let longer = candidate.len().checked_sub(wanted.len())?;
                (wanted.len() >= 3 && candidate.starts_with(wanted.as_str())).then_some(allowed + longer)
            };
            Some((spelt.or_else(begins)?, name))
        })
        .collect();
    found.sort();
    found.into_iter().take(5).map(|(_, name)| name.clone()).collect()
}

/// The number of slips (a character too many, too few, another, or two swapped) between two names, if at most
/// `allowed` (optimal string alignment distance).
fn distance(left: &str, right: &str, allowed: usize) -> Option<usize> {
    if left.len().abs_diff(right.len()) > allowed {
        return None;
    }
    Some(strsim::osa_distance(left, right)).filter(|&distance| distance <= allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        fn check(left: &str, right: &str, expected: Option<usize>) {
            assert_eq!(distance(left, right, 2), expected, "{left} and {right}");
            assert_eq!(distance(right, left, 2), expected, "{right} and {left}");
        }
        check("curl", "curl", Some(0));
        check("curl", "crul", Some(1));
        check("curl", "cur", Some(1));
        check("curl", "kurl", Some(1));
        check("curl", "kurls", Some(2));
        check("curl", "wget", None);
    }

    #[test]
    fn likely_names_come_first() {
        fn check(wanted: &str, expected: &[&str]) {
            let names = [
                "curl",
                "curlie",
                "fortune-mod",
                "fortunes",
                "fortunes-min",
                "libmagic1t64",
                "python3",
                "zz",
            ];
            let names: Vec<PackageName> = names.iter().map(|name| name.parse().unwrap()).collect();
            let found = nearest(wanted, names.iter());
            assert_eq!(found.iter().map(PackageName::as_str).collect::<Vec<_>>(), expected, "{wanted}");
        }
        check("crul", &["curl"]);
        check("fortune", &["fortunes", "fortune-mod", "fortunes-min"]);
        check("Fortune_Mod", &["fortune-mod", "fortunes-min"]);
        check("libmagic1", &["libmagic1t64"]);
        check("pyhton3", &["python3"]);
        check("postgres", &[]);
        check("", &[]);
        check(&"z".repeat(1000), &[]);
    }
}

use invar_debian::PackageName;

/// The longest text that is compared; no package's name is longer, and the effort grows with its square.
const MAXIMUM_LENGTH: usize = 128;

/// The names that someone who wrote `wanted` may have meant, the likeliest first: those spelt almost so, then those
/// that begin so.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a PackageName>) -> Vec<PackageName> {
    // What people write that is never in a name: capitals and underscores.
    let wanted = wanted.to_lowercase().replace('_', "-");
    let wanted = wanted.as_bytes();
    if wanted.is_empty() || wanted.len() > MAXIMUM_LENGTH {
        return Vec::new();
    }
    // One slip in three characters: more, and any short name is near any other.
    let allowed = (wanted.len() / 3).clamp(1, 3);
    let mut found: Vec<(usize, &PackageName)> = names
        .filter_map(|name| {
            let candidate = name.as_str().as_bytes();
            let spelt = distance(wanted, candidate, allowed);
            let begins = || {
                let longer = candidate.len().checked_sub(wanted.len())?;
                (wanted.len() >= 3 && candidate.starts_with(wanted)).then_some(allowed + longer)
            };
            Some((spelt.or_else(begins)?, name))
        })
        .collect();
    found.sort();
    found.into_iter().take(5).map(|(_, name)| name.clone()).collect()
}

/// The number of slips (a character too many, too few, another, or two swapped) between two names, if at most
/// `allowed` (optimal string alignment distance).
fn distance(left: &[u8], right: &[u8], allowed: usize) -> Option<usize> {
    if left.len().abs_diff(right.len()) > allowed {
        return None;
    }
    let width = right.len() + 1;
    let mut before = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    let mut row = vec![0; width];
    for (i, &a) in left.iter().enumerate() {
        row[0] = i + 1;
        for (j, &b) in right.iter().enumerate() {
            let replaced = last[j] + usize::from(a != b);
            row[j + 1] = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a == right[j - 1] && left[i - 1] == b {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        if row.iter().min().is_some_and(|&least| least > allowed) {
            return None;
        }
        std::mem::swap(&mut before, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    Some(last[right.len()]).filter(|&distance| distance <= allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        fn check(left: &str, right: &str, expected: Option<usize>) {
            assert_eq!(distance(left.as_bytes(), right.as_bytes(), 2), expected, "{left} and {right}");
            assert_eq!(distance(right.as_bytes(), left.as_bytes(), 2), expected, "{right} and {left}");
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

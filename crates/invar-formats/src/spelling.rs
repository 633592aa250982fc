//! Which known word a misspelled one may have been.

/// The candidate that is most like `text`, if one is alike enough to be what was meant.
///
/// Alike is: at most one edit (a character added, dropped, replaced, or swapped with its neighbour) in three, or the
/// same except for case, `_` and `-`. Of equally good candidates the first counts.
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer texts are not slips of the pen, and the distance is quadratic in the length.
    if text.len() > 64 {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let wanted = plain(text);
    let mut best = None;
    for candidate in candidates.into_iter().filter(|candidate| candidate.len() <= 64) {
        let distance = strsim::osa_distance(&wanted, &plain(candidate));
        if distance * 3 <= candidate.len().max(text.len()) && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_recognised() {
        let keys = ["suite", "packages", "base", "health-check", "env"];
        let check = |text, expected| assert_eq!(nearest(text, keys), expected, "{text}");
        check("package", Some("packages"));
        check("pakcages", Some("packages"));
        check("healthcheck", Some("health-check"));
        check("health_check", Some("health-check"));
        check("Suite", Some("suite"));
        check("environment", None);
        check("x", None);
        check(&"packages".repeat(100), None);
    }
}

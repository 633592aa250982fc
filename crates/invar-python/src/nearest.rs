/// At most three of `known` that `text` may be a slip of, the closest first.
pub(crate) fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<(usize, &str)> = known
        .into_iter()
        .map(|name| (strsim::osa_distance(text, name), name))
        .filter(|&(distance, name)| distance <= 1 + text.len().max(name.len()) / 3)
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

/// The text that follows an error about an unknown name: what else it may have been.
pub(crate) fn did_you_mean(nearest: &[String], known: &[String]) -> String {
    match (nearest, known) {
        ([], []) => "; none are defined".to_owned(),
        ([], known) => format!("; defined: {}", known.join(", ")),
        (nearest, _) => format!("; did you mean {}?", nearest.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found() {
        assert_eq!(nearest("stanard", ["standard", "all", "standard-no-x"]), ["standard"]);
        assert_eq!(nearest("cup", ["cpu", "cu12"]), ["cpu", "cu12"]);
        assert!(nearest("zzz", ["standard", "all"]).is_empty());
    }
}

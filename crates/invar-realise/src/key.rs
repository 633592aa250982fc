use invar_store::Key;

/// The store's key of `domain` and `fields`, whose names and values were made rather than written down.
pub fn key_of(domain: &str, fields: &[(impl AsRef<str>, String)]) -> Key {
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_ref(), value.as_str())).collect();
    Key::new(domain, &fields)
}

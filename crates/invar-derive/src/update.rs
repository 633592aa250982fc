//! A manifest that is derived again, brought into the one that is there: what is derived is set, everything else stays,
//! comments and the order of lines too.
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, TableLike, TomlError, Value};

/// Lists that an author adds to: what is derived is added to them, and nothing is removed.
const LISTS: [&str; 4] = ["exclude", "extras", "groups", "packages"];

/// The text `before`, a file with a manifest, after everything that `manifest` says has been set in it.
///
/// # Errors
/// Where one of them is not TOML.
pub fn updated(before: &str, manifest: &str) -> Result<String, TomlError> {
    let mut document: DocumentMut = before.replace("\r\n", "\n").parse()?;
    let derived: DocumentMut = manifest.parse()?;
    set_all(document.as_table_mut(), derived.as_table());
    let text = document.to_string();
    Ok(if before.contains("\r\n") { text.replace('\n', "\r\n") } else { text })
}

fn set_all(old: &mut dyn TableLike, new: &dyn TableLike) {
    for (key, item) in new.iter() {
        match old.get_mut(key) {
            Some(found) => set(key, found, item),
            None => {
                old.insert(key, without_place(item));
            }
        }
    }
}

fn set(key: &str, old: &mut Item, new: &Item) {
    if let (Some(old), Some(new)) = (old.as_table_like_mut(), new.as_table_like()) {
        return set_all(old, new);
    }
    if let (Some(old), Some(new)) = (old.as_array_of_tables_mut(), new.as_array_of_tables()) {
        return set_steps(old, new);
    }
    if let (Some(old), Some(new)) = (old.as_array_mut(), new.as_array())
        && LISTS.contains(&key)
    {
        return add_all(old, new);
    }
    if plain(old) == plain(new) {
        return;
    }
    match (old.as_value_mut(), new.as_value()) {
        (Some(old), Some(new)) => {
            let decor = old.decor().clone();
            *old = new.clone();
            *old.decor_mut() = decor;
        }
        _ => *old = without_place(new),
    }
}

/// Steps are known by their names.
fn set_steps(old: &mut ArrayOfTables, new: &ArrayOfTables) {
    for step in new {
        let name = step.get("name").and_then(Item::as_str);
        let known = old.iter().position(|known| known.get("name").and_then(Item::as_str) == name);
        match known.and_then(|index| old.get_mut(index)) {
            Some(known) => set_all(known, step),
            None => {
                let mut step = step.clone();
                step.set_position(None);
                old.push(step);
            }
        }
    }
}

fn add_all(old: &mut Array, new: &Array) {
    for value in new {
        if !old.iter().any(|known| plain_value(known) == plain_value(value)) {
            old.push(value.clone());
        }
    }
}

/// What an item says, however it is written.
fn plain(item: &Item) -> Option<String> {
    item.as_value().map(plain_value)
}

fn plain_value(value: &Value) -> String {
    let mut value = value.clone();
    undecorate(&mut value);
    value.to_string()
}

fn undecorate(value: &mut Value) {
    if let Some(text) = value.as_str().map(str::to_owned) {
        *value = text.into();
    }
    value.decor_mut().clear();
    match value {
        Value::Array(array) => {
            array.set_trailing("");
            array.set_trailing_comma(false);
            array.iter_mut().for_each(undecorate);
        }
        Value::InlineTable(table) => table.fmt(),
        _ => {}
    }
}

/// The item without the place that it has in its own document, so that it comes after what is in its table already.
fn without_place(item: &Item) -> Item {
    let mut item = item.clone();
    match &mut item {
        Item::Table(table) => {
            table.set_position(None);
            for (_, inner) in table.iter_mut() {
                *inner = without_place(inner);
            }
        }
        Item::ArrayOfTables(tables) => tables.iter_mut().for_each(|table| table.set_position(None)),
        _ => {}
    }
    item
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = r#"# The cat.
[project]
name = "cat"  # its name

[tool.invar]  # by hand
packages = ["jq"]  # we need it
suite = "trixie"
[tool.invar.image]
command = ["python", "old.py"]
env = { A = "1" }

[[tool.invar.step]]
name = "one"
run = "make"

[tool.ruff]
line-length = 100
"#;

    #[test]
    fn what_is_derived_is_set_and_everything_else_stays() {
        let manifest = r#"[tool.invar]
packages = ["libpq5"]

[tool.invar.image]
command = ["python", "main.py"]
ports = [8000]

[tool.invar.python.overrides.psycopg2]
packages = ["gcc"]

[[tool.invar.step]]
name = "one"
run = "make all"

[[tool.invar.step]]
name = "two"
run = "make two"
"#;
        let expected = r#"# The cat.
[project]
name = "cat"  # its name

[tool.invar]  # by hand
packages = ["jq", "libpq5"]  # we need it
suite = "trixie"
[tool.invar.image]
command = ["python", "main.py"]
env = { A = "1" }
ports = [8000]

[tool.invar.python.overrides.psycopg2]
packages = ["gcc"]

[[tool.invar.step]]
name = "one"
run = "make all"

[[tool.invar.step]]
name = "two"
run = "make two"

[tool.ruff]
line-length = 100
"#;
        let text = updated(BEFORE, manifest).expect("both are TOML");
        let parsed: toml::Table = text.parse().expect("it is TOML");
        assert_eq!(parsed, expected.parse().expect("it is TOML"), "{text}");
        for kept in [
            "# The cat.",
            "name = \"cat\"  # its name",
            "[tool.invar]  # by hand",
            "\"libpq5\"]  # we need it",
        ] {
            assert!(text.contains(kept), "{text}");
        }
        assert!(text.ends_with("[tool.ruff]\nline-length = 100\n"), "{text}");
        // Once more, nothing changes, however things are written.
        assert_eq!(updated(&text, manifest).expect("both are TOML"), text);
        let windows = BEFORE.replace('\n', "\r\n");
        assert_eq!(updated(&windows, manifest).expect("both are TOML"), text.replace('\n', "\r\n"));
        assert!(updated("a = ", manifest).is_err());
    }

    #[test]
    fn the_same_written_in_another_way_stays_as_it_is() {
        let written = "tool.invar = { image = { command = [ 'python',\n  \"a.py\", ] } }\n";
        let manifest = "[tool.invar.image]\ncommand = [\"python\", \"a.py\"]\n";
        assert_eq!(updated(written, manifest).expect("both are TOML"), written);
        let other = manifest.replace("a.py", "b.py");
        let text = updated(written, &other).expect("both are TOML");
        assert_eq!(text, "tool.invar = { image = { command = [\"python\", \"b.py\"] } }\n");
    }
}

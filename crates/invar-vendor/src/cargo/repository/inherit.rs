//! What a workspace's member inherits, written into its manifest.
//!
//! A field of `package`, and a dependency, may say `workspace = true` and then has the value that `workspace.package`
//! or `workspace.dependencies` gives; a dependency keeps its own `optional` and adds its own `features`.
//!
//! Source: the Cargo book, "Workspaces", sections "The package table" and "The dependencies table"; "Specifying
//! dependencies", section "Inheriting a dependency from a workspace".
use toml::{Table, Value};

/// The tables of dependencies, at the top and for a target.
const DEPENDENCIES: [&str; 5] =
    ["dependencies", "dev-dependencies", "build-dependencies", "dev_dependencies", "build_dependencies"];

fn is_inherited(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

/// All tables of dependencies in a manifest.
fn dependencies(manifest: &Table) -> impl Iterator<Item = &Table> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let holders = targets.filter_map(Value::as_table).chain([manifest]);
    holders.flat_map(|holder| DEPENDENCIES.iter().filter_map(|name| holder.get(*name)?.as_table()))
}

/// Whether the manifest has anything that only its workspace can say.
pub(super) fn inherits(manifest: &Table) -> bool {
    let package = manifest.get("package").and_then(Value::as_table).into_iter().flat_map(Table::values);
    package
        .chain(dependencies(manifest).flat_map(Table::values))
        .chain(manifest.get("lints"))
        .any(is_inherited)
}

/// Writes what `manifest` inherits from `workspace`, the root manifest's table of that name, into it.
///
/// # Errors
/// What is missing in the workspace, in words.
pub(super) fn resolve(manifest: &mut Table, workspace: &Table) -> Result<(), String> {
    let shared = |table: &str, key: &str| {
        let value = workspace.get(table).and_then(|table| table.get(key)).cloned();
        value.ok_or_else(|| format!("it inherits {key:?}, which workspace.{table} does not have"))
    };
    if let Some(package) = manifest.get_mut("package").and_then(Value::as_table_mut) {
        // These are paths from the workspace's root, and matter only where a crate is published.
        for path in ["readme", "license-file"] {
            if package.get(path).is_some_and(is_inherited) {
                package.remove(path);
            }
        }
        package.remove("workspace");
        for (key, value) in package.iter_mut().filter(|(_, value)| is_inherited(value)) {
            *value = shared("package", key)?;
        }
    }
    // Warnings of dependencies are not shown; what they would say does not matter.
    if manifest.get("lints").is_some_and(is_inherited) {
        manifest.remove("lints");
    }
    manifest.remove("workspace");
    let mut holders = vec![];
    for (key, value) in manifest.iter_mut() {
        match value.as_table_mut() {
            Some(table) if DEPENDENCIES.contains(&key.as_str()) => holders.push(table),
            Some(table) if key == "target" => {
                let targets = table.iter_mut().filter_map(|(_, target)| target.as_table_mut());
                let tables = targets.flat_map(|target| target.iter_mut());
                let tables = tables.filter(|(key, _)| DEPENDENCIES.contains(&key.as_str()));
                holders.extend(tables.filter_map(|(_, table)| table.as_table_mut()));
            }
            _ => {}
        }
    }
    for (key, dependency) in holders.into_iter().flat_map(Table::iter_mut) {
        if is_inherited(dependency) {
            *dependency = merged(shared("dependencies", key)?, dependency);
        }
    }
    Ok(())
}

/// The workspace's dependency with what the member adds.
fn merged(shared: Value, member: &Value) -> Value {
    let mut merged = match shared {
        Value::Table(table) => table,
        version => Table::from_iter([("version".to_owned(), version)]),
    };
    for key in ["optional", "public", "default-features", "default_features"] {
        if let Some(value) = member.get(key) {
            merged.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(own) = member.get("features").and_then(Value::as_array) {
        let features = merged.entry("features").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(features) = features {
            features.extend(own.iter().cloned());
        }
    }
    merged.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_gets_what_its_workspace_says() {
        let mut manifest: Table = r#"
            lints.workspace = true
            [package]
            name = "member"
            version.workspace = true
            readme.workspace = true
            [dependencies]
            plain.workspace = true
            rich = { workspace = true, features = ["own"], optional = true }
            own = "3"
            [target.'cfg(unix)'.build-dependencies]
            plain = { workspace = true }
        "#
        .parse()
        .unwrap();
        let workspace: Table = r#"
            [package]
            version = "1.2.3"
            [dependencies]
            plain = "1"
            rich = { version = "2", features = ["shared"], default-features = false }
        "#
        .parse()
        .unwrap();
        assert!(inherits(&manifest));
        resolve(&mut manifest, &workspace).unwrap();
        assert!(!inherits(&manifest));
        let expected: Table = r#"
            [package]
            name = "member"
            version = "1.2.3"
            [dependencies]
            plain = { version = "1" }
            rich = { version = "2", features = ["shared", "own"], default-features = false, optional = true }
            own = "3"
            [target.'cfg(unix)'.build-dependencies]
            plain = { version = "1" }
        "#
        .parse()
        .unwrap();
        assert_eq!(manifest, expected);
    }

    #[test]
    fn what_the_workspace_lacks_is_named() {
        let mut manifest: Table = "[dependencies]\nserde.workspace = true".parse().unwrap();
        let error = resolve(&mut manifest, &Table::new()).unwrap_err();
        assert_eq!(error, "it inherits \"serde\", which workspace.dependencies does not have");
    }
}

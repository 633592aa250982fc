use crate::{Wheel, sha256};

/// A `uv.lock` for a project `name` without a build system that depends on `wheels`, each served below `base_url`.
pub fn uv_lock(name: &str, requires_python: &str, wheels: &[Wheel], base_url: &str) -> String {
    let mut text = format!("version = 1\nrevision = 3\nrequires-python = \"{requires_python}\"\n\n");
    for wheel in wheels {
        let bytes = wheel.build();
        text.push_str(&format!(
            "[[package]]\nname = \"{}\"\nversion = \"{}\"\nsource = {{ registry = \"{base_url}/simple\" }}\n\
             wheels = [\n    {{ url = \"{base_url}/{}\", hash = \"sha256:{}\", size = {} }},\n]\n\n",
            wheel.name(),
            wheel.version(),
            wheel.filename(),
            sha256(&bytes),
            bytes.len(),
        ));
    }
    text.push_str(&format!(
        "[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\nsource = {{ virtual = \".\" }}\n"
    ));
    let list = |entry: &dyn Fn(&Wheel) -> String| wheels.iter().map(entry).collect::<String>();
    if !wheels.is_empty() {
        let dependencies = list(&|wheel| format!("    {{ name = \"{}\" }},\n", wheel.name()));
        text.push_str(&format!("dependencies = [\n{dependencies}]\n\n[package.metadata]\nrequires-dist = ["));
        text.push_str(
            &wheels
                .iter()
                .map(|wheel| format!("{{ name = \"{}\" }}", wheel.name()))
                .collect::<Vec<_>>()
                .join(", "),
        );
        text.push_str("]\n");
    }
    text
}

use super::*;

/// What is found in `text`: each problem with the text that it is about.
#[track_caller]
fn check(text: &str, expected: &[(&str, &str)]) {
    let table = DeTable::parse(text).unwrap();
    let (_, findings) = Project::read("pyproject.toml", table.get_ref());
    let found: Vec<(String, &str)> = findings
        .iter()
        .map(|finding| (finding.problem.to_string(), &text[finding.span.clone().unwrap()]))
        .collect();
    let found: Vec<(&str, &str)> = found.iter().map(|(problem, place)| (problem.as_str(), *place)).collect();
    assert_eq!(found, expected);
    assert!(findings.iter().all(|finding| finding.path == "pyproject.toml"));
}

#[test]
fn every_finding_has_its_place() {
    check("[project]\nname = 'a'\n", &[]);
    check("[tool.black]\n", &[]);
    check("[project]\nversion = '1'\n", &[("`project.name` is missing", "project")]);
    let name = "`project.name`: \"-\" is not the name of a distribution: expected letters, digits, \"-\", \"_\" and \
                \".\", starting and ending with a letter or digit";
    check("[project]\nname = '-'\n", &[(name, "'-'")]);
    let long = "n".repeat(256);
    let name = format!(
        "`project.name`: the name of a distribution has at most 255 characters, and \"{}…\" has 256",
        &long[..32]
    );
    check(&format!("[project]\nname = '{long}'\n"), &[(&name, &format!("'{long}'"))]);
    check(
        "[project]\nname = 'a'\nversion = 'new'\nrequires-python = '3'\n",
        &[
            ("`project.version`: \"new\" is not a Python version", "'new'"),
            (
                "`project.requires-python`: \"3\" is not a version specifier: expected, for example, \">=3.11,<3.14\"",
                "'3'",
            ),
        ],
    );
    check(
        "[project]\nname = 'a'\ndependencies = ['b', 'c >', 'd; os']\n",
        &[
            (
                "`project.dependencies`: \"c >\" is not a Python requirement: \">\" is not a version specifier such as \
                 \">=1.2\"",
                "'c >'",
            ),
            (
                "`project.dependencies`: \"d; os\" is not a Python requirement: \" os\" is not a marker: found \"os\", \
                 expected a variable such as python_version, or a quoted text, at byte 1",
                "'d; os'",
            ),
        ],
    );
    check(
        "[project]\nname = 'a'\n[dependency-groups]\nA-b = []\na_B = []\nc = [{ include-group = 'd' }]\n",
        &[
            ("`dependency-groups` lists a-b twice", "a_B"),
            ("the project has no dependency group \"d\"", "'d'"),
        ],
    );
    check(
        "[project]\nname = 'a'\n[build-system]\nrequires = ['x', 'y z']\n[tool.uv]\nno-build = 1\n",
        &[
            (
                "`build-system.requires`: \"y z\" is not a Python requirement: expected versions, \"@\" and a URL, or \
                 \";\" and a marker, found 'z'",
                "'y z'",
            ),
            ("`tool.uv.no-build` must be true or false, not an integer", "1"),
        ],
    );
}

#[track_caller]
fn uv_toml(text: &str) -> Result<UvSettings, String> {
    let table = DeTable::parse(text).unwrap().into_inner();
    match UvSettings::read_uv_toml("uv.toml", &table) {
        (settings, findings) if findings.is_empty() => Ok(settings),
        (_, findings) => Err(findings[0].problem.to_string()),
    }
}

#[test]
fn uv_toml_replaces_all_but_what_only_pyproject_may_say() {
    let text = "[tool.uv]\npackage = true\nno-build = true\nbuild-constraint-dependencies = [\"setuptools<70\"]\n\
                default-groups = [\"test\"]\nodd = 1\n[tool.uv.extra-build-variables]\nA_b = { CFLAGS = \"-O1\" }\n";
    let table = DeTable::parse(text).unwrap().into_inner();
    let (own, findings) = UvSettings::read("pyproject.toml", &table);
    assert!(findings.is_empty());
    let own = own.unwrap();
    assert_eq!(own.build_constraints[0].to_string(), "setuptools<70");
    assert_eq!(own.extra_build_variables["a-b"]["CFLAGS"], "-O1");
    assert_eq!(own.unknown.iter().collect::<Vec<_>>(), ["odd"]);
    let file = uv_toml("no-binary = true\nbuild-constraint-dependencies = [\"x\"]\n").unwrap();
    let both = own.clone().replaced_by(&file);
    assert_eq!((both.package, both.default_groups.is_some()), (Some(true), true));
    assert_eq!((both.no_build, both.no_binary), (false, true));
    assert_eq!(both.build_constraints, own.build_constraints);
    assert!(both.extra_build_variables.is_empty() && both.unknown.is_empty());
    let error = "not allowed in uv.toml, only in [tool.uv] of pyproject.toml";
    assert_eq!(uv_toml("package = true").unwrap_err(), format!("`package`: {error}"));
    assert_eq!(uv_toml("sources = {}").unwrap_err(), format!("`sources`: {error}"));
}

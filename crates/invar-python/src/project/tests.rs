use super::*;

const LOCK: &str = r#"
version = 1
revision = 3
requires-python = ">=3.11, <4"

[[package]]
name = "demo"
version = "1.0"
source = { virtual = "." }

[package.metadata]
requires-dist = [
    { name = "httpx", extras = ["http2"], specifier = ">=0.28,<1" },
    { name = "numpy", marker = "sys_platform == 'darwin'", specifier = "<2" },
    { name = "numpy", marker = "sys_platform != 'darwin'", specifier = ">=2" },
    { name = "demo", extras = ["cli"] },
    { name = "rich", marker = "extra == 'cli'", specifier = ">=13" },
    { name = "rich", marker = "extra == 'all' and sys_platform == 'win32'" },
    { name = "member", editable = "member" },
    { name = "tomli", marker = "python_full_version < '3.11'" },
]
provides-extras = ["all", "cli"]

[package.metadata.requires-dev]
dev = [{ name = "pytest", specifier = ">=8" }]
none = []
"#;

fn project() -> ProjectMetadata {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    ProjectMetadata {
        name: "demo".parse().unwrap(),
        requires_python: Some("<4.0,>=3.11".into()),
        dependencies: texts(&[
            "HTTPX[http2] <1.0, >=0.28.0",
            "numpy<2; 'darwin' == sys_platform",
            "numpy>=2; platform_system != 'Darwin'",
            "demo[CLI]",
            "member>=3",
            "tomli; python_version < '3.11'",
        ]),
        optional_dependencies: BTreeMap::from([
            ("cli".parse().unwrap(), texts(&["rich>=13"])),
            ("all".parse().unwrap(), texts(&["rich; os_name == 'nt'"])),
        ]),
        dynamic: BTreeSet::new(),
        dependency_groups: BTreeMap::from([
            ("dev".parse().unwrap(), texts(&["pytest>=8"])),
            ("empty".parse().unwrap(), Vec::new()),
        ]),
    }
}

#[track_caller]
fn check(change: impl FnOnce(&mut ProjectMetadata), expected: &[&str]) {
    let mut project = project();
    change(&mut project);
    let found = UvLock::parse(LOCK).unwrap().check_project(None, &project);
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
}

#[test]
fn other_spellings_of_the_same_agree() {
    check(|_| {}, &[]);
    check(|project| project.requires_python = None, &[]);
    check(|project| project.dependencies.reverse(), &[]);
    check(|project| project.dependencies[4] = "member @ git+https://mirror.example/member".into(), &[]);
    check(|project| project.dependencies.push("httpx[http2]>=0.28,<1".into()), &[]);
}

#[test]
fn what_uv_would_notice_is_noticed() {
    check(
        |project| project.requires_python = Some(">=3.12,<4".into()),
        &["requires-python is \">=3.12,<4\" in pyproject.toml, but \">=3.11, <4\" in uv.lock"],
    );
    check(
        |project| project.requires_python = Some(">=3.11".into()),
        &["requires-python is \">=3.11\" in pyproject.toml, but \">=3.11, <4\" in uv.lock"],
    );
    let added = "pyproject.toml requires flask, which is not in uv.lock";
    check(|project| project.dependencies.push("flask".into()), &[added]);
    let removed = "pyproject.toml no longer requires member, but uv.lock still has it";
    check(|project| drop(project.dependencies.remove(4)), &[removed]);
    let changed = "the requirement httpx of pyproject.toml changed since uv.lock was created";
    check(|project| project.dependencies[0] = "httpx[http2]>=0.28".into(), &[changed]);
    check(|project| project.dependencies[0] = "httpx>=0.28,<1".into(), &[changed]);
    check(
        |project| project.dependencies[0] = "httpx[http2]>=0.28,<1; python_version<'3.13'".into(),
        &[changed],
    );
    check(
        |project| project.dependencies[2] = "numpy>=2; sys_platform == 'linux'".into(),
        &["the requirement numpy of pyproject.toml changed since uv.lock was created"],
    );
    check(
        |project| drop(project.optional_dependencies.insert("x".parse().unwrap(), Vec::new())),
        &["pyproject.toml has the extras all, cli, x, but uv.lock was created with all, cli"],
    );
    check(
        |project| project.optional_dependencies.values_mut().for_each(|texts| texts[0] = "rich".into()),
        &["the requirement rich of pyproject.toml changed since uv.lock was created"],
    );
    check(
        |project| project.dependency_groups.clear(),
        &["the group dev of pyproject.toml no longer requires pytest, but uv.lock still has it"],
    );
    check(
        |project| drop(project.dependency_groups.insert("lint".parse().unwrap(), vec!["ruff".into()])),
        &["the group lint of pyproject.toml requires ruff, which is not in uv.lock"],
    );
    check(
        |project| project.dependencies.push("not a requirement".into()),
        &["pyproject.toml has the invalid requirement \"not a requirement\""],
    );
    check(|project| project.name = "other".parse().unwrap(), &["uv.lock does not contain the project other"]);
}

#[test]
fn what_is_dynamic_is_not_compared() {
    let dynamic = |fields: &[&str]| {
        let fields: BTreeSet<String> = fields.iter().map(|&field| field.to_owned()).collect();
        move |project: &mut ProjectMetadata| {
            project.dependencies.clear();
            project.optional_dependencies.clear();
            project.dynamic = fields;
        }
    };
    check(dynamic(&["version", "dependencies", "optional-dependencies"]), &[]);
    let extras = "pyproject.toml has the extras none, but uv.lock was created with all, cli";
    check(dynamic(&["dependencies"]), &[extras]);
    check(dynamic(&["optional-dependencies"]), &[]);
    check(|project| project.dynamic = BTreeSet::from(["version".to_owned()]), &[]);
    check(
        |project| {
            dynamic(&["dependencies", "optional-dependencies"])(project);
            project.dependency_groups.clear();
        },
        &["the group dev of pyproject.toml no longer requires pytest, but uv.lock still has it"],
    );
}

#[test]
fn a_lock_without_metadata_has_nothing_to_compare() {
    let start = LOCK.find("[package.metadata]").unwrap();
    let lock = UvLock::parse(&LOCK[..start].replace("revision = 3", "revision = 4")).unwrap();
    assert_eq!(lock.check_project(None, &project()), []);
}

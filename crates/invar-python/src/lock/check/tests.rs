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

const PROJECT: &str = r#"
[project]
name = "demo"
requires-python = "<4.0,>=3.11"
dependencies = [
    "HTTPX[http2] <1.0, >=0.28.0",
    "numpy<2; 'darwin' == sys_platform",
    "numpy>=2; platform_system != 'Darwin'",
    "demo[CLI]",
    "member>=3",
    "tomli; python_version < '3.11'",
]
[project.optional-dependencies]
cli = ["rich>=13"]
all = ["rich; os_name == 'nt'"]
[dependency-groups]
dev = ["pytest>=8"]
empty = []
"#;

fn project() -> Project {
    let table = toml::de::DeTable::parse(PROJECT).unwrap();
    let (project, findings) = Project::read("pyproject.toml", table.get_ref());
    assert!(findings.is_empty(), "{findings:?}");
    project.unwrap()
}

fn requirement(text: &str) -> Requirement {
    text.parse().unwrap()
}

#[track_caller]
fn check(change: impl FnOnce(&mut Project), expected: &[&str]) {
    let mut project = project();
    change(&mut project);
    let found = UvLock::parse(LOCK).unwrap().check_project(&project);
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
}

#[test]
fn other_spellings_of_the_same_agree() {
    check(|_| {}, &[]);
    check(|project| project.requires_python = None, &[]);
    check(|project| project.dependencies.reverse(), &[]);
    check(|project| project.dependencies[4] = requirement("member @ git+https://mirror.example/member"), &[]);
    check(|project| project.dependencies.push(requirement("httpx[http2]>=0.28,<1")), &[]);
}

#[test]
fn what_uv_would_notice_is_noticed() {
    check(
        |project| project.requires_python = Some(">=3.12,<4".parse().unwrap()),
        &["requires-python is \">=3.12, <4\" in pyproject.toml, but \">=3.11, <4\" in uv.lock"],
    );
    check(
        |project| project.requires_python = Some(">=3.11".parse().unwrap()),
        &["requires-python is \">=3.11\" in pyproject.toml, but \">=3.11, <4\" in uv.lock"],
    );
    let added = "pyproject.toml requires flask, which is not in uv.lock";
    check(|project| project.dependencies.push(requirement("flask")), &[added]);
    let removed = "pyproject.toml no longer requires member, but uv.lock still has it";
    check(|project| drop(project.dependencies.remove(4)), &[removed]);
    let changed = "the requirement httpx of pyproject.toml changed since uv.lock was created";
    check(|project| project.dependencies[0] = requirement("httpx[http2]>=0.28"), &[changed]);
    check(|project| project.dependencies[0] = requirement("httpx>=0.28,<1"), &[changed]);
    check(
        |project| project.dependencies[0] = requirement("httpx[http2]>=0.28,<1; python_version<'3.13'"),
        &[changed],
    );
    check(
        |project| project.dependencies[2] = requirement("numpy>=2; sys_platform == 'linux'"),
        &["the requirement numpy of pyproject.toml changed since uv.lock was created"],
    );
    check(
        |project| drop(project.optional_dependencies.insert("x".parse().unwrap(), Vec::new())),
        &["pyproject.toml has the extras all, cli, x, but uv.lock was created with all, cli"],
    );
    check(
        |project| project.optional_dependencies.values_mut().for_each(|texts| texts[0] = requirement("rich")),
        &["the requirement rich of pyproject.toml changed since uv.lock was created"],
    );
    check(
        |project| project.groups.clear(),
        &["the group dev of pyproject.toml no longer requires pytest, but uv.lock still has it"],
    );
    check(
        |project| drop(project.groups.insert("lint".parse().unwrap(), vec![requirement("ruff")])),
        &["the group lint of pyproject.toml requires ruff, which is not in uv.lock"],
    );
    check(|project| project.name = "other".parse().unwrap(), &["uv.lock does not contain the project other"]);
}

#[test]
fn what_is_dynamic_is_not_compared() {
    let dynamic = |fields: &[&str]| {
        let fields: BTreeSet<String> = fields.iter().map(|&field| field.to_owned()).collect();
        move |project: &mut Project| {
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
            project.groups.clear();
        },
        &["the group dev of pyproject.toml no longer requires pytest, but uv.lock still has it"],
    );
}

#[test]
fn a_lock_without_metadata_has_nothing_to_compare() {
    let start = LOCK.find("[package.metadata]").unwrap();
    let lock = UvLock::parse(&LOCK[..start].replace("revision = 3", "revision = 4")).unwrap();
    assert_eq!(lock.check_project(&project()), []);
}

#[test]
fn sources_and_settings_that_uv_compares_are_compared() {
    let lock = |requirement: &str, manifest: &str| {
        let text = format!(
            "version = 1\nrevision = 3\nrequires-python = \">=3.13\"\n[manifest]\n{manifest}\n[[package]]\nname = \"demo\"\n\
             version = \"1\"\nsource = {{ virtual = \".\" }}\n[package.metadata]\nrequires-dist = [{requirement}]\n"
        );
        UvLock::parse(&text).unwrap()
    };
    let project = |settings: &str| {
        let text = format!(
            "[project]\nname = \"demo\"\nrequires-python = \">=3.13\"\ndependencies = [\"words\"]\n[tool.uv]\n{settings}\n"
        );
        let table = toml::de::DeTable::parse(&text).unwrap();
        let (project, findings) = Project::read("pyproject.toml", table.get_ref());
        assert!(findings.is_empty(), "{findings:?}");
        project.unwrap()
    };
    let check = |settings: &str, requirement: &str, manifest: &str, expected: &[&str]| {
        let found = lock(requirement, manifest).check_project(&project(settings));
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{settings} {requirement} {manifest}");
    };
    let (plain, git) =
        ("{ name = \"words\" }", "{ name = \"words\", git = \"https://git.example/words?rev=v1\" }");
    let changed = "the requirement words of pyproject.toml changed since uv.lock was created";
    check("", plain, "", &[]);
    check("sources.words = { git = \"https://git.example/words\", rev = \"v1\" }", git, "", &[]);
    check("sources.words = { git = \"https://git.example/words\", rev = \"v2\" }", git, "", &[changed]);
    check("", git, "", &[changed]);
    check("sources.words = { git = \"https://git.example/words\" }", plain, "", &[changed]);
    check("sources.words = { index = \"mine\" }", plain, "", &[]);
    let old = "constraints = [{ name = \"idna\", specifier = \"<3\" }]";
    check("constraint-dependencies = [\"idna<3\"]", plain, old, &[]);
    let changed = "the requirement idna of tool.uv.constraint-dependencies changed since uv.lock was created";
    check("constraint-dependencies = [\"idna<4\"]", plain, old, &[changed]);
    check(
        "",
        plain,
        old,
        &["tool.uv.constraint-dependencies no longer requires idna, but uv.lock still has it"],
    );
    let added = "tool.uv.override-dependencies requires idna, which is not in uv.lock";
    check("override-dependencies = [\"idna==3\"]", plain, "", &[added]);
    let added = "tool.uv.build-constraint-dependencies requires setuptools, which is not in uv.lock";
    check("build-constraint-dependencies = [\"setuptools<70\"]", plain, "", &[added]);
    // What has another form is not compared.
    check("override-dependencies = [\"idna==3\"]", plain, "overrides = [\"idna\"]", &[]);
}

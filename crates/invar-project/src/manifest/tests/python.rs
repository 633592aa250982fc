use super::*;

#[test]
fn every_key_of_python_is_read() {
    let manifest = good(
        r#"
        [tool.invar.python]
        prefer = "sdist"
        bytecode = false
        [tool.invar.python.overrides."Psycopg_2"]
        prefer = "wheel"
        packages = ["gcc", "libpq-dev=17"]
        env = { PG_CONFIG = "/usr/bin/pg_config" }
        patches = ["patches/one.patch", "./patches//two.patch"]
        exclude = ["psycopg2/tests/**"]
        config-settings = { "--build-option" = ["-v"], mode = "fast" }
        build-requires = ["setuptools<80"]
        "#,
    );
    assert_eq!((manifest.python.prefer, manifest.python.bytecode), (Prefer::Sdist, false));
    let psycopg = &manifest.python.overrides["psycopg-2"];
    assert_eq!(psycopg.prefer, Some(Prefer::Wheel));
    assert_eq!(psycopg.packages[1].to_string(), "libpq-dev=17");
    assert_eq!(
        format!("{:?} {:?} {:?}", psycopg.env, psycopg.patches, psycopg.exclude),
        r#"{"PG_CONFIG": "/usr/bin/pg_config"} ["patches/one.patch", "patches/two.patch"] ["psycopg2/tests/**"]"#
    );
    assert_eq!(
        format!("{:?}", psycopg.config_settings),
        r#"{"--build-option": List(["-v"]), "mode": Text("fast")}"#
    );
    assert_eq!(psycopg.build_requires[0].to_string(), "setuptools<80");
    assert_eq!(good("").python, Python { prefer: Prefer::Wheel, bytecode: true, overrides: BTreeMap::new() });
    assert_eq!(good("python.overrides.x = {}").python.overrides["x"], Override::default());
}

#[test]
fn python_is_checked_where_it_stands() {
    #[track_caller]
    fn check(keys: &str, expected: &[&str]) {
        assert_eq!(messages(keys), expected, "{keys}");
    }
    check("python = 1", &["`tool.invar.python` must be a table, not an integer"]);
    check(
        "python.prefer = \"egg\"",
        &["`tool.invar.python.prefer`: \"egg\" is not one of \"wheel\" and \"sdist\""],
    );
    check("python.bytecode = \"yes\"", &["`tool.invar.python.bytecode` must be true or false, not a string"]);
    check("python.overrides = []", &["`tool.invar.python.overrides` must be a table, not an array"]);
    check(
        "python.overrides.A_b = {}\npython.overrides.a-B = {}",
        &["`tool.invar.python.overrides` lists a-b twice"],
    );
    check(
        "python.overrides.\"-\" = {}",
        &[
            "`tool.invar.python.overrides`: \"-\" is not the name of a distribution: expected letters, digits, \"-\", \
             \"_\" and \".\", starting and ending with a letter or digit",
        ],
    );
    let of = |keys: &str, expected: &[&str]| check(&format!("python.overrides.x = {{ {keys} }}"), expected);
    of("package = []", &["unknown key `package` in [tool.invar.python.overrides.x]"]);
    of(
        "packages = [\"a*\"]",
        &[
            "`tool.invar.python.overrides.x.packages`: \"a*\" is not a package request: expected \"name\" or \"name=version\"",
        ],
    );
    of(
        "patches = [\"../a.patch\"]",
        &[
            "`tool.invar.python.overrides.x.patches`: \"../a.patch\" is not a path below this directory: it contains \"..\"",
        ],
    );
    of(
        "patches = [\"/a.patch\"]",
        &[
            "`tool.invar.python.overrides.x.patches`: \"/a.patch\" is not a path below this directory: it starts with \"/\"",
        ],
    );
    of("patches = [\"a\", \"./a\"]", &["`tool.invar.python.overrides.x.patches` lists a twice"]);
    of(
        "exclude = [\"/a\"]",
        &[
            "`tool.invar.python.overrides.x.exclude`: \"/a\" starts with \"/\", but patterns are relative to the project",
        ],
    );
    of(
        "config-settings = { a = true }",
        &[
            "`tool.invar.python.overrides.x.config-settings.a` must be a string or an array of strings, not true",
        ],
    );
    of(
        "config-settings = { a = [1] }",
        &["`tool.invar.python.overrides.x.config-settings.a` must be a string, not an integer"],
    );
    of(
        "config-settings = { a = \"\\u0000\" }",
        &["`tool.invar.python.overrides.x.config-settings.a`: \"\\0\" has a NUL byte"],
    );
    assert!(matches!(
        &with("python.overrides.x.build-requires = [\"x >\"]").unwrap_err().findings()[0].problem,
        Problem::Key(KeyProblem::BadValue { error: ValueError::Requirement(_), .. })
    ));
    assert_snapshot!(bad("[tool.invar.python]\nbyte-code = true\n[tool.invar.python.overrides.x]\nbuild_requires = []\n"), @r#"
    error: unknown key `byte-code` in [tool.invar.python]
     --> pyproject.toml:7:1
      |
    7 | byte-code = true
      | ^^^^^^^^^
      |
      = help: did you mean `bytecode`?

    error: unknown key `build_requires` in [tool.invar.python.overrides.x]
     --> pyproject.toml:9:1
      |
    9 | build_requires = []
      | ^^^^^^^^^^^^^^
      |
      = help: did you mean `build-requires`?
    "#);
}

#[test]
fn packages_are_configured_as_the_manifest_says() {
    assert_eq!(good("").configure, Configure::Native);
    assert_eq!(good("configure = \"native\"").configure, Configure::Native);
    let manifest =
        good("configure = \"run\"\ndebconf = [\"tzdata tzdata/Areas select Europe\", \"a\\tb/c\\tboolean\"]");
    assert_eq!(manifest.configure, Configure::Run);
    assert_eq!(manifest.debconf, ["tzdata tzdata/Areas select Europe", "a\tb/c\tboolean"]);
    let some = Configure::Packages(["locales".parse().unwrap(), "nginx".parse().unwrap()].into());
    assert_eq!(good("configure = [\"nginx\", \"locales\"]").configure, some);
    let check = |keys: &str, expected: &[&str]| assert_eq!(messages(keys), expected, "{keys}");
    check(
        "configure = \"all\"",
        &["`tool.invar.configure`: \"all\" is not one of \"native\", \"run\" and an array of packages"],
    );
    check(
        "configure = true",
        &["`tool.invar.configure` must be \"native\", \"run\" or an array of packages, not true"],
    );
    check("configure = []", &["`tool.invar.configure`: the array is empty"]);
    check("configure = [\"aa\", \"aa\"]", &["`tool.invar.configure` lists aa twice"]);
    let line = |text: &str| {
        check(
            &format!("configure = \"run\"\ndebconf = [{text}]"),
            &[&format!(
                "`tool.invar.debconf`: {text} is not a debconf selection: expected a package, a question, a type and a value \
             on one line"
            )],
        );
    };
    for bad in [r#""""#, r#""a b""#, r##""# a b c""##, r#""a b c\nd e f g""#, r#""  a  b  ""#] {
        line(bad);
    }
    // A broken `configure` is one finding, not two.
    check(
        "configure = 1\ndebconf = [\"a b c\"]",
        &["`tool.invar.configure` must be \"native\", \"run\" or an array of packages, not an integer"],
    );
    assert_snapshot!(bad("debconf = [\"locales locales/locales_to_be_generated multiselect de_DE.UTF-8 UTF-8\"]"), @r#"
    error: `tool.invar.debconf` is only used by maintainer scripts, and none are run
     --> pyproject.toml:6:1
      |
    6 | debconf = ["locales locales/locales_to_be_generated multiselect de_DE.UTF-8 UTF-8"]
      | ^^^^^^^
      |
      = help: to run them, set `configure = "run"`, or `configure = ["PACKAGE"]` for some packages
    "#);
}

#[test]
fn the_keys_of_uv_are_read() {
    let text = r#"
        [project]
        name = "a"
        dynamic = ["version"]
        [build-system]
        requires = ["setuptools >= 61", "wheel"]
        build-backend = "backend:api"
        backend-path = ["tools"]
        [tool.uv]
        package = true
        no-build = true
        no-build-package = ["Numpy", "numpy"]
        no-binary = true
        no-binary-package = ["Psycopg_2"]
        no-build-isolation = true
        no-build-isolation-package = ["Torch"]
        config-settings = { a = "1" }
        config-settings-package = { Numpy = { b = ["2", "3"] } }
        default-groups = ["dev", "Docs"]
        override-dependencies = 1
        [tool.uv.extra-build-dependencies]
        flash_attn = ["torch", { requirement = "numpy>=2", match-runtime = true, other = 1 }]
        [tool.uv.workspace]
        members = ["packages/*"]
        exclude = ["packages/old"]
    "#;
    let project = parse(Some(text), None).unwrap().project.unwrap();
    let system = project.build_system.as_ref().unwrap();
    assert_eq!(system.requires, ["setuptools >= 61", "wheel"]);
    assert_eq!(
        (system.backend.as_deref(), system.backend_path.as_slice()),
        (Some("backend:api"), &["tools".to_owned()][..])
    );
    let uv = &project.uv;
    assert!(project.is_package() && uv.is_workspace);
    assert!(uv.no_build && uv.no_binary && uv.no_build_isolation);
    assert_eq!(
        format!("{:?} {:?} {:?}", uv.no_build_package, uv.no_binary_package, uv.no_build_isolation_package),
        r#"{"numpy"} {"psycopg-2"} {"torch"}"#
    );
    assert_eq!(
        format!("{:?} {:?}", uv.config_settings, uv.config_settings_package),
        r#"{"a": Text("1")} {"numpy": {"b": List(["2", "3"])}}"#
    );
    let extra: Vec<String> = uv.extra_build_dependencies["flash-attn"]
        .iter()
        .map(|extra| format!("{} {}", extra.requirement, extra.match_runtime))
        .collect();
    assert_eq!(extra, ["torch false", "numpy>=2 true"]);
    let workspace = uv.workspace.as_ref().unwrap();
    assert_eq!(
        (&workspace.members[..], &workspace.exclude[..]),
        (&["packages/*".to_owned()][..], &["packages/old".to_owned()][..])
    );
    assert_eq!(format!("{:?}", uv.default_groups), r#"Some(Named(["dev", "docs"]))"#);
    assert_eq!(parse(Some(PROJECT), None).unwrap().project.unwrap().uv, UvSettings::default());
}

#[test]
fn the_keys_of_uv_are_checked() {
    let check = |keys: &str, expected: &[&str]| {
        let error = parse(Some(&format!("{PROJECT}{keys}\n")), None).unwrap_err();
        let found: Vec<String> = error.findings().iter().map(|finding| finding.problem.to_string()).collect();
        assert_eq!(found, expected, "{keys}");
    };
    check("[tool]\nuv = 1", &["`tool.uv` must be a table, not an integer"]);
    check("[tool.uv]\nno-build = \"all\"", &["`tool.uv.no-build` must be true or false, not a string"]);
    check(
        "[tool.uv]\nno-binary-package = \"x\"",
        &["`tool.uv.no-binary-package` must be an array, not a string"],
    );
    check(
        "[tool.uv]\nconfig-settings = { a = 1 }",
        &["`tool.uv.config-settings.a` must be a string or an array of strings, not an integer"],
    );
    check(
        "[tool.uv.extra-build-dependencies]\nx = [{ match-runtime = true }]",
        &["`tool.uv.extra-build-dependencies.x.requirement` is missing"],
    );
    check(
        "[tool.uv.extra-build-dependencies]\nx = []\nX = []",
        &["`tool.uv.extra-build-dependencies` lists x twice"],
    );
    check(
        "[tool.uv]\ndefault-groups = \"dev\"",
        &["`tool.uv.default-groups` must be an array of dependency groups, or \"all\", not a string"],
    );
    check(
        "[tool.uv]\nworkspace.members = [1]",
        &["`tool.uv.workspace.members` must be a string, not an integer"],
    );
    check("[build-system]\nbuild-backend = \"x\"", &["`build-system.requires` is missing"]);
    check("[build-system]\nrequires = \"x\"", &["`build-system.requires` must be an array, not a string"]);
}

use invar_tree::ImagePath;

use super::*;

/// A manifest with these steps; each text is the inside of a `[[tool.invar.step]]`.
fn steps(texts: &[&str]) -> String {
    texts.iter().map(|text| format!("[[tool.invar.step]]\n{text}\n")).collect()
}

#[test]
fn every_key_of_a_step_is_read() {
    let manifest = good(
        r#"
        [[tool.invar.step]]
        name = "assets"
        packages = ["nodejs", "npm=9.2.0"]
        inputs = ["frontend/**", "schema", "./shared/"]
        fetch = [
            { url = "https://mirror.example/a%20b.bin?raw=1", sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
            { url = "http://127.0.0.1:8080/x/", path = "models/./x.bin" },
        ]
        run = "npm ci && npm run build"
        outputs = { "frontend/dist/" = "/app/static", "/opt/tool" = "/opt/tool" }
        env = { NODE_ENV = "production" }
        timeout = "30m"
        environment = true
        wrap = { program = "/app/bin/x", as = "/usr/local/bin/x", env = { A = "1" }, args = ["-v"] }

        [[tool.invar.step]]
        name = "schema"
        run = "make"
        outputs = { s = "/app/schema" }

        [[tool.invar.step]]
        name = "wrappers"
        wrap = [{ program = "/usr/bin/a" }, { program = "/usr/bin/b", as = "/usr/bin/c" }]
        "#,
    );
    // A step comes after those that it needs.
    let names: Vec<&str> = manifest.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["schema", "assets", "wrappers"]);
    let [schema, assets, wrappers] = manifest.steps.as_slice() else { panic!() };
    assert_eq!(format!("{:?} {:?}", assets.inputs, assets.after), r#"["frontend/**", "shared"] ["schema"]"#);
    assert_eq!(assets.packages[1].to_string(), "npm=9.2.0");
    let [first, second] = assets.fetch.as_slice() else { panic!() };
    assert_eq!(first.path.as_str(), "a b.bin");
    assert_eq!(first.sha256, Some(invar_tree::Digest::of(b"")));
    assert_eq!(
        (second.url.as_str(), second.path.as_str(), second.sha256),
        ("http://127.0.0.1:8080/x/", "models/x.bin", None)
    );
    assert_eq!(assets.run.as_deref(), Some("npm ci && npm run build"));
    assert_eq!(
        format!("{:?}", assets.outputs),
        r#"{"/opt/tool": Output { path: "/opt/tool", executable: None }, "frontend/dist": Output { path: "/app/static", executable: None }}"#
    );
    assert_eq!(format!("{:?} {}", assets.env, assets.timeout), r#"{"NODE_ENV": "production"} 30m"#);
    assert!(assets.environment && assets.in_image);
    let [wrap] = assets.wraps.as_slice() else { panic!() };
    assert_eq!(
        format!("{:?} {:?} {:?} {:?}", wrap.program, wrap.at, wrap.env, wrap.args),
        r#""/app/bin/x" Some("/usr/local/bin/x") {"A": "1"} ["-v"]"#
    );
    assert_eq!((schema.timeout.to_string().as_str(), schema.environment), ("1h", false));
    assert!(schema.packages.is_empty() && schema.inputs.is_empty() && schema.fetch.is_empty());
    assert_eq!(wrappers.run, None);
    assert_eq!(
        wrappers.wraps.iter().map(|wrap| wrap.place().as_str()).collect::<Vec<_>>(),
        ["usr/bin/a", "usr/bin/c"]
    );
}

#[test]
fn steps_are_checked_where_they_stand() {
    #[track_caller]
    fn check(step: &str, expected: &[&str]) {
        assert_eq!(messages(&steps(&[step])), expected, "{step}");
    }
    const RUN: &str = "name = \"a\"\nrun = \"x\"\noutputs.a = \"/a\"\n";
    let check_with = |keys: &str, expected: &[&str]| check(&format!("{RUN}{keys}"), expected);
    check("run = \"x\"\noutputs.a = \"/a\"", &["`tool.invar.step.name` is missing"]);
    check(
        "name = \"A\"\nrun = \"x\"\noutputs.a = \"/a\"",
        &["`tool.invar.step.name`: \"A\" is not a name for this: expected up to 64 lower-case letters, \
           digits and \"-\", starting and ending with a letter or digit"],
    );
    let nothing = ["the step \"a\" does nothing: it has no `run`, `outputs`, `files`, `links` or `wrap`"];
    check("name = \"a\"", &nothing);
    check("name = \"a\"\ninputs = [\"x\"]", &nothing);
    check(
        "name = \"a\"\nrun = \"x\"",
        &["the step \"a\" has `run` but no `outputs`, so nothing it creates is kept"],
    );
    check(
        "name = \"a\"\nrun = \" \"\nwrap.program = \"/a\"",
        &["`tool.invar.step.run`: the string is empty"],
    );
    check(
        "name = \"a\"\nwrap.program = \"/a\"\ninputs = [\"x\"]\npackages = []\nenvironment = true",
        &[
            "`tool.invar.step.packages` has no effect in a step without `run`",
            "`tool.invar.step.environment` has no effect in a step without `run`",
        ],
    );
    check_with("frob = 1", &["unknown key `frob` in [tool.invar.step]"]);
    check_with(
        "inputs = [\"../x\"]",
        &["`tool.invar.step.inputs`: \"../x\" leaves the project: \"..\" and \".\" are not allowed"],
    );
    check_with("inputs = [\"x\", \"x\"]", &["`tool.invar.step.inputs` lists x twice"]);
    check_with("inputs = [\"a\"]", &["the step \"a\" needs its own outputs: a > a"]);
    check_with(
        "timeout = \"30\"",
        &[
            "`tool.invar.step.timeout`: \"30\" is not a duration: expected numbers with units, as in \"30s\", \
           \"500ms\" or \"1m30s\"",
        ],
    );
    check_with("environment = 1", &["`tool.invar.step.environment` must be true or false, not an integer"]);
    check_with(
        "packages = [\"x:y\", \"aa\", \"aa\"]",
        &[
            "`tool.invar.step.packages`: \"x:y\" is not a Debian package name: expected lower-case letters, digits, \
         \"+\", \"-\" and \".\", at least two characters, starting with a letter or digit",
            "`tool.invar.step.packages` lists aa twice",
        ],
    );
    // Files to download.
    let check_fetch = |fetch: &str, expected: &[&str]| check_with(&format!("fetch = [{fetch}]"), expected);
    check_fetch("{}", &["`tool.invar.step.fetch.url` is missing"]);
    check_fetch(
        "{ url = \"file:///etc/passwd\" }",
        &["`tool.invar.step.fetch.url`: \"file:///etc/passwd\" is not a URL that Invar can fetch from: \
           it does not start with \"https://\" or \"http://\""],
    );
    check_fetch(
        "{ url = \"https://mirror.example/x#y\" }",
        &[
            "`tool.invar.step.fetch.url`: \"https://mirror.example/x#y\" is not a URL that Invar can fetch from: \
           it contains a \"#\" fragment",
        ],
    );
    for nameless in ["", "/", "/x/", "/a%2fb", "/%2e%2e", "/..", "/a%00", "/%ff", "/%4", "/%zz", "?x/y"] {
        let url = format!("https://mirror.example{nameless}");
        check_fetch(
            &format!("{{ url = \"{url}\" }}"),
            &[&format!("`tool.invar.step.fetch.url`: \"{url}\" does not end with a file name")],
        );
    }
    check_fetch(
        "{ url = \"https://mirror.example/x\", sha256 = \"sha256:00\" }",
        &[
            "`tool.invar.step.fetch.sha256`: \"sha256:00\" is not a sha256: expected 64 lower-case hexadecimal digits",
        ],
    );
    check_fetch(
        "{ url = \"https://mirror.example/x\", path = \"../x\" }",
        &["`tool.invar.step.fetch.path`: \"../x\" is not a path below this directory: it contains \"..\""],
    );
    check_fetch(
        "{ url = \"https://mirror.example/x\", path = \"/x\" }",
        &["`tool.invar.step.fetch.path`: \"/x\" is not a path below this directory: it starts with \"/\""],
    );
    check_fetch(
        "{ url = \"http://a.example/x\" }, { url = \"http://b.example/x\" }",
        &["`tool.invar.step.fetch` lists x twice"],
    );
    check_fetch(
        "{ url = \"http://a.example/x\" }, { url = \"http://a.example/x.y\" }, { url = \"http://b.example/y\", path = \"x/y\" }",
        &["`tool.invar.step.fetch` lists x/y twice"],
    );
    check_fetch(
        &format!(
            "{{ url = \"http://a.example/x\", sha256 = \"{}\" }}, {{ url = \"http://a.example/x\", sha256 = \"{}\", path = \"y\" }}",
            "0".repeat(64),
            "1".repeat(64)
        ),
        &["http://a.example/x is listed above with a different sha256"],
    );
    // What is wrapped.
    let check_wrap = |wrap: &str, expected: &[&str]| check(&format!("name = \"a\"\nwrap = {wrap}"), expected);
    check_wrap("[]", &["`tool.invar.step.wrap`: the array is empty"]);
    check_wrap("\"/a\"", &["`tool.invar.step.wrap` must be a table or an array of tables, not a string"]);
    check_wrap("{ as = \"/a\" }", &["`tool.invar.step.wrap.program` is missing"]);
    check_wrap(
        "{ program = \"a\" }",
        &["`tool.invar.step.wrap.program`: \"a\" is not an absolute path inside the image: \
           it does not start with \"/\""],
    );
    check_wrap(
        "{ program = \"/a\", as = \"/../b\" }",
        &[
            "`tool.invar.step.wrap.as`: \"/../b\" is not an absolute path inside the image: it contains \"..\"",
        ],
    );
    check_wrap(
        "[{ program = \"/a\" }, { program = \"/b\", as = \"/a\" }]",
        &["`tool.invar.step.wrap` lists /a twice"],
    );
}

#[test]
fn a_step_without_a_command_puts_what_is_there() {
    let manifest = good(
        r#"
        [[tool.invar.step]]
        name = "files"
        fetch = [{ url = "https://mirror.example/data.bin" }]
        outputs = { "main.py" = "/bin/main.py", "a[1].sh" = { path = "/bin/a", executable = true }, "data.bin" = "/srv/data" }
        files = { "/etc/app.conf" = "a = 1\n", "/bin/hello" = { text = "", executable = true } }
        links = { "/bin/fortune" = "/usr/games/fortune", "/srv/./up" = "/var//lib" }

        [[tool.invar.step]]
        name = "all"
        inputs = ["files", "src/**/*.py"]
        outputs = { "./" = "/srv/all", "/bin/main.py" = "/srv/main.py" }
        "#,
    );
    let [files, all] = manifest.steps.as_slice() else { panic!() };
    // What is fetched is not the project's.
    assert_eq!(format!("{:?}", files.inputs), r#"["a\\[1\\].sh", "main.py"]"#);
    assert_eq!(
        files.outputs["a[1].sh"],
        Output { path: ImagePath::parse("bin/a").unwrap(), executable: Some(true) }
    );
    assert_eq!(
        files.files[&ImagePath::parse("bin/hello").unwrap()],
        FileText { text: String::new(), executable: true }
    );
    assert!(!files.files[&ImagePath::parse("etc/app.conf").unwrap()].executable);
    assert_eq!(
        format!("{:?}", files.links),
        r#"{"/bin/fortune": "/usr/games/fortune", "/srv/up": "/var/lib"}"#
    );
    assert_eq!(format!("{:?} {:?}", all.inputs, all.after), r#"["src/**/*.py"] ["files"]"#);
    assert!(all.outputs["."].executable.is_none() && all.outputs.keys().next().unwrap().is_whole());

    #[track_caller]
    fn check(keys: &str, expected: &[&str]) {
        assert_eq!(messages(&steps(&[&format!("name = \"a\"\n{keys}")])), expected, "{keys}");
    }
    check(
        "outputs = { \".\" = \"/a\" }\nrun = \"x\"",
        &[
            "`tool.invar.step.outputs`: \".\" is not a path below this directory: it does not name anything in it",
        ],
    );
    check(
        "outputs = { a = { executable = true } }",
        &["`tool.invar.step.outputs.a` must be a string, not a table"],
    );
    check(
        "outputs = { a = { path = \"/a\", mode = 1 } }",
        &["unknown key `mode` in [tool.invar.step.outputs.a]"],
    );
    check("files = { \"/a\" = { } }", &["`tool.invar.step.files.\"/a\".text` is missing"]);
    check(
        "files = { a = \"\" }",
        &[
            "`tool.invar.step.files`: \"a\" is not an absolute path inside the image: it does not start with \"/\"",
        ],
    );
    check(
        "links = { \"/app/.venv/x\" = \"/a\" }",
        &[
            "`tool.invar.step.links`: \"/app/.venv/x\" is in the Python environment, which contains only packages",
        ],
    );
    check(
        "links = { \"/a\" = \"b\" }",
        &[
            "`tool.invar.step.links.\"/a\"`: \"b\" is not an absolute path inside the image: it does not start with \"/\"",
        ],
    );
    check(
        "files = { \"/a\" = \"\", \"/./a\" = \"\" }\nlinks = { \"/a\" = \"/b\" }\noutputs = { a = \"/a\" }",
        &[
            "`tool.invar.step.files` lists /a twice",
            "`tool.invar.step.files` lists /a twice",
            "`tool.invar.step.links` lists /a twice",
        ],
    );
}

#[test]
fn a_wrapped_program_can_have_all_that_needs_no_shell() {
    let manifest = good(
        r#"
        [[tool.invar.step]]
        name = "a"
        wrap = { program = "/a", as = "/b", args-after = ["-z"], workdir = "/app", argv0 = "name", unset = ["Y", "X"],
            env-default = { A = "1" }, prefix = { PATH = ["/x", "/y"] },
            suffix = { OPTS = { values = ["-a"], separator = " " }, B = { values = ["1"] } } }
        "#,
    );
    let [wrap] = manifest.steps[0].wraps.as_slice() else { panic!() };
    assert_eq!(wrap.args_after, ["-z"]);
    assert_eq!(
        format!("{:?} {:?} {:?} {:?}", wrap.workdir, wrap.argv0, wrap.unset, wrap.env_default),
        r#"Some("/app") Some("name") {"X", "Y"} {"A": "1"}"#
    );
    assert_eq!(
        format!("{:?} {:?}", wrap.prefix, wrap.suffix),
        r#"{"PATH": ListValues { values: ["/x", "/y"], separator: ":" }} {"B": ListValues { values: ["1"], separator: ":" }, "OPTS": ListValues { values: ["-a"], separator: " " }}"#
    );
    assert!(!wrap.inherit_argv0);
    #[track_caller]
    fn check(wrap: &str, expected: &[&str]) {
        let text = format!("name = \"a\"\nwrap = {{ program = \"/a\", {wrap} }}");
        assert_eq!(messages(&steps(&[&text])), expected, "{wrap}");
    }
    check(
        "prefix = { A = \"x\" }",
        &["`tool.invar.step.wrap.prefix.A` must be an array or a table, not a string"],
    );
    check("prefix = { A = [] }", &["`tool.invar.step.wrap.prefix.A`: the array is empty"]);
    check("suffix = { A = { separator = \":\" } }", &["`tool.invar.step.wrap.suffix.A.values` is missing"]);
    check("unset = [\"A\", \"A\"]", &["`tool.invar.step.wrap.unset` lists A twice"]);
    check(
        "argv0 = \"x\", inherit-argv0 = true",
        &["`tool.invar.step.wrap` has both `argv0` and `inherit-argv0`; use one of them"],
    );
    check(
        "workdir = \"app\"",
        &[
            "`tool.invar.step.wrap.workdir`: \"app\" is not an absolute path inside the image: it does not start with \"/\"",
        ],
    );
}

#[test]
fn outputs_have_places_of_their_own() {
    #[track_caller]
    fn check(outputs: &str, expected: &[&str]) {
        assert_eq!(
            messages(&steps(&[&format!("name = \"a\"\nrun = \"x\"\n{outputs}")])),
            expected,
            "{outputs}"
        );
    }
    check(
        "outputs.a = \"/\"",
        &[
            "`tool.invar.step.outputs.a`: \"/\" is not an absolute path inside the image: it is the root directory",
        ],
    );
    check(
        "outputs.a = \"/app/.venv/lib\"",
        &[
            "`tool.invar.step.outputs.a`: \"/app/.venv/lib\" is in the Python environment, which contains only packages",
        ],
    );
    check(
        "outputs.a = \"/app/./.venv\"",
        &[
            "`tool.invar.step.outputs.a`: \"/app/.venv\" is in the Python environment, which contains only packages",
        ],
    );
    check("outputs.\"a.b\" = 1", &["`tool.invar.step.outputs.\"a.b\"` must be a string, not an integer"]);
    check("outputs.a.b = \"/x\"", &["`tool.invar.step.outputs.a` must be a string, not a table"]);
    check(
        "outputs.\"../a\" = \"/a\"",
        &["`tool.invar.step.outputs`: \"../a\" is not a path below this directory: it contains \"..\""],
    );
    check("outputs = { a = \"/a\", \"./a\" = \"/b\" }", &["`tool.invar.step.outputs` lists a twice"]);
    check("outputs = { a = \"/a\", b = \"/a/\" }", &["`tool.invar.step.outputs` lists /a twice"]);
    // One step may fill a folder from several places, and similar names are not the same.
    good(&steps(&[
        "name = \"a\"\nrun = \"x\"\noutputs = { a = \"/a\", b = \"/a/b\" }",
        "name = \"b\"\nrun = \"x\"\noutputs = { a = \"/ab\", b = \"/app/.venv2\" }",
    ]));
    let text = steps(&[
        "name = \"outer\"\nrun = \"x\"\noutputs.a = \"/srv/a\"",
        "name = \"inner\"\nrun = \"x\"\noutputs.a = \"/srv/a/b/c\"",
    ]);
    assert_snapshot!(bad(&text), @r#"
    error: `tool.invar.step.outputs`: /srv/a/b/c is inside /srv/a, an output of the step "outer"
      --> pyproject.toml:13:13
       |
     9 | outputs.a = "/srv/a"
       |             -------- first here
    ...
    13 | outputs.a = "/srv/a/b/c"
       |             ^^^^^^^^^^^^
       |
       = help: use different paths for each step
    "#);
}

#[test]
fn steps_that_wait_for_each_other_are_named() {
    let text = steps(&[
        "name = \"c\"\nrun = \"x\"\ninputs = [\"src\", \"a\"]\noutputs.a = \"/c\"",
        "name = \"a\"\nrun = \"x\"\ninputs = [\"b\"]\noutputs.a = \"/a\"",
        "name = \"b\"\nrun = \"x\"\ninputs = [\"c\"]\noutputs.a = \"/b\"",
    ]);
    assert_snapshot!(bad(&text), @r#"
    error: the step "c" needs its own outputs: c > a > b > c
      --> pyproject.toml:19:11
       |
    19 | inputs = ["c"]
       |           ^^^
    "#);
    let text = steps(&["name = \"a\"\nwrap.program = \"/a\"", "name = \"a\"\nwrap.program = \"/b\""]);
    assert_snapshot!(bad(&text), @r#"
    error: `tool.invar.step.name` lists a twice
      --> pyproject.toml:10:8
       |
     7 | name = "a"
       |        --- first here
    ...
    10 | name = "a"
       |        ^^^
    "#);
}

#[test]
fn steps_are_bounded() {
    let text: String = (0..=1000)
        .map(|step| format!("[[tool.invar.step]]\nname = \"s{step}\"\nwrap.program = \"/{step}\"\n"))
        .collect();
    assert_eq!(messages(&text), ["`tool.invar.step` has 1001 entries; the limit is 1000"]);
    // The longest chain there can be.
    let text: String = (0..1000)
        .map(|step| {
            let next = step + 1;
            format!("[[tool.invar.step]]\nname = \"s{step}\"\ninputs = [\"s{next}\"]\nwrap.program = \"/{step}\"\n")
        })
        .collect();
    assert_eq!(good(&text).steps[0].name.as_str(), "s999");
    // Each of these needs each other: far more cycles than anyone wants to read.
    let all: Vec<String> = (0..40).map(|step| format!("\"s{step}\"")).collect();
    let text: String = (0..40)
        .map(|step| {
            format!(
                "[[tool.invar.step]]\nname = \"s{step}\"\ninputs = [{}]\nwrap.program = \"/{step}\"\n",
                all.join(", ")
            )
        })
        .collect();
    let found = messages(&text).len();
    assert!((1..=8).contains(&found), "{found}");
}

proptest! {
    /// Whatever steps name each other, the outcome is an order that respects all of them, or a cycle.
    #[test]
    fn steps_come_after_what_they_need(edges in prop::collection::btree_set((0usize..8, 0usize..8), 0..16)) {
        let text: String = (0..8)
            .map(|step| {
                let inputs: Vec<String> =
                    edges.iter().filter(|(from, _)| *from == step).map(|(_, to)| format!("\"s{to}\"")).collect();
                format!("[[tool.invar.step]]\nname = \"s{step}\"\nwrap.program = \"/{step}\"\ninputs = [{}]\n", inputs.join(", "))
            })
            .collect();
        match with(&text) {
            Ok(manifest) => {
                prop_assert_eq!(manifest.steps.len(), 8);
                for (place, step) in manifest.steps.iter().enumerate() {
                    for needed in &step.after {
                        prop_assert!(manifest.steps[..place].iter().any(|earlier| earlier.name == *needed));
                    }
                }
            }
            Err(error) => {
                let is_cycle = |finding: &Finding| matches!(finding.problem, Problem::StepCycle { .. });
                prop_assert!(error.findings().iter().all(is_cycle));
            }
        }
    }

    #[test]
    fn no_step_makes_the_reader_panic(
        key in prop::sample::select(vec!["name", "packages", "inputs", "fetch", "run", "outputs", "env", "timeout",
            "environment", "wrap", "fetch.url", "files", "links", "wrap.prefix"]),
        value in "\"[a-z0-9:/=.%#?-]{0,12}\"|[0-9]{1,25}|\\[\"?[a-z/]{0,3}\"?\\]|true|1\\.5|\\{[a-z/]{1,3} = \"[a-z/.]{0,4}\"\\}|\\[\\{ url = \"http://a/[a-z%0-9./]{0,6}\" \\}\\]|\\{ program = \"/[a-z./]{0,4}\" \\}"
    ) {
        if let Err(error) = with(&format!("[[tool.invar.step]]\n{key} = {value}\n")) {
            prop_assert!(!error.render(false).is_empty());
        }
    }
}

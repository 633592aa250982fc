use super::*;
use crate::{ClosureName, Request};

#[test]
fn the_shell_is_one_of_the_image_or_of_the_author() {
    let manifest = good("shell = true");
    assert_eq!((manifest.shell, manifest.dev_shell), (true, DevShell::default()));
    let manifest = good(
        r#"
        [tool.invar.shell]
        packages = ["git", "postgresql-client"]
        env = { PGHOST = "localhost" }
        hook = "alias l=ls"
        groups = ["Docs"]
        [dependency-groups]
        docs = []
        "#,
    );
    assert!(!manifest.shell && manifest.dev_shell.declared);
    assert_eq!(manifest.dev_shell.packages.len(), 2);
    assert_eq!(
        format!("{:?} {:?}", manifest.dev_shell.env, manifest.dev_shell.hook),
        r#"{"PGHOST": "localhost"} Some("alias l=ls")"#
    );
    assert_eq!(format!("{:?}", manifest.dev_shell_groups()), r#"["docs"]"#);
    assert!(good("shell = { image = true }").shell);
    let check = |keys: &str, expected: &[&str]| assert_eq!(messages(keys), expected, "{keys}");
    check("shell = { image = 1 }", &["`tool.invar.shell.image` must be true or false, not an integer"]);
    check("shell = { groups = [\"dev\"] }", &["the project has no dependency group \"dev\""]);
    check("shell = { package = [] }", &["unknown key `package` in [tool.invar.shell]"]);
    check("shell = { hook = \"\\u0000\" }", &["`tool.invar.shell.hook`: \"\\0\" has a NUL byte"]);
}

#[test]
fn what_uv_once_called_dev_dependencies_is_the_group_dev() {
    let dev = |keys: &str| {
        let project = parse(Some(&format!("{PROJECT}{keys}")), None).unwrap().project.unwrap();
        let dev = project.groups.iter().find(|(name, _)| name.as_str() == "dev").map(|(_, list)| list);
        dev.map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    };
    let old = "[tool.uv]\ndev-dependencies = [\"ruff>=0.8\", \"pytest\"]\n";
    assert_eq!(dev(old).as_deref(), Some("ruff>=0.8 pytest"));
    assert_eq!(
        dev(&format!("[dependency-groups]\ndev = [\"mypy\"]\n{old}")).as_deref(),
        Some("mypy ruff>=0.8 pytest")
    );
    assert_eq!(dev("[tool.uv]\ndev-dependencies = []\n"), None);
}

#[test]
fn the_shell_has_the_groups_that_uv_installs() {
    let check = |keys: &str, expected: &str| {
        let text = format!("{PROJECT}[dependency-groups]\ndev = []\nlint = []\n{keys}");
        assert_eq!(format!("{:?}", parse(Some(&text), None).unwrap().dev_shell_groups()), expected, "{keys}");
    };
    check("", r#"["dev"]"#);
    check("[tool.uv]\ndefault-groups = []", "[]");
    check("[tool.uv]\ndefault-groups = [\"lint\"]", r#"["lint"]"#);
    check("[tool.uv]\ndefault-groups = \"all\"", r#"["dev", "lint"]"#);
    check("[tool.invar]\nshell.groups = []", "[]");
    assert!(good("").dev_shell_groups().is_empty());
}

/// A project with two steps of which one needs the other, and these additional images.
fn project(images: &str) -> String {
    format!(
        r#"
        packages = ["tini"]
        base = ["base-files"]
        extras = ["web"]
        include = ["src"]
        exclude = ["tests"]
        [tool.invar.image]
        name = "registry.example/team/app"
        tag = "v1"
        command = ["serve"]
        env = {{ A = "1" }}
        ports = [80]
        volumes = ["/data"]
        user = "app"
        workdir = "/srv"
        stop-signal = "INT"
        labels = {{ a = "b" }}
        health-check = {{ command = ["true"] }}
        [[tool.invar.step]]
        name = "assets"
        inputs = ["schema"]
        run = "x"
        outputs.a = "/app/static"
        [[tool.invar.step]]
        name = "schema"
        run = "x"
        outputs.a = "/app/schema"
        [[tool.invar.step]]
        name = "docs"
        run = "x"
        outputs.a = "/app/docs"
        [project.optional-dependencies]
        web = []
        worker = []
        [dependency-groups]
        queue = []
        {images}
        "#
    )
}

#[test]
fn a_further_image_differs_in_what_it_says() {
    let manifest = good(&project("[tool.invar.images.worker]"));
    let worker = manifest.image("worker").unwrap();
    assert_eq!(worker.image.reference(), "registry.example/team/app-worker:v1");
    // Nothing else differs.
    let own = Manifest {
        images: manifest.images.clone(),
        variant: None,
        image: Image { name: manifest.image.name.clone(), ..worker.image.clone() },
        ..worker.clone()
    };
    assert_eq!(own, manifest);
    assert_eq!(worker.variant.as_ref().unwrap().as_str(), "worker");
    assert!(
        worker.images.is_empty() && manifest.image("other").is_none() && worker.image("worker").is_none()
    );
}

#[test]
fn every_key_of_a_further_image_is_read() {
    let manifest = good(&project(
        r#"
        [tool.invar.images.worker]
        packages = ["libpq5"]
        base = ["libc6"]
        docs = true
        extras = ["worker"]
        groups = ["queue"]
        include = ["lib"]
        exclude = []
        steps = ["assets"]
        name = "worker"
        tag = "v2"
        entrypoint = ["tini", "--"]
        command = ["work"]
        env = {}
        user = 1000
        workdir = "/work"
        ports = []
        volumes = []
        labels = {}
        annotations = { c = "d" }
        stop-signal = "TERM"
        health-check = { command = ["false"] }
        platforms = ["linux/arm64"]
        "#,
    ));
    let worker = manifest.image("worker").unwrap();
    assert_eq!(worker.packages[0].to_string(), "libpq5");
    assert_eq!(format!("{:?}", worker.base), r#"Some(["libc6"])"#);
    assert!(worker.docs && !manifest.docs);
    assert_eq!(format!("{:?} {:?}", worker.extras, worker.groups), r#"Named(["worker"]) ["queue"]"#);
    assert_eq!(format!("{:?} {:?}", worker.include, worker.exclude), r#"Some(["lib"]) []"#);
    let image = &worker.image;
    assert_eq!(image.reference(), "worker:v2");
    assert_eq!(
        format!("{:?} {:?}", image.entrypoint, image.command),
        r#"Some(["tini", "--"]) Some(["work"])"#
    );
    assert!(
        image.env.is_empty() && image.ports.is_empty() && image.volumes.is_empty() && image.labels.is_empty()
    );
    assert_eq!(image.annotations.len(), 1);
    assert_eq!(image.user.as_ref().unwrap().to_string(), "1000");
    assert_eq!(image.workdir.to_string(), "/work");
    assert_eq!(image.stop_signal.as_ref().unwrap().as_str(), "SIGTERM");
    assert_eq!(image.health_check.as_ref().unwrap().command, ["false"]);
    assert_eq!(image.platforms, [Platform::LinuxArm64]);
    // `assets` needs `schema`, which is built but not in the image; `docs` is not built.
    let steps: Vec<(&str, bool)> =
        worker.steps.iter().map(|step| (step.name.as_str(), step.in_image)).collect();
    assert_eq!(steps, [("schema", false), ("assets", true)]);
    assert!(manifest.steps.iter().all(|step| step.in_image));
}

#[test]
fn further_images_are_checked_where_they_stand() {
    #[track_caller]
    fn check(images: &str, expected: &[&str]) {
        assert_eq!(messages(&project(images)), expected, "{images}");
    }
    check(
        "[tool.invar.images.Worker]",
        &[
            "`tool.invar.images`: \"Worker\" is not a name for this: expected up to 64 lower-case letters, digits and \"-\", \
         starting and ending with a letter or digit",
        ],
    );
    check("[tool.invar.images.w]\nsuite = \"trixie\"", &["unknown key `suite` in [tool.invar.images.w]"]);
    check("[tool.invar.images.w]\nbase = []", &["`tool.invar.images.w.base`: the array is empty"]);
    check("[tool.invar.images.w]\nextras = [\"x\"]", &["the project has no extra \"x\""]);
    check("[tool.invar.images.w]\ngroups = [\"x\"]", &["the project has no dependency group \"x\""]);
    check(
        "[tool.invar.images.w]\nsteps = [\"schema\", \"schema\"]",
        &["`tool.invar.images.w.steps` lists schema twice"],
    );
    check(
        "[tool.invar.images.w]\nname = \"W\"",
        &[
            "`tool.invar.images.w.name`: \"W\" is not an image name: expected lower-case letters, digits and single \
         separators, as in \"team/app\"",
        ],
    );
    check(
        "[tool.invar.images.w]\ncommand = \"work\"",
        &["`tool.invar.images.w.command` must be an array of arguments, not a string"],
    );
    assert_snapshot!(bad(&project("[tool.invar.images.w]\nsteps = [\"shcema\"]\n")), @r#"
    error: there is no step "shcema"
      --> pyproject.toml:43:10
       |
    43 | steps = ["shcema"]
       |          ^^^^^^^^
       |
       = help: did you mean "schema"?
    "#);
    // A name that becomes too long is found where the image is.
    let long = format!("image.name = \"{}\"\nimages.w = {{}}", "a".repeat(255));
    assert!(messages(&long)[0].starts_with("`tool.invar.images.w.name`: \"aaa"));
}

#[test]
fn an_image_to_look_around_in_has_more_packages() {
    let manifest = good(&project(
        "[tool.invar.images.debug]\ndebug = true\n[tool.invar.images.shell]\nshell = true\n[tool.invar.images.plain]\n",
    ));
    let names = |image: &Manifest| -> Vec<String> {
        image.packages.iter().map(|request| request.name.to_string()).collect()
    };
    let own = names(&manifest);
    let debug = manifest.image("debug").expect("it is there");
    assert!(debug.shell && names(&debug).starts_with(&own) && names(&debug).contains(&"procps".to_owned()));
    let shell = manifest.image("shell").expect("it is there");
    assert_eq!((shell.shell, names(&shell)), (true, own.clone()));
    let roots = Request::roots(&manifest);
    let root = |key: &str| {
        let key = key.parse().expect("it is a key");
        roots
            .get(&ClosureName::image(&key))
            .map(|root| root.iter().any(|request| request.name.as_str() == "dash"))
    };
    assert_eq!((root("debug"), root("shell"), root("plain")), (Some(false), Some(true), None));
}

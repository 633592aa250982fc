//! Several images of one project: `FOLDER#NAME` for what builds and runs.
use crate::support::tools::Tools;

const MANIFEST: &str = r#"
packages = ["greeter"]
[image]
name = "little"
command = ["greet"]
env = { ROLE = "web" }
[[step]]
name = "page"
run = "echo page > page"
outputs = { page = "/app/page" }
[images.worker]
packages = ["linter"]
command = ["lint", "queue"]
env = { ROLE = "worker" }
steps = []
[images.other]
name = "elsewhere/other"
"#;

fn built(project: &Tools, which: &str) -> serde_json::Value {
    let printed = project.run(&["build", "--locked", "--json", which]).success();
    serde_json::from_str(&printed).expect("--json prints JSON")
}

#[test]
fn each_image_is_built_by_its_name() {
    let project = Tools::locked(MANIFEST);
    let own = built(&project, "project");
    let worker = built(&project, "project#worker");
    let other = built(&project, "project#other");
    assert_eq!(own["reference"], "little:latest");
    assert_eq!(worker["reference"], "little-worker:latest");
    assert_eq!(other["reference"], "elsewhere/other:latest");
    assert_ne!(own["digest"], worker["digest"]);
    assert!(project.context.path().join("project/dist/little-worker.tar").exists());
    // As flakes have it, from within the project.
    let mut command = project.invar();
    command
        .args(["build", "--locked", "--json", ".#worker"])
        .current_dir(project.context.path().join("project"));
    let again: serde_json::Value =
        serde_json::from_str(&crate::support::Ran::of(&mut command).success()).expect("--json prints JSON");
    assert_eq!(again["digest"], worker["digest"]);
    // What it has is its own.
    let run = |which: &str| project.run(&["run", "--quiet", "--locked", which]);
    assert_eq!(run("project").success(), "hello\n");
    assert_eq!(run("project#worker").success().split(' ').next(), Some("linted"));
    let script = "echo $ROLE; cat /app/page 2>/dev/null || echo none; greet 2>/dev/null || echo none";
    let sh = |which: &str| {
        project
            .run(&["run", "--quiet", "--locked", "--entrypoint", "sh", which, "--", "-c", script])
            .success()
    };
    assert_eq!(sh("project"), "web\npage\nhello\n");
    assert_eq!(sh("project#worker"), "worker\nnone\nnone\n");
    assert_eq!(sh("project#other"), "web\npage\nhello\n");
}

#[test]
fn a_name_that_no_image_has() {
    let project = Tools::locked(MANIFEST);
    for command in ["build", "run"] {
        let message = project.run(&[command, "--locked", "project#wroker"]).failure(2);
        assert!(message.contains("has no image wroker; did you mean worker?"), "{message}");
    }
}

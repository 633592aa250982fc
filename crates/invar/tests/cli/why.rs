//! `invar why`: where a file or a package comes from.
use serde_json::Value;

use crate::support::world::World;

#[track_caller]
fn why(world: &World, arguments: &[&str]) -> Value {
    let answers: Value =
        serde_json::from_str(&world.run(&[&["why", "--json"], arguments].concat()).success())
            .expect("--json prints JSON");
    assert_eq!(answers.as_array().map(Vec::len), Some(1), "{answers}");
    answers[0].clone()
}

fn fact<'a>(answer: &'a Value, name: &str) -> &'a str {
    let facts = answer["facts"].as_array().expect("a list").iter();
    let mut found = facts.filter(|fact| fact[0] == name).filter_map(|fact| fact[1].as_str());
    found.next().unwrap_or_else(|| panic!("there is no fact {name:?} in {answer}"))
}

fn chain(answer: &Value) -> Vec<&str> {
    answer["chain"].as_array().expect("a list").iter().filter_map(Value::as_str).collect()
}

#[test]
fn a_project_knows_what_brought_each_file() {
    let world = World::new();
    world.lock();
    let answer = why(&world, &["/usr/share/hello/greeting", "project"]);
    assert_eq!(answer["origin"], "Debian package hello-data 2.10-5 (all)");
    assert_eq!(chain(&answer), ["[tool.invar] packages", "hello 2.10-5", "hello-data 2.10-5"]);
    assert!(fact(&answer, "URL").starts_with(&world.server.url()), "{answer}");
    assert!(fact(&answer, "URL").ends_with(fact(&answer, "file")));
    let lock = world.read("invar.lock");
    assert!(
        lock.contains(fact(&answer, "file sha256")) && lock.contains(fact(&answer, "signed by")),
        "{answer}"
    );
    assert_eq!(fact(&answer, "layer"), "system");

    let answer = why(&world, &["/app/.venv/lib/python3.13/site-packages/words/list.txt", "project"]);
    assert_eq!(answer["origin"], "wheel words 0.1");
    assert_eq!(chain(&answer), ["pyproject.toml", "little", "words 0.1"]);
    assert!(fact(&answer, "URL").ends_with(".whl"));
    assert!(world.read("uv.lock").contains(fact(&answer, "file sha256")));

    let answer = why(&world, &["/app/main.py", "project"]);
    assert_eq!(
        (answer["origin"].as_str(), fact(&answer, "source file")),
        (Some("the project's source"), "project/main.py")
    );
    let answer = why(&world, &["/app/.venv/pyvenv.cfg", "project"]);
    assert_eq!(answer["origin"], "the virtual environment");
    let files: Value = serde_json::from_str(&world.run(&["inspect", "--json", "project"]).success())
        .expect("--json prints JSON");
    let made = files["files"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|file| file["origin"].as_str().is_some_and(|origin| origin.starts_with("handler ")));
    let made =
        made.and_then(|file| file["path"].as_str()).expect("a handler makes the cache of the dynamic linker");
    let answer = why(&world, &[made, "project"]);
    assert!(fact(&answer, "created by").starts_with("Invar, "), "{answer}");

    let text = world.run(&["why", "/usr/share/hello/greeting", "project"]).success();
    assert!(
        text.contains(
            "  because\n    [tool.invar] packages\n      hello 2.10-5\n        hello-data 2.10-5\n"
        ),
        "{text}"
    );
}

#[test]
fn a_package_is_explained_without_building_anything() {
    let world = World::new();
    world.lock();
    std::fs::remove_dir_all(world.context.store()).expect("the store can be removed");
    let answer = why(&world, &["--offline", "python3.13", "project"]);
    assert_eq!(chain(&answer)[0], "requires-python");
    let answer = why(&world, &["--offline", "Numbers_of.Old", "project"]);
    assert_eq!(answer["origin"], "wheel numbers-of-old 1.2.3");
    let error = world.run(&["why", "--offline", "nothing", "project"]).failure(2);
    assert!(error.contains("no package \"nothing\""), "{error}");
    let error = world.run(&["why", "/../etc", "project"]).failure(2);
    assert!(error.contains("is not a path in an image"), "{error}");
}

#[test]
fn an_image_says_what_it_can_and_what_it_cannot() {
    let world = World::new();
    world.lock();
    world.run(&["build", "-o", "a.tar", "project"]).success();
    let answer = why(&world, &["/usr/share/hello/greeting", "--image", "a.tar"]);
    assert_eq!(answer["origin"], "Debian package hello-data 2.10-5");
    assert_eq!(chain(&answer), ["Debian package hello 2.10-5", "Debian package hello-data 2.10-5"]);
    assert!(
        answer["unknown"][0].as_str().is_some_and(|text| text.contains("its URL, signing key")),
        "{answer}"
    );
    let answer = why(&world, &["words", "--image", "a.tar"]);
    assert!(fact(&answer, "record").ends_with("/words-0.1.dist-info/METADATA"));
    let answer = why(&world, &["/app/main.py", "--image", "a.tar"]);
    assert!(answer["origin"].as_str().is_some_and(|origin| origin.contains("project: source")), "{answer}");
    let error = world.run(&["why", "/nowhere", "--image", "a.tar"]).failure(2);
    assert!(error.contains("the image has no /nowhere"), "{error}");
}

//! `invar diff`, with what skopeo makes of an image and a browser of a page.
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::diff::{differ, kinds, tar};
use crate::support::world::World;
use crate::support::{Context, Ran, have};

#[test]
fn another_compression_is_the_same_content() {
    if !have("another_compression_is_the_same_content", &["skopeo"]) {
        return;
    }
    let world = World::new();
    world.lock();
    world.run(&["build", "-o", "old.tar", "project"]).success();
    let mut skopeo = Command::new("skopeo");
    skopeo.args([
        "--insecure-policy",
        "copy",
        "--quiet",
        "--dest-compress-format",
        "zstd",
        "oci-archive:old.tar",
        "oci:new",
    ]);
    Ran::of(skopeo.current_dir(world.context.path()).env("HOME", world.context.path())).success();
    let found = differ(&world.context, &["old.tar", "new"]);
    let image = &found["images"][0];
    assert_eq!((&image["files"], image["shared"]["layers"].as_u64()), (&json!([]), Some(4)));
    let causes = kinds(&image["causes"]);
    assert_eq!(causes.iter().filter(|kind| **kind == "compression").count(), 4, "{causes:?}");
}

#[test]
fn the_page_shows_hostile_names_as_text_and_finds_them() {
    const NAME: &str = "the_page_shows_hostile_names_as_text_and_finds_them";
    let context = Context::new();
    let hostile = "</script><img src=x onerror=alert(1)>";
    context.write("old.tar", tar(&[("usr/same", "1", 1), ("etc/a\"b", "1\n", 1)]));
    context.write("new.tar", tar(&[("usr/same", "1", 1), ("etc/a\"b", "2\n", 1), (hostile, "<b>x</b>", 1)]));
    differ(&context, &["old.tar", "new.tar", "--html", "page.html"]);
    let page = fs::read_to_string(context.path().join("page.html")).expect("the page was written");
    assert!(!page.contains("<img"), "a name must not become an element");
    if !have(NAME, &["chromium"]) {
        return;
    }
    let shown = dump_dom(&context, &context.path().join("page.html"), "");
    assert!(shown.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"), "{shown}");
    assert!(!shown.contains("<img"), "{shown}");
    assert!(shown.contains("Files (2)") && shown.contains("3 lines"), "{shown}");
    assert!(shown.contains("aria-label=\"the root file system, "), "the map has a box: {shown}");
    let found = dump_dom(&context, &context.path().join("page.html"), "#search=onerror");
    assert!(found.contains("1 found") && found.contains("Files (1)"), "{found}");
}

/// The page as a browser has it when its script has run.
fn dump_dom(context: &Context, page: &Path, fragment: &str) -> String {
    let mut chromium = Command::new("chromium");
    chromium
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--virtual-time-budget=2000",
        ])
        .arg(format!("--user-data-dir={}", context.path().join("browser").display()))
        .args(["--window-size=1200,900", "--dump-dom"])
        .arg(format!("file://{}{fragment}", page.display()))
        .env("HOME", context.path());
    let dom = Ran::of(&mut chromium).success();
    // The data is in the page too; what was made of it comes before.
    dom.split("<script id=\"data\"").next().unwrap_or_default().to_owned()
}

//! `invar inspect`: every byte of an image is accounted for.
use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::Context;
use crate::support::world::World;

#[track_caller]
pub fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("--json prints JSON")
}

/// Files by path: digest, size and origin.
fn files(inspected: &Value) -> BTreeMap<String, (Value, Value, String)> {
    let files = inspected["files"].as_array().expect("a list").iter();
    files
        .map(|file| {
            let origin = file["origin"].as_str().expect("an origin").to_owned();
            (
                file["path"].as_str().expect("a path").to_owned(),
                (file["digest"].clone(), file["size"].clone(), origin),
            )
        })
        .collect()
}

/// Compares what the built archive holds with what the project says that it is from.
#[track_caller]
pub fn check(built: &Value, image: &Value, project: &Value) {
    let number = |value: &Value| value.as_u64().expect("a number");
    // Each layer is its files and the archive's own blocks, to the last byte.
    let layers = image["layers"].as_array().expect("layers");
    let built = built["layers"].as_array().expect("layers");
    assert_eq!(layers.len(), built.len());
    for (layer, built) in layers.iter().zip(built) {
        let parts = ["files-size", "hidden-size", "overhead-size"]
            .iter()
            .map(|part| number(&layer[part]))
            .sum::<u64>();
        assert_eq!(parts, number(&built["uncompressed-size"]), "{layer}");
        assert_eq!(number(&layer["hidden-size"]), 0, "no layer has what another replaces: {layer}");
        assert_eq!(number(&layer["size"]), number(&built["size"]), "{layer}");
    }
    // Each file of the image is one that the project knows, with the same content, and an origin.
    let (in_image, of_project) = (files(image), files(project));
    assert!(in_image.len() > 20, "{in_image:?}");
    for (path, (digest, size, _)) in &in_image {
        let (known, length, origin) = of_project.get(path).unwrap_or_else(|| panic!("{path} has no origin"));
        assert_eq!((digest, size), (known, length), "{path}");
        let words = [
            "Debian package ",
            "wheel ",
            "handler ",
            "the virtual environment",
            "the project's source",
            "step ",
        ];
        assert!(words.iter().any(|word| origin.starts_with(word)), "{path} is from {origin:?}");
    }
    assert_eq!(in_image.len(), of_project.len());
    let of_origins: u64 =
        project["origins"].as_array().expect("origins").iter().map(|origin| number(&origin["size"])).sum();
    let of_layers: u64 = layers.iter().map(|layer| number(&layer["files-size"])).sum();
    assert_eq!((of_origins, of_layers), (number(&image["size"]), number(&image["size"])));
}

#[test]
fn no_file_of_the_world_lacks_an_origin() {
    let world = World::new();
    world.lock();
    let built = parse(&world.run(&["build", "--json", "-o", "a.tar", "project"]).success());
    let image = parse(&world.run(&["inspect", "--json", "a.tar"]).success());
    let project = parse(&world.run(&["inspect", "--json", "project"]).success());
    check(&built, &image, &project);
    // What the image says of itself agrees where it says something.
    let owners = files(&image);
    assert_eq!(owners["/usr/bin/hello"].2, "Debian package hello");
    assert_eq!(owners["/app/.venv/lib/python3.13/site-packages/words/list.txt"].2, "Python package words");
    let text = world.run(&["inspect", "a.tar", "--top", "3"]).success();
    for expected in
        ["Layers", "By origin", "Debian package python3.13", "Folders", "Largest files", "duplicate files"]
    {
        assert!(text.contains(expected), "{text}");
    }
    let error = world.run(&["inspect", "--platform", "linux/arm64", "a.tar"]).failure(2);
    assert!(error.contains("no image for linux/arm64") && error.contains("linux/amd64"), "{error}");
}

#[test]
fn what_upper_layers_replace_is_told() {
    let context = Context::new();
    // A root file system that has one file twice: only the last is seen.
    let mut builder = tar::Builder::new(Vec::new());
    for content in [&b"first"[..], b"second!"] {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, "etc/motd", content).expect("it is written to memory");
    }
    context.write("root.tar", builder.into_inner().expect("it is written to memory"));
    let found = parse(&context.run(&["inspect", "--json", "root.tar"]).success());
    let layer = &found["layers"][0];
    assert_eq!((layer["files-size"].as_u64(), layer["hidden-size"].as_u64()), (Some(7), Some(5)));
    assert_eq!(layer["overhead-size"], 2 * 512 + (512 - 7) + (512 - 5) + 1024);
}

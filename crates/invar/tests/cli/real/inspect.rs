//! `invar inspect`, over an image from the real archives.
use super::archives::with_shared_store;
use crate::inspect::{check, parse};
use crate::support::{copy_project, repository};

#[test]
fn no_file_of_fortune_cat_lacks_an_origin() {
    let context = with_shared_store();
    copy_project(&repository().join("examples/fortune-cat"), &context.path().join("cat"));
    let built = parse(&context.run(&["build", "--locked", "--json", "-o", "a.tar", "cat"]).success());
    let image = parse(&context.run(&["inspect", "--json", "a.tar"]).success());
    let project = parse(&context.run(&["inspect", "--json", "cat"]).success());
    check(&built, &image, &project);
}

//! `invar verify`, over programs from the real archives.
use serde_json::Value;

use super::archives::with_shared_store;
use crate::verify::differences;

#[test]
fn real_programs_are_fixed_where_they_can_be_and_caught_where_not() {
    let context = with_shared_store();
    let set = "python3 -c 'print({str(n) for n in range(20)})'";
    let list = "python3 -c 'import os; print(os.listdir(\"/usr/bin\"))'";
    let year = "python3 -c 'import time; print(time.strftime(\"%Y\"))'";
    let run = format!(
        "mkdir out\n{set} > out/seeded\nenv -i {set} > out/unseeded\n{list} > out/listed\n{year} > out/year\n"
    );
    context.write(
        "project/invar.toml",
        format!(
            "packages = [\"hello\"]\n[image]\nname = \"real\"\n[[step]]\nname = \"python\"\n\
             packages = [\"python3-minimal\"]\nrun = \"\"\"\n{run}\"\"\"\noutputs = {{ out = \"/app/out\" }}\n"
        ),
    );
    context.run(&["lock", "project"]).success();
    context.run(&["build", "--locked", "project"]).success();
    let ran = context.run(&["verify", "--locked", "--json", "--cache-check", "project"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
    ran.failure(7);
    let found = differences(&report["checked"][0]);
    let expected = [
        ("/app/out/listed", "directory-order", "unordered-directory"),
        ("/app/out/unseeded", "always", "random-order"),
        ("/app/out/year", "clock", "date"),
    ];
    let expected =
        expected.map(|(path, under, cause)| (path.to_owned(), (under.to_owned(), cause.to_owned())));
    assert_eq!(found, expected.into(), "{report}");
}

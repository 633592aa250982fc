//! Measures reading a flake: `cargo run --release -p invar-nix --example bench -- FILE`, or a number of lines instead of a
//! file, for a flake of that length. All of what its outputs give for unknown inputs is computed.
#![expect(clippy::print_stdout, reason = "it is a program")]
use std::collections::BTreeSet;
use std::time::Instant;

use invar_nix::{Evaluator, Limits, NoFiles, Origin, Outcome, Value, on_deep_stack};

/// Calls the outputs with inputs of which nothing is known.
const PRELUDE: &str = "flake: if flake ? outputs then flake.outputs (invar.symbol \"inputs\") else flake";

/// A flake with `lines` lines: packages that use each other, shells, texts, functions over lists.
fn flake(lines: usize) -> String {
    let mut text = String::from(
        "{\n  description = \"long\";\n  outputs = { self, nixpkgs, ... }:\n    let\n      pkgs = import nixpkgs { system = \"x86_64-linux\"; };\n      lib = pkgs.lib;\n      names = builtins.genList (x: \"n${toString x}\") 50;\n",
    );
    let count = lines.saturating_sub(20) / 20;
    for index in 0..count {
        let last = index.saturating_sub(1);
        text.push_str(&format!(
            "      package{index} = pkgs.stdenv.mkDerivation rec {{
        pname = \"package-{index}\";
        version = \"1.{index}\";
        src = pkgs.fetchurl {{
          url = \"https://example.org/${{pname}}-${{version}}.tar.gz\";
          hash = \"sha256-{index}\";
        }};
        buildInputs = with pkgs; [ zlib openssl ] ++ lib.optional (version != \"1.0\") {};
        flags = builtins.concatStringsSep \" \" (map (name: \"--with-${{name}}=${{toString {index}}}\") names);
        attributes = builtins.mapAttrs (name: value: value + 1) {{ a = {index}; b = {index} * 2; }};
        installPhase = ''
          mkdir -p $out/bin
          install -m 755 ${{pname}} $out/bin
          for name in ${{flags}}; do
            echo \"$name\" >> $out/names
          done
        '';
        meta = {{ description = \"number ${{toString {index}}}\"; mainProgram = pname; }};
      }};

",
            if index == 0 { "pkgs.hello".to_owned() } else { format!("package{last}") }
        ));
    }
    text.push_str("    in\n    {\n");
    for index in 0..count {
        text.push_str(&format!("      packages.x86_64-linux.package{index} = package{index};\n"));
    }
    text + "    };\n}\n"
}

/// Computes all of a value, and all that the symbols in it were made of; gives the number of values.
fn walk(evaluator: &mut Evaluator, value: Value) -> Outcome<usize> {
    let mut seen = BTreeSet::new();
    let mut work = vec![evaluator.allocate(value)];
    while let Some(id) = work.pop() {
        if !seen.insert(id) {
            continue;
        }
        let value = evaluator.force(id)?;
        match &value {
            Value::List(items) => work.extend(items.iter()),
            Value::Set(_) => work.extend(evaluator.attributes(&value)?.into_iter().map(|(_, id)| id)),
            Value::Symbol(symbol) => match &evaluator.symbol(*symbol).origin {
                Origin::Apply { function, argument } => {
                    let (function, argument) = (*function, *argument);
                    work.extend([evaluator.allocate(Value::Symbol(function)), argument]);
                }
                Origin::Choice { yes, no, .. } => work.extend([*yes, *no]),
                Origin::Operation { operands, .. } => work.extend(operands.clone()),
                Origin::Made { arguments, .. } => work.push(*arguments),
                _ => {}
            },
            _ => {}
        }
    }
    Ok(seen.len())
}

fn main() {
    let argument = std::env::args().nth(1).expect("a file or a number of lines is given");
    let text = match argument.parse() {
        Ok(lines) => flake(lines),
        Err(_) => std::fs::read_to_string(&argument).expect("the file can be read"),
    };
    for _ in 0..5 {
        let line = on_deep_stack(|| {
            let start = Instant::now();
            let mut evaluator = Evaluator::new(Box::new(NoFiles), Limits::default());
            let made = start.elapsed();
            let id = evaluator.expression(&text, "/project/flake.nix").expect("it is Nix");
            let compiled = start.elapsed();
            let prelude = evaluator.prelude(PRELUDE, "/prelude.nix").expect("it is Nix");
            let value = evaluator.apply(prelude, id);
            let result = value.and_then(|value| walk(&mut evaluator, value));
            let ended = start.elapsed();
            let result = result.map_or_else(|error| error.to_string(), |count| format!("{count} values"));
            let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1000.0;
            format!(
                "{} lines: start {:.2} ms, parse {:.2} ms, evaluate {:.2} ms, together {:.2} ms {result}, {evaluator:?}",
                text.lines().count(),
                milliseconds(made),
                milliseconds(compiled - made),
                milliseconds(ended - compiled),
                milliseconds(ended)
            )
        });
        println!("{line}");
    }
}

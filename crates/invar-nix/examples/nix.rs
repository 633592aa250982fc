//! Evaluates an expression: `cargo run -p invar-nix --example nix -- 'EXPRESSION'`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]
use invar_nix::{Evaluator, Limits, NoFiles, on_deep_stack};

fn main() {
    let text = std::env::args().nth(1).unwrap_or_default();
    on_deep_stack(|| {
        let mut evaluator = Evaluator::new(Box::new(NoFiles), Limits::default());
        let result = evaluator
            .expression(&text, "/expression")
            .and_then(|id| evaluator.force_all(id).map(|_| evaluator.show(id, true)));
        match result {
            Ok(text) => println!("{text}"),
            Err(error) => eprintln!("error: {error}"),
        }
        eprintln!("{evaluator:?}");
    });
}

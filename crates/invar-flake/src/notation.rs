//! Values as one would write them in Nix.
use invar_nix::SymbolId;

use crate::datum::{Data, Datum};
use crate::flake::Flake;
use crate::output::Piece;
use crate::thing::FlakeValue;

/// Lists and sets inside each other that are written out.
const DEEPEST: usize = 6;

impl Flake {
    /// A value as one would write it in Nix, on one line; things by what they are.
    pub fn notation(&mut self, datum: &Datum) -> String {
        let mut notation = String::new();
        self.write(datum, &mut notation, 0);
        notation
    }

    fn write(&mut self, datum: &Datum, notation: &mut String, depth: usize) {
        match &datum.value {
            Data::Null => notation.push_str("null"),
            Data::Bool(flag) => notation.push_str(if *flag { "true" } else { "false" }),
            Data::Int(number) => notation.push_str(&number.to_string()),
            Data::Float(number) => notation.push_str(&number.to_string()),
            Data::Path(path) if path.is_empty() => notation.push_str("./."),
            Data::Path(path) => notation.extend(["./", path]),
            Data::Function => notation.push_str("<function>"),
            Data::Unreadable(why) => notation.extend(["<", &why.why, ">"]),
            Data::Text(text) => {
                notation.push('"');
                for piece in self.pieces(text) {
                    match piece {
                        Piece::Literal(text) => notation.push_str(&text.replace('\n', "\\n")),
                        Piece::Thing(symbol) => {
                            notation.push_str("${");
                            self.write_thing(symbol, notation);
                            notation.push('}');
                        }
                    }
                }
                notation.push('"');
            }
            Data::Thing(symbol) => self.write_thing(*symbol, notation),
            Data::List(_) | Data::Set(_) if depth == DEEPEST => notation.push('…'),
            Data::List(items) => {
                notation.push('[');
                for item in items {
                    notation.push(' ');
                    self.write(item, notation, depth + 1);
                }
                notation.push_str(" ]");
            }
            Data::Set(attributes) => {
                notation.push('{');
                for (name, value) in attributes {
                    notation.extend([" ", name, " = "]);
                    self.write(value, notation, depth + 1);
                    notation.push(';');
                }
                notation.push_str(" }");
            }
        }
    }

    fn write_thing(&mut self, symbol: SymbolId, notation: &mut String) {
        let short = match &*self.thing(symbol) {
            FlakeValue::Package(package) => match &package.output {
                Some(output) => format!("pkgs.{}.{output}", package.name()),
                None => format!("pkgs.{}", package.name()),
            },
            FlakeValue::Derivation(derivation) => {
                format!("{}({})", derivation.function, derivation.name().unwrap_or_default())
            }
            FlakeValue::Image(image) => {
                let name = image.name.as_ref().and_then(Datum::text).unwrap_or_default();
                format!("{}({name})", image.function)
            }
            FlakeValue::Environment(environment) => {
                format!("mkVirtualEnv({})", environment.name.text().unwrap_or_default())
            }
            FlakeValue::PythonPackage(package) => format!("pythonSet.{}", package.name),
            FlakeValue::Interpreter(interpreter) => format!("pkgs.{}", interpreter.attribute),
            FlakeValue::ImagePart(name) => format!("dockerTools.{name}"),
            FlakeValue::Path(path) => format!("./{path}"),
            FlakeValue::Call { function, .. } if function.first().is_some_and(|name| name == "builtins") => {
                format!("{} {{ … }}", function.join("."))
            }
            FlakeValue::Call { function, .. } => format!("pkgs.{} {{ … }}", function.join(".")),
            FlakeValue::Output { of, name } => {
                let mut of_notation = String::new();
                self.write_thing(*of, &mut of_notation);
                format!("{of_notation}.{name}")
            }
            FlakeValue::Source { .. } => "source".to_owned(),
            FlakeValue::PythonSet(_) => "pythonSet".to_owned(),
            FlakeValue::Application { .. } => "mkApplication".to_owned(),
            FlakeValue::InterpreterEnvironment { .. } => "withPackages".to_owned(),
            _ => self.describe(symbol),
        };
        notation.push_str(&short);
    }
}

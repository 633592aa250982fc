//! `overrideAttrs` of Python packages: what they need to be built.
use rnix::ast::Expr;
use rowan::ast::AstNode as _;

use crate::draft::Keys;
use crate::flake::nix::{Call, Value, attributes, calls, value};
use crate::flake::{Reader, bound_name, unknown};
use crate::nixpkgs::counterpart;
use invar_python::need;

impl Reader<'_> {
    pub(super) fn overrides(&mut self) {
        for call in calls(&self.root.clone(), &["overrideAttrs"]) {
            let Some(name) = bound_name(&call.node) else { continue };
            let set = call.arguments.first().and_then(body);
            let Some(Value::Set(set)) = set.as_ref().map(value) else {
                self.note(&call.node, "what is overridden cannot be read");
                continue;
            };
            let mut keys = self.draft.overrides.remove(&name).unwrap_or_default();
            for (path, content) in attributes(&set) {
                self.override_attribute(&name, &mut keys, &path.join("."), &content);
            }
            if !keys.is_empty() {
                self.draft.overrides.insert(name, keys);
            }
        }
    }

    fn override_attribute(&mut self, name: &str, keys: &mut Keys, attribute: &str, content: &Expr) {
        let inputs = ["buildInputs", "nativeBuildInputs", "propagatedBuildInputs"];
        let items = match value(content) {
            Value::List(items) => items,
            other => vec![other],
        };
        for item in items {
            match (attribute, item) {
                (name, Value::Package(package)) if inputs.contains(&name) => {
                    self.needed(keys, &package, content)
                }
                (name, Value::Call(call))
                    if inputs.contains(&name) && call.function == "resolveBuildSystem" =>
                {
                    build_requires(keys, &call);
                }
                // What was there before stays.
                (name, Value::Unknown(before))
                    if inputs.contains(&name) && before.to_string().contains("old") => {}
                (name, Value::Unknown(before))
                    if inputs.contains(&name) && before.to_string().contains("prev") => {}
                ("patches", Value::Path(path)) => keys.add("patches", path.trim_start_matches("./")),
                ("patches", Value::Unknown(before)) if before.to_string().contains("old") => {}
                ("env", Value::Set(_)) => {}
                (other, Value::Text(_)) if other.starts_with("env.") || is_variable(other) => {
                    let text = super::text_of(&value(content));
                    match text {
                        Some(text) => keys.set_in("env", other.trim_start_matches("env."), text),
                        None => self.note(content.syntax(), "this variable of the build has to be computed"),
                    }
                }
                _ => self.note(content.syntax(), &format!("{attribute} of {name} has no counterpart here")),
            }
        }
    }

    /// A library or a tool that a build needs: the packages that are known for it, or for what is built.
    fn needed(&mut self, keys: &mut Keys, package: &str, content: &Expr) {
        let headers = need(match package {
            "libpq" | "postgresql" => "psycopg2",
            "libmysqlclient" | "mariadb-connector-c" => "mysqlclient",
            "curl" => "pycurl",
            "openldap" => "python-ldap",
            "xmlsec" => "xmlsec",
            _ => "",
        });
        if let Some(need) = headers {
            need.build().for_each(|name| keys.add("packages", name));
            self.draft.packages.extend(need.run().map(str::to_owned));
        } else if let Some(counterpart) = counterpart(package) {
            for name in ["gcc", "libc6-dev"].into_iter().chain(counterpart.build_packages()) {
                keys.add("packages", name);
            }
            self.draft.packages.extend(counterpart.libraries().map(str::to_owned));
        } else {
            self.note(content.syntax(), &unknown(package, "add it to the packages of this build"));
        }
    }
}

/// A name that only an environment variable has.
fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The requirements of `resolveBuildSystem { setuptools = [ ]; }`.
fn build_requires(keys: &mut Keys, call: &Call) {
    let Some(Value::Set(set)) = call.arguments.first().map(value) else { return };
    for (path, extras) in attributes(&set) {
        let extras = super::texts_of(&value(&extras));
        let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
        keys.add("build-requires", format!("{}{extras}", path.join(".")));
    }
}

/// What a function of the former attributes gives, or the attributes themselves.
fn body(argument: &Expr) -> Option<Expr> {
    match argument {
        Expr::Paren(paren) => body(&paren.expr()?),
        Expr::Lambda(lambda) => body(&lambda.body()?),
        other => Some(other.clone()),
    }
}

//! gem and Bundler.
use crate::calls::{Argument, Call, CallGraph};
use crate::finding::Finding;
use crate::findings::Findings;
use crate::rule::{Level, Rule};
use crate::tools::listed;

pub(super) fn check(call: &Call, trail: &CallGraph<'_>, found: &mut Findings) {
    match call.program.as_str() {
        "gem" => gem(call, found),
        "bundle" | "bundler" => bundle(call, trail, found),
        _ => {}
    }
}

fn gem(call: &Call, found: &mut Findings) {
    let operands =
        call.operands(&["-v", "--version", "-i", "--install-dir", "-n", "--bindir", "-s", "--source", "-P"]);
    let Some((verb, names)) = operands.split_first() else { return };
    match verb.text.as_str() {
        "update" => {
            found.push(Finding::new(
                Rule::RubyNotPinned,
                call.span,
                "`gem update` installs the newest versions",
            ));
        }
        "install" | "i"
            if !call.has(&["--local", "-l"]) && !call.has_option(&["-v", "--version", "-g", "--file"]) =>
        {
            let is_open = |name: &&&Argument| !name.text.contains(':') && !name.text.ends_with(".gem");
            let open: Vec<&str> = names.iter().filter(is_open).map(|name| name.text.as_str()).collect();
            if !open.is_empty() {
                let message = format!("{} without a version", listed(&open));
                found.push(Finding::new(Rule::RubyNotPinned, call.span, message));
            }
        }
        _ => {}
    }
}

fn bundle(call: &Call, trail: &CallGraph<'_>, found: &mut Findings) {
    let operands = call.operands(&["--gemfile", "--path", "--without", "--jobs", "-j", "--retry", "--with"]);
    match operands.first().map(|verb| verb.text.as_str()) {
        Some("update") => {
            found.push(Finding::new(
                Rule::RubyNotPinned,
                call.span,
                "`bundle update` installs the newest versions",
            ));
        }
        None | Some("install") => {
            let is_frozen = |other: &Call| {
                let line = other.line();
                matches!(other.program.as_str(), "bundle" | "bundler")
                    && line.starts_with("config")
                    && ["frozen", "deployment"].iter().any(|name| line.contains(name))
                    && (line.contains("true") || line.ends_with('1'))
            };
            let holds = call.has(&["--frozen", "--deployment", "--local", "--version"])
                || call.is_on("BUNDLE_FROZEN")
                || call.is_on("BUNDLE_DEPLOYMENT")
                || trail.before(call).any(is_frozen);
            if !holds {
                let message = "`bundle install` updates Gemfile.lock if it does not match";
                found.push(Finding::new(Rule::RubyNotPinned, call.span, message).at_level(Level::Warning));
            }
        }
        _ => {}
    }
}

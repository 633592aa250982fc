//! Compilers and interpreters that are installed by the name of a channel.
use crate::calls::Call;
use crate::finding::Finding;
use crate::findings::Findings;
use crate::rule::Rule;

pub(super) fn check(call: &Call, found: &mut Findings) {
    if let Some(name) = python_of_uv(call) {
        let message = format!("`{name}` is the newest release that the installed uv knows");
        found.push(Finding::new(Rule::ToolchainNotPinned, call.span, message));
    }
    if let Some(name) = moving(call) {
        let message = format!("`{name}` refers to a different version every few weeks");
        found.push(Finding::new(Rule::ToolchainNotPinned, call.span, message));
    }
}

/// The first Python without all of its version that `uv python install` is to bring.
fn python_of_uv(call: &Call) -> Option<String> {
    let operands =
        call.operands(&["-i", "--install-dir", "--mirror", "--python-downloads-json-url", "--directory"]);
    let texts: Vec<&str> = operands.iter().map(|operand| operand.text.as_str()).collect();
    let ["python", "install" | "upgrade", names @ ..] = &texts[..] else { return None };
    if call.program != "uv" || operands.iter().any(|operand| !operand.known) {
        return None;
    }
    // Without a name, `.python-version` says which, and if there is none, it is the newest.
    if names.is_empty() {
        return Some("uv python install".to_owned());
    }
    // `3.12`, `cpython-3.12`, `pypy@3.10`; of those with all three numbers uv has one build.
    let is_whole = |name: &&&str| name.split(['-', '@', '+']).any(|part| part.matches('.').count() >= 2);
    names.iter().find(|name| !is_whole(name)).map(|name| (*name).to_owned())
}

/// The name of the channel, where one is named, or is meant by saying nothing.
fn moving(call: &Call) -> Option<String> {
    let operands = call.operands(&["--profile", "--component", "-c", "--target", "-t", "--default-host"]);
    let texts: Vec<&str> = operands.iter().map(|operand| operand.text.as_str()).collect();
    let channel = |names: &[&str]| names.iter().copied().find(|name| is_channel(name)).map(str::to_owned);
    match (call.program.as_str(), texts.as_slice()) {
        ("rustup", ["update", rest @ ..]) => Some(rest.first().copied().unwrap_or("the newest").to_owned()),
        ("rustup", ["toolchain", "install" | "add", rest @ ..] | ["install" | "default", rest @ ..]) => {
            channel(rest)
        }
        ("rustup-init" | "rustup-init.sh", _) => match call.value_of(&["--default-toolchain"]) {
            Some("none") => None,
            Some(name) if is_channel(name) => Some(name.to_owned()),
            // The value may come from a variable without a known value.
            Some(_) => None,
            None => Some("stable".to_owned()),
        },
        ("nvm" | "fnm", ["install" | "use", rest @ ..]) => {
            let lts = call.has(&["--lts", "--latest"]).then(|| "lts".to_owned());
            lts.or_else(|| {
                rest.iter().find(|name| is_channel(name) || is_major(name)).map(|name| (*name).to_owned())
            })
        }
        ("n", [name, ..]) if is_channel(name) || is_major(name) => Some((*name).to_owned()),
        ("volta", ["install", rest @ ..]) => {
            rest.iter().find(|name| !name.contains('.')).map(|name| (*name).to_owned())
        }
        ("sdk", ["install", name]) => Some((*name).to_owned()),
        ("asdf", ["install", _, name]) if is_channel(name) => Some((*name).to_owned()),
        ("pyenv", ["install", name, ..]) if name.matches('.').count() < 2 => Some((*name).to_owned()),
        _ => None,
    }
}

fn is_channel(name: &str) -> bool {
    let name = name.split("-x86_64").next().unwrap_or(name);
    matches!(
        name,
        "stable" | "beta" | "nightly" | "latest" | "lts" | "lts/*" | "node" | "current" | "lts-latest"
    ) || name.starts_with("latest:")
}

fn is_major(name: &str) -> bool {
    !name.is_empty()
        && name.trim_start_matches('v').chars().all(|c| c.is_ascii_digit())
        && name.matches('.').count() < 2
}

//! Command lines of Nix: what they build, install or run.

/// What a command of Nix does, as far as it matters to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dockerfile) enum Verb {
    /// `nix build`, `nix-build`.
    Build,
    /// `nix run`: the program of an app or package.
    Run,
    /// `nix develop`: a command in a development shell.
    Develop,
    /// `nix shell`, `nix-shell -p`: a command beside packages.
    Shell,
    /// `nix profile install`, `nix-env -i`.
    Install,
    /// Everything that leaves nothing in an image that needs it.
    Other,
}

/// What is built, installed or run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dockerfile) enum Installable {
    /// An output of the project's own flake: the attribute, or the default.
    Project(Option<String>),
    /// An attribute of nixpkgs.
    Nixpkgs(String),
    /// Something else, as it is written.
    Other(String),
}

/// A command of Nix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dockerfile) struct NixCommand {
    /// What it does.
    pub verb: Verb,
    /// With what.
    pub installables: Vec<Installable>,
    /// Where the link to what is built is put; `None` if there is none.
    pub link: Option<String>,
    /// The command that it starts, or further arguments of the program that it runs.
    pub inner: Vec<String>,
}

/// Options that take words of their own, with their number.
const WITH_VALUES: [(&str, usize); 37] = [
    ("--arg", 2),
    ("--arg-from-file", 2),
    ("--argstr", 2),
    ("--attr", 1),
    ("--builders", 1),
    ("--cores", 1),
    ("--eval-store", 1),
    ("--experimental-features", 1),
    ("--expr", 1),
    ("--extra-experimental-features", 1),
    ("--extra-substituters", 1),
    ("--extra-trusted-public-keys", 1),
    ("--file", 1),
    ("--from", 1),
    ("--include", 1),
    ("--inputs-from", 1),
    ("--keep", 1),
    ("--log-format", 1),
    ("--max-jobs", 1),
    ("--option", 2),
    ("--out-link", 1),
    ("--output-lock-file", 1),
    ("--override-flake", 2),
    ("--override-input", 2),
    ("--priority", 1),
    ("--profile", 1),
    ("--reference-lock-file", 1),
    ("--set-env-var", 2),
    ("--store", 1),
    ("--substituters", 1),
    ("--system", 1),
    ("--timeout", 1),
    ("--trusted-public-keys", 1),
    ("--unset", 1),
    ("--update-input", 1),
    ("-I", 1),
    ("-j", 1),
];

/// Programs of Nix that build nothing and install nothing.
const OTHERS: [&str; 9] = [
    "cachix",
    "nix-channel",
    "nix-collect-garbage",
    "nix-copy-closure",
    "nix-daemon",
    "nix-hash",
    "nix-instantiate",
    "nix-prefetch-url",
    "nix-store",
];

impl NixCommand {
    /// The command that `words` are; `None` if they are not a Nix command.
    pub fn of(words: &[String]) -> Option<Self> {
        let (first, rest) = words.split_first()?;
        match first.rsplit('/').next().unwrap_or(first) {
            "nix" => Self::new_style(rest),
            "nix-build" => Some(Self::build(rest)),
            "nix-env" => Some(Self::environment(rest)),
            "nix-shell" => Some(Self::old_shell(rest)),
            program if OTHERS.contains(&program) => Some(Self::empty(Verb::Other)),
            _ => None,
        }
    }

    fn empty(verb: Verb) -> Self {
        Self { verb, installables: Vec::new(), link: Some("result".to_owned()), inner: Vec::new() }
    }

    /// `nix [OPTION…] VERB [OPTION…] [INSTALLABLE…] [-- ARGUMENT…]`
    fn new_style(words: &[String]) -> Option<Self> {
        let mut found = Self::empty(Verb::Other);
        let mut words = words.iter();
        let mut operands: Vec<&str> = Vec::new();
        let mut is_file = false;
        while let Some(word) = words.next() {
            let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
            match name {
                "--" => {
                    found.inner = words.by_ref().cloned().collect();
                }
                "-c" | "--command"
                    if operands.first().is_some_and(|verb| ["develop", "shell"].contains(verb)) =>
                {
                    found.inner = words.by_ref().cloned().collect();
                }
                "-o" | "--out-link" => found.link = words.next().cloned(),
                "--no-link" => found.link = None,
                "-f" | "--file" | "--expr" => {
                    is_file = true;
                    words.next();
                }
                option if option.starts_with('-') && option.len() > 1 => {
                    let values = WITH_VALUES.iter().find(|(known, _)| *known == option);
                    let count = values.map_or(0, |(_, count)| *count);
                    if word.contains('=') && count > 0 {
                        continue;
                    }
                    for _ in 0..count {
                        words.next();
                    }
                }
                _ => operands.push(word),
            }
        }
        let verb = operands.first().copied()?;
        let mut skip = 1;
        found.verb = match (verb, operands.get(1).copied()) {
            ("build" | "bundle", _) => Verb::Build,
            ("run", _) => Verb::Run,
            ("develop", _) => Verb::Develop,
            ("shell", _) => Verb::Shell,
            ("profile", Some("install" | "add")) => {
                skip = 2;
                Verb::Install
            }
            _ => return Some(found),
        };
        let mut operands: Vec<&str> = operands.into_iter().skip(skip).collect();
        if found.verb == Verb::Run && operands.len() > 1 {
            let arguments = operands.split_off(1).into_iter().map(str::to_owned);
            found.inner = arguments.chain(found.inner).collect();
        }
        found.installables = match is_file {
            true => vec![Installable::Other(operands.join(" "))],
            false => operands.iter().map(|operand| Installable::of(operand)).collect(),
        };
        if found.installables.is_empty() && found.verb != Verb::Install {
            found.installables.push(Installable::Project(None));
        }
        Some(found)
    }

    /// `nix-build [-A ATTRIBUTE] [-o LINK] [FILE]`
    fn build(words: &[String]) -> Self {
        let mut found = Self::empty(Verb::Build);
        let mut shown = "nix-build".to_owned();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            shown = format!("{shown} {word}");
            match word.as_str() {
                "-o" | "--out-link" => found.link = words.next().cloned(),
                "--no-out-link" | "--no-link" => found.link = None,
                _ => {}
            }
        }
        found.installables.push(Installable::Other(shown));
        found
    }

    /// `nix-env -iA NAME…`
    fn environment(words: &[String]) -> Self {
        let mut found = Self::empty(Verb::Other);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--install" | "--attr" => found.verb = Verb::Install,
                "-f" | "--file" | "-p" | "--profile" | "-I" => _ = words.next(),
                option if option.starts_with("--") => {}
                option if option.starts_with('-') => {
                    if option.contains('i') || option.contains('A') {
                        found.verb = Verb::Install;
                    }
                    if option.ends_with('f') {
                        words.next();
                    }
                }
                name => found.installables.push(Installable::Nixpkgs(nixpkgs_name(name).to_owned())),
            }
        }
        found
    }

    /// `nix-shell -p NAME… --run LINE`
    fn old_shell(words: &[String]) -> Self {
        let mut found = Self::empty(Verb::Shell);
        let mut is_package = false;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "-p" | "--packages" => is_package = true,
                "--run" | "--command" => {
                    let line = words.next().cloned().unwrap_or_default();
                    found.inner = vec!["/bin/sh".to_owned(), "-c".to_owned(), line];
                }
                "-I" | "-A" | "--attr" => _ = words.next(),
                option if option.starts_with('-') => {}
                name if is_package => {
                    found.installables.push(Installable::Nixpkgs(nixpkgs_name(name).to_owned()));
                }
                file => found.installables.push(Installable::Other(file.to_owned())),
            }
        }
        if found.installables.is_empty() {
            found.installables.push(Installable::Other("shell.nix".to_owned()));
        }
        found
    }
}

impl Installable {
    /// What `text` means: `.#name`, `nixpkgs#name`, a store path, another flake.
    fn of(text: &str) -> Self {
        let (flake, attribute) = match text.split_once('#') {
            Some((flake, attribute)) => (flake, attribute),
            None => (text, ""),
        };
        // `^out` names one of several outputs.
        let attribute = attribute.split('^').next().unwrap_or_default();
        let flake = flake.split('?').next().unwrap_or_default();
        let path = flake.strip_prefix("path:").or(flake.strip_prefix("git+file:")).unwrap_or(flake);
        let is_path = path.is_empty() || path.starts_with(['.', '/', '$']);
        let is_nixpkgs = flake == "nixpkgs"
            || flake.starts_with("nixpkgs/")
            || flake.to_ascii_lowercase().starts_with("github:nixos/nixpkgs");
        if is_nixpkgs && !attribute.is_empty() {
            Self::Nixpkgs(nixpkgs_name(attribute).to_owned())
        } else if is_path && !path.contains("..") {
            Self::Project((!attribute.is_empty()).then(|| attribute.to_owned()))
        } else {
            Self::Other(text.to_owned())
        }
    }
}

/// An attribute of nixpkgs without what names the set: `nixpkgs.curl`, `legacyPackages.x86_64-linux.curl`.
fn nixpkgs_name(name: &str) -> &str {
    let name =
        name.strip_prefix("legacyPackages.").and_then(|rest| Some(rest.split_once('.')?.1)).unwrap_or(name);
    ["nixpkgs.", "nixos.", "pkgs."].iter().find_map(|set| name.strip_prefix(set)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> NixCommand {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        NixCommand::of(&words).expect("it is one of Nix")
    }

    #[test]
    fn what_is_built_is_found_among_the_options() {
        let check =
            |line: &str, verb: Verb, installables: &[Installable], link: Option<&str>, inner: &str| {
                let found = of(line);
                let seen =
                    (found.verb, found.installables.as_slice(), found.link.as_deref(), found.inner.join(" "));
                assert_eq!(seen, (verb, installables, link, inner.to_owned()), "{line}");
            };
        let own = |name: &str| Installable::Project((!name.is_empty()).then(|| name.to_owned()));
        let of_nixpkgs = |name: &str| Installable::Nixpkgs(name.to_owned());
        let result = Some("result");
        check(
            "nix --extra-experimental-features nix-command --option filter-syscalls false build",
            Verb::Build,
            &[own("")],
            result,
            "",
        );
        check("nix build .#a .#b^out -L -o /x", Verb::Build, &[own("a"), own("b")], Some("/x"), "");
        check("nix build path:/tmp/x?dir=y#a --no-link", Verb::Build, &[own("a")], None, "");
        check("nix build --impure", Verb::Build, &[own("")], result, "");
        check(
            "nix build github:x/y#z",
            Verb::Build,
            &[Installable::Other("github:x/y#z".to_owned())],
            result,
            "",
        );
        check("nix run .#a -- -v x", Verb::Run, &[own("a")], result, "-v x");
        check("nix run .#a x -- -v", Verb::Run, &[own("a")], result, "x -v");
        check("nix develop --impure -c bash -c x", Verb::Develop, &[own("")], result, "bash -c x");
        check(
            "nix shell nixpkgs#a nixpkgs/y#b --command a",
            Verb::Shell,
            &[of_nixpkgs("a"), of_nixpkgs("b")],
            result,
            "a",
        );
        check("nix profile install nixpkgs#a", Verb::Install, &[of_nixpkgs("a")], result, "");
        check(
            "nix-env -iA nixpkgs.a nixos.b",
            Verb::Install,
            &[of_nixpkgs("a"), of_nixpkgs("b")],
            result,
            "",
        );
        check("nix-env -f <nixpkgs> -iA a", Verb::Install, &[of_nixpkgs("a")], result, "");
        check(
            "nix-shell -p a b --run c",
            Verb::Shell,
            &[of_nixpkgs("a"), of_nixpkgs("b")],
            result,
            "/bin/sh -c c",
        );
        check(
            "nix-build -A a -o y",
            Verb::Build,
            &[Installable::Other("nix-build -A a -o".to_owned())],
            Some("y"),
            "",
        );
        check("nix flake check", Verb::Other, &[], result, "");
        check("nix-store -qR x", Verb::Other, &[], result, "");
    }
}

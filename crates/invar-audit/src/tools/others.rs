//! Package managers of other languages and systems.
use crate::calls::Call;
use crate::finding::Finding;
use crate::findings::Findings;
use crate::rule::Rule;

pub(super) fn check(call: &Call, found: &mut Findings) {
    if let Some(message) = message(call) {
        found.push(Finding::new(Rule::OtherPackagesNotPinned, call.span, message));
    }
}

fn message(call: &Call) -> Option<String> {
    let operands = call.operands(&["-e", "--version", "-n", "--repos"]);
    let texts: Vec<&str> = operands.iter().map(|operand| operand.text.as_str()).collect();
    let newest = |what: &str| Some(format!("`{what}` installs the newest version in the repository"));
    match (call.program.as_str(), texts.as_slice()) {
        ("cpanm" | "cpan", [_, ..]) => {
            let is_open =
                |text: &&str| !text.contains('@') && !text.starts_with('.') && !text.starts_with('/');
            let reads_file = call.has(&["--installdeps"]);
            (reads_file || texts.iter().any(is_open)).then(|| newest(&call.program)).flatten()
        }
        ("R" | "Rscript" | "r" | "littler", _) => {
            let line = call.line() + &call.inputs.join(" ");
            let installs = [
                "install.packages(",
                "install_github(",
                "BiocManager::install(",
                "pak::pak(",
                "pkg_install(",
                "install_cran(",
                "remotes::install_deps(",
                "devtools::install(",
                "update.packages(",
            ];
            installs.iter().find(|call| line.contains(**call)).and_then(|call| newest(&format!("{call})")))
        }
        ("install2.r" | "installGithub.r" | "installBioc.r", _) => newest(&call.program),
        ("pecl" | "pear", ["install", names @ ..]) => {
            let is_open =
                |name: &&str| !name.contains(|c: char| c.is_ascii_digit()) || name.ends_with("-beta");
            names.iter().any(is_open).then(|| newest("pecl install")).flatten()
        }
        ("luarocks", ["install", _]) => newest("luarocks install"),
        ("opam", ["install", ..]) => newest("opam install"),
        ("cabal", ["install" | "update", ..]) => newest("cabal install"),
        ("dotnet", ["tool", "install", ..]) if !call.has_option(&["--version"]) => {
            newest("dotnet tool install")
        }
        ("mix", ["local.hex" | "local.rebar" | "archive.install", ..]) => {
            let fixed = texts[1..].iter().any(|text| text.contains(|c: char| c.is_ascii_digit()));
            (!fixed).then(|| newest(&format!("mix {}", texts[0]))).flatten()
        }
        ("composer", ["update" | "require" | "create-project", ..]) => {
            newest(&format!("composer {}", texts[0]))
        }
        ("composer", ["global", "require", names @ ..]) => {
            names.iter().any(|name| !name.contains(':')).then(|| newest("composer global require")).flatten()
        }
        ("brew", ["install" | "upgrade", ..]) => newest("brew"),
        ("pacman", _) if call.arguments.iter().any(|argument| argument.text.starts_with("-S")) => {
            newest("pacman -S")
        }
        ("emerge", [_, ..]) => newest("emerge"),
        ("snap", ["install", ..]) => newest("snap install"),
        ("julia", _) if call.line().contains("Pkg.add(") => newest("Pkg.add"),
        ("helm", ["plugin", "install", ..]) if !call.has_option(&["--version"]) => {
            newest("helm plugin install")
        }
        _ => None,
    }
}

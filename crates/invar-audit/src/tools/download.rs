//! curl, wget and similar: what is downloaded, where it goes, and whether anything checks it.
use crate::calls::{Argument, Call, CallGraph, OutputUse, is_python};
use crate::finding::Finding;
use crate::findings::Findings;
use crate::rule::{Level, Rule};

const CURL_WITH_VALUE: [&str; 30] = [
    "-o",
    "--output",
    "-H",
    "--header",
    "-A",
    "--user-agent",
    "-u",
    "--user",
    "-x",
    "--proxy",
    "-e",
    "--referer",
    "-b",
    "--cookie",
    "-c",
    "--cookie-jar",
    "-m",
    "--max-time",
    "--connect-timeout",
    "--retry",
    "--retry-delay",
    "--proto",
    "--cacert",
    "--cert",
    "--key",
    "--output-dir",
    "-w",
    "--write-out",
    "--retry-max-time",
    "-X",
];
const WGET_WITH_VALUE: [&str; 18] = [
    "-O",
    "--output-document",
    "-P",
    "--directory-prefix",
    "-t",
    "--tries",
    "-T",
    "--timeout",
    "--header",
    "-U",
    "--user-agent",
    "-o",
    "-a",
    "--user",
    "--password",
    "-e",
    "--progress",
    "--waitretry",
];
/// Programs that run what they read.
const INTERPRETERS: [&str; 12] =
    ["sh", "bash", "dash", "ash", "zsh", "ksh", "perl", "ruby", "node", "php", "source", "."];

pub(super) fn check(call: &Call, trail: &CallGraph<'_>, found: &mut Findings) {
    let Some(urls) = urls(call) else { return };
    if urls.iter().all(|url| is_here(&url.text)) {
        return;
    }
    if is_run(call, trail) {
        let message = format!("the output of `{}` is run directly", call.program);
        found.push(Finding::new(Rule::PipeToShell, call.span, message));
        return;
    }
    if goes_nowhere(call) {
        return;
    }
    let checked = checked(call, &urls, trail);
    if checked == Checked::Yes {
        return;
    }
    let moves = urls.iter().any(|url| names_what_moves(&url.text)) || urls.is_empty();
    let message = match (checked, moves) {
        (Checked::SameServer, true) => {
            "this download changes over time, and its checksum is downloaded from the same server"
        }
        (Checked::SameServer, false) => "the checksum of this download comes from the same server",
        (_, true) => "this download changes over time and is not verified",
        (_, false) => "this download is not verified",
    };
    let level = if moves { Level::Error } else { Level::Warning };
    found.push(Finding::new(Rule::DownloadWithoutChecksum, call.span, message).at_level(level));
}

/// The addresses that the call downloads from; `None` where it downloads nothing.
fn urls(call: &Call) -> Option<Vec<&Argument>> {
    let operands = match call.program.as_str() {
        "curl" => {
            let sends = [
                "-d",
                "--data",
                "--data-binary",
                "--data-raw",
                "--data-urlencode",
                "-F",
                "--form",
                "-T",
                "--upload-file",
                "-I",
                "--head",
                "-V",
                "--version",
                "-h",
                "--help",
            ];
            let method = call.value_of(&["-X", "--request"]);
            if call.has_option(&sends) || method.is_some_and(|method| method != "GET") {
                return None;
            }
            call.operands(&CURL_WITH_VALUE)
        }
        "wget" => {
            if call.has_option(&["--spider", "--post-data", "--post-file", "--version", "--help", "-V"]) {
                return None;
            }
            call.operands(&WGET_WITH_VALUE)
        }
        "aria2c" => call.operands(&["-o", "-d", "-x", "-s", "-k", "--dir", "--out"]),
        "axel" => call.operands(&["-o", "-n"]),
        "apt-helper" => {
            let operands = call.operands(&["-o"]);
            let (verb, rest) = operands.split_first()?;
            // A third operand is a hash.
            (verb.text == "download-file" && rest.len() < 3)
                .then(|| rest.iter().copied().take(1).collect())?
        }
        _ => return None,
    };
    let names_it = ["--url", "-i", "--input-file", "-K", "--config"];
    (!operands.is_empty() || call.has_option(&names_it)).then_some(operands)
}

fn is_here(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    ["localhost", "127.0.0.1", "[::1]", "0.0.0.0"].iter().any(|name| host.starts_with(name))
        || url.starts_with("file:")
}

/// Whether the address has a part that says "newest", or none that says which.
fn names_what_moves(url: &str) -> bool {
    let path =
        url.split_once("://").map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let lower = path.to_ascii_lowercase();
    let newest = ["latest", "master", "/main/", "nightly", "current", "stable", "/head/"];
    newest.iter().any(|word| lower.contains(word)) || !lower.contains(|c: char| c.is_ascii_digit())
}

/// Whether what is downloaded is given to a shell or interpreter, by a pipe or as its words.
fn is_run(call: &Call, trail: &CallGraph<'_>) -> bool {
    if let OutputUse::Argument(program) = &call.inside {
        let name = program.rsplit('/').next().unwrap_or(program);
        if INTERPRETERS.contains(&name) || matches!(name, "eval" | "sudo") || is_python(name) {
            return true;
        }
    }
    trail.pipeline(call).any(|other| {
        let reads_program = INTERPRETERS.contains(&other.program.as_str()) || is_python(&other.program);
        let operands = other.operands(&["-o", "-O"]);
        let from_input = operands.first().is_none_or(|first| first.text == "-") || other.has(&["-s"]);
        let own_script = other.has(&["-c", "-m", "-e", "-n", "-ne", "-pe", "-r", "-p"]);
        other.order > call.order && reads_program && from_input && !own_script
    })
}

fn goes_nowhere(call: &Call) -> bool {
    let output = call.value_of(&["-o", "--output", "-O", "--output-document"]);
    output == Some("/dev/null") || call.outputs.iter().any(|output| output == "/dev/null")
}

/// What is known of a download's contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checked {
    /// They are compared with something.
    Yes,
    /// They are compared with a checksum that comes from where they come from, and changes with them.
    SameServer,
    /// They are compared with nothing.
    No,
}

/// Whether a later command of the stage checks the file.
fn checked(call: &Call, addresses: &[&Argument], trail: &CallGraph<'_>) -> Checked {
    let names = file_names(call, addresses);
    let is_signature = |name: &String| {
        let name = name.to_ascii_lowercase();
        [
            ".asc",
            ".sig",
            ".sha256",
            ".sha512",
            ".sha256sum",
            ".minisig",
            "sha256sums",
            "checksums.txt",
            ".pem",
            ".sha1",
        ]
        .iter()
        .any(|end| name.ends_with(end))
    };
    let files = url_names(addresses);
    // What is fetched only to check something else is checked by that.
    let helps_to_check = !files.is_empty() && files.iter().all(|name| is_signature(name) || is_sum(name));
    let others: Vec<String> = trail
        .calls
        .iter()
        .filter(|other| other.instruction == call.instruction && !other.is_at(call))
        .filter_map(|other| urls(other).map(|found| file_names(other, &found)))
        .flatten()
        .filter(|name| !is_sum(name))
        .collect();
    let checks = trail.after(call).filter(|other| checks_files(other)).filter(|check| {
        let words = words_of(check, trail);
        let named = |name: &String| !name.is_empty() && words.contains(name.as_str());
        if check.pipeline == call.pipeline || helps_to_check || names.iter().any(named) {
            return true;
        }
        // A list of checksums names its files itself.
        check.instruction == call.instruction && !others.iter().any(named)
    });
    let mut checked = Checked::No;
    for check in checks {
        let is_own = helps_to_check || check.pipeline == call.pipeline || is_signature_check(check);
        if is_own || !has_sum_of_same_server(call, addresses, check, trail) {
            return Checked::Yes;
        }
        checked = Checked::SameServer;
    }
    checked
}

/// Whether what the check compares with was downloaded from the same server as the file, and nobody has signed it.
fn has_sum_of_same_server(call: &Call, addresses: &[&Argument], check: &Call, trail: &CallGraph<'_>) -> bool {
    let parts: Vec<&Call> = trail.pipeline(check).chain([check]).collect();
    let is_signed = || {
        trail.before(check).any(|other| other.instruction == check.instruction && is_signature_check(other))
    };
    let sums = trail
        .before(check)
        .filter(|other| !other.is_at(call))
        .filter_map(|other| Some((other, urls(other)?)));
    let own = url_names(addresses);
    // One command may fetch both.
    let mut found = own.iter().any(|name| is_sum(name)) && !own.iter().all(|name| is_sum(name));
    for (other, sum_urls) in sums {
        let is_piped = other.pipeline == check.pipeline;
        let has_it = |call: &Call| {
            let mut spans = call.arguments.iter().map(|argument| argument.span);
            spans.any(|span| span.start <= other.span.start && other.span.end <= span.end)
        };
        let is_in_words = |path: &String| {
            let words = parts.iter().flat_map(|part| part.arguments.iter().map(|argument| &argument.text));
            words.into_iter().any(|word| word == path)
        };
        // `echo "$(curl …) file" | sha256sum -c`, or by way of a file that is checked then.
        let is_argument = parts.iter().any(|part| has_it(part))
            || trail.before(check).any(|call| has_it(call) && call.outputs.iter().any(is_in_words));
        let is_variable = matches!(&other.inside, OutputUse::Assignment(name)
            if parts.iter().any(|part| names_variable(trail.text_at(part), name)));
        let files = file_names(other, &sum_urls);
        let is_file = parts.iter().any(|part| {
            let words = part.arguments.iter().map(|argument| &argument.text).chain(&part.inputs);
            words
                .map(|word| word.rsplit('/').next().unwrap_or(word))
                .any(|word| files.iter().any(|file| file == word))
        });
        // What the check compares is a file as well, where its name is given.
        let is_the_file_itself = is_file && !files.iter().any(|file| is_sum(file));
        if (is_piped || is_argument || is_variable || is_file) && !is_the_file_itself {
            let same = |one: &&Argument| sum_urls.iter().any(|sum| server(&sum.text) == server(&one.text));
            if !addresses.iter().any(same) {
                return false;
            }
            found = true;
        }
    }
    found && !is_signed()
}

/// Whether `text` has `$name` or `${name`.
fn names_variable(text: &str, name: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let after =
        |prefix: String| text.match_indices(&prefix).map(|(at, _)| &text[at + prefix.len()..]).any(ends);
    after(format!("${name}")) || after(format!("${{{name}"))
}

/// Whether a file's name says that it holds checksums.
fn is_sum(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["sha1", "sha256", "sha512", "shasum", "md5", "checksum", "sums", "b2sum", "digest"]
        .iter()
        .any(|part| name.contains(part))
}

/// The names of the files at the addresses.
fn url_names(addresses: &[&Argument]) -> Vec<String> {
    let name = |url: &&Argument| {
        let path = url.text.split(['?', '#']).next().unwrap_or_default();
        path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned()
    };
    addresses.iter().map(name).filter(|name| !name.is_empty()).collect()
}

/// The server of an address. What comes from names without a known value is the same for all.
fn server(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// Whether the call checks a signature: what it has signed needs no other proof.
fn is_signature_check(call: &Call) -> bool {
    let program = call.program.as_str();
    matches!(program, "gpgv" | "gpgv2" | "minisign" | "signify" | "cosign" | "slsa-verifier")
        || (matches!(program, "gpg" | "gpg2") && call.has_option(&["--verify", "--decrypt", "-d"]))
        || (program == "openssl" && call.has_option(&["-verify", "-signature"]))
}

/// The names, without folders, that the file may have.
fn file_names(call: &Call, addresses: &[&Argument]) -> Vec<String> {
    let last = |path: &str| path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
    let option = if call.program == "wget" { ["-O", "--output-document"] } else { ["-o", "--output"] };
    let mut names: Vec<String> = call.value_of(&option).map(last).into_iter().collect();
    names.extend(call.outputs.iter().map(|output| last(output)));
    // `-fsSLo file`: short options in one word, the last with a value.
    let in_one_word = call.arguments.windows(2).find(|pair| {
        let option = pair[0].text.as_str();
        option.len() > 2
            && option.starts_with('-')
            && !option.starts_with("--")
            && option.ends_with(['o', 'O'])
    });
    if names.is_empty() {
        names.extend(in_one_word.map(|pair| last(&pair[1].text)));
    }
    names.extend(addresses.iter().map(|url| last(url.text.split(['?', '#']).next().unwrap_or_default())));
    names.retain(|name| !name.is_empty() && name != "-");
    names
}

/// Whether the program compares files with checksums or signatures.
fn checks_files(call: &Call) -> bool {
    let program = call.program.as_str();
    let sums = [
        "sha1sum",
        "sha224sum",
        "sha256sum",
        "sha384sum",
        "sha512sum",
        "b2sum",
        "b3sum",
        "md5sum",
        "shasum",
        "rhash",
    ];
    sums.contains(&program)
        || matches!(program, "gpgv" | "gpgv2" | "minisign" | "signify" | "cosign" | "slsa-verifier")
        || (matches!(program, "gpg" | "gpg2") && call.has_option(&["--verify"]))
        || (program == "openssl" && call.has(&["dgst", "sha256", "sha384", "sha512"]))
}

/// All that is said in the check's pipeline.
fn words_of(check: &Call, trail: &CallGraph<'_>) -> String {
    let mut words = check.line();
    words.push_str(&check.inputs.join(" "));
    for other in trail.pipeline(check) {
        words.push(' ');
        words.push_str(&other.line());
    }
    words
}

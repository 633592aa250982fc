//! Other commands that fetch.
use crate::calls::{Call, is_python};
use crate::finding::Finding;
use crate::findings::Findings;
use crate::rule::Rule;

pub(super) fn check(call: &Call, found: &mut Findings) {
    if let Some((cause, what)) = fetches(call) {
        let message = format!("{what} over the network, without a pin");
        found.push_once(&cause, Finding::new(Rule::NetworkInRun, call.span, message));
    }
}

/// What the call fetches; the same cause is reported once.
fn fetches(call: &Call) -> Option<(String, String)> {
    let operands = call.operands(&["-f", "-s", "-P", "-c", "-p", "--project", "-o"]);
    let texts: Vec<&str> = operands.iter().map(|operand| operand.text.as_str()).collect();
    let tool = |name: &str, what: &str| Some((name.to_owned(), format!("`{name}` {what}")));
    let resolves = "resolves and fetches dependencies";
    let each = |what: &str| Some((call.span.start.to_string(), what.to_owned()));
    if call.has(&["--offline", "-offline", "--help", "--version", "-version", "-V", "-v"]) && texts.is_empty()
    {
        return None;
    }
    match (call.program.as_str(), texts.as_slice()) {
        ("mvn" | "mvnw", [_, ..]) if !call.has(&["-o", "--offline"]) => tool("mvn", resolves),
        ("gradle" | "gradlew", [_, ..]) if !call.has(&["--offline"]) => tool("gradle", resolves),
        ("sbt" | "lein" | "mill" | "bazel" | "bazelisk", [_, ..]) => tool(&call.program, resolves),
        ("dotnet", ["restore" | "build" | "publish" | "test" | "run" | "pack", ..])
            if !call.has(&["--locked-mode"]) =>
        {
            tool("dotnet", resolves)
        }
        ("nuget" | "vcpkg" | "conan", ["restore" | "install", ..]) => tool(&call.program, resolves),
        ("playwright", ["install" | "install-deps", ..]) => {
            each("`playwright` installs browsers, or what they need,")
        }
        ("spacy" | "nltk.downloader", [_, ..]) => each("models are downloaded"),
        (
            "huggingface-cli" | "hf" | "ollama" | "kaggle" | "gdown" | "modelscope",
            ["download" | "pull", ..],
        ) => each("models or data are downloaded"),
        ("docker" | "podman" | "crane" | "skopeo" | "oras", ["pull" | "copy" | "export", ..]) => {
            each("an image is fetched")
        }
        ("aws" | "gsutil" | "gcloud" | "rclone" | "az" | "mc", [.., "cp" | "sync" | "copy", _, _])
        | ("aws" | "gsutil" | "rclone" | "mc", ["s3", "cp" | "sync", ..] | ["cp" | "copy" | "sync", ..]) => {
            each("files are fetched from a bucket")
        }
        ("scp" | "sftp", [_, ..]) => each("files are fetched"),
        ("rsync", words) if words.iter().any(|word| word.contains("::") || word.contains("rsync://")) => {
            each("files are fetched")
        }
        ("ssh-keyscan", [_, ..]) => each("host keys are fetched"),
        ("tlmgr", ["install" | "update", ..]) => each("TeX packages are fetched"),
        ("caddy", ["upgrade" | "add-package", ..]) => each("`caddy` replaces itself"),
        ("pre-commit", ["install-hooks", ..]) => each("hooks are fetched"),
        ("code" | "code-server", _) if call.has_option(&["--install-extension"]) => {
            each("extensions are fetched")
        }
        (program, _) if is_python(program) && fetches_in_line(&call.line()) => {
            // Then these libraries read what is there.
            let is_offline = call.is_on("HF_HUB_OFFLINE") || call.is_on("TRANSFORMERS_OFFLINE");
            if is_offline { None } else { each("files are fetched") }
        }
        (program, [script, ..]) if is_python(program) || is_interpreter(program) => by_name(script, call),
        (_, [.., "download"] | ["download", ..] | [_, "download", ..]) if !is_other_rules(&call.program) => {
            each(&format!("`{}` downloads", call.program))
        }
        _ if call.path.contains('/') => by_name(&call.path, call),
        _ => None,
    }
}

fn is_interpreter(program: &str) -> bool {
    matches!(program, "sh" | "bash" | "ash" | "dash" | "node" | "ruby" | "perl" | "source" | ".")
}

/// Programs whose downloads other rules are about.
fn is_other_rules(program: &str) -> bool {
    let others = [
        "pip",
        "pip3",
        "uv",
        "apt-get",
        "apt",
        "apt-helper",
        "go",
        "npm",
        "yarn",
        "apk",
        "dnf",
        "yum",
        "echo",
        "mkdir",
    ];
    others.contains(&program)
        || ["rm", "cd", "mv", "cp", "chmod", "chown", "ls", "cat", "find", "[", "test", "tar"]
            .contains(&program)
}

/// A script of its own whose name says that it fetches.
fn by_name(path: &str, call: &Call) -> Option<(String, String)> {
    // What a script does is reported where it is.
    if call.runs_read_script {
        return None;
    }
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    // A "bootstrap" mostly makes a `configure`.
    let says_so = ["download", "downloads", "fetch", "install", "provision"];
    let is_system = ["/bin/install", "/usr/bin/install"].contains(&path);
    let fetches =
        !is_system && words.iter().any(|word| says_so.contains(word) || word.starts_with("download"));
    // What was downloaded before by its name is reported there.
    fetches.then(|| (call.span.start.to_string(), format!("`{name}` fetches, judging by its name")))
}

fn fetches_in_line(line: &str) -> bool {
    let calls = [
        "urlretrieve(",
        "urlopen(",
        "requests.get(",
        "snapshot_download(",
        "hf_hub_download(",
        "from_pretrained(",
        "nltk.download(",
        "torch.hub.load",
        "load_dataset(",
        "whisper.load_model(",
        "SentenceTransformer(",
    ];
    calls.iter().any(|call| line.contains(call))
}

//! Programs that start others.
use super::call::Call;

/// Programs that do nothing but start another.
pub(super) fn is_mere_wrapper(program: &str) -> bool {
    matches!(
        program,
        "sudo"
            | "doas"
            | "exec"
            | "command"
            | "builtin"
            | "env"
            | "nohup"
            | "nice"
            | "ionice"
            | "time"
            | "timeout"
            | "gosu"
            | "su-exec"
            | "setpriv"
            | "eatmydata"
            | "chronic"
            | "busybox"
            | "xvfb-run"
            | "stdbuf"
            | "xargs"
            | "retry"
            | "setarch"
            | "linux32"
            | "tini"
            | "dumb-init"
            | "catchsegv"
    ) || is_python(program)
}

/// Whether the program is a Python interpreter.
pub(crate) fn is_python(program: &str) -> bool {
    let rest = program.strip_prefix("python").or_else(|| program.strip_prefix("pypy"));
    rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// The assignments that the call makes for the call that it starts, and where that one begins among its arguments.
pub(super) fn started_by(call: &Call) -> Option<(Vec<(String, String)>, usize)> {
    let texts: Vec<&str> = call.arguments.iter().map(|argument| argument.text.as_str()).collect();
    let first_operand = |from: usize, with_value: &[&str]| {
        let mut at = from;
        while let Some(text) = texts.get(at) {
            if !text.starts_with('-') || *text == "--" {
                break;
            }
            at += if with_value.contains(text) { 2 } else { 1 };
        }
        at + usize::from(texts.get(at) == Some(&"--"))
    };
    let plain = |at: usize| (at < texts.len()).then(|| (Vec::new(), at));
    match call.program.as_str() {
        program if is_python(program) => {
            let module = texts.iter().position(|text| *text == "-m")?;
            texts[..module].iter().all(|text| text.starts_with('-')).then_some(())?;
            plain(module + 1)
        }
        "env" => {
            let mut at = first_operand(0, &["-u", "-C", "-S"]);
            let mut names = Vec::new();
            while let Some((name, value)) = texts.get(at).and_then(|text| text.split_once('=')) {
                names.push((name.to_owned(), value.to_owned()));
                at += 1;
            }
            (at < texts.len()).then_some((names, at))
        }
        "sudo" | "doas" => {
            let mut at = first_operand(0, &["-u", "-g", "-h", "-p", "-C", "-r", "-t"]);
            let mut names = Vec::new();
            while let Some((name, value)) = texts.get(at).and_then(|text| text.split_once('=')) {
                names.push((name.to_owned(), value.to_owned()));
                at += 1;
            }
            (at < texts.len()).then_some((names, at))
        }
        "timeout" | "gosu" | "su-exec" | "setarch" => plain(first_operand(0, &["-s", "-k"]) + 1),
        "xargs" => plain(first_operand(0, &["-I", "-n", "-L", "-P", "-d", "-a", "-s", "-E"])),
        "nice" | "ionice" => plain(first_operand(0, &["-n", "-c"])),
        "uv" | "poetry" | "pipenv" | "pdm" | "hatch" | "bundle" | "conda" | "mamba" | "micromamba"
        | "pixi" => {
            let at = first_operand(0, &["--directory", "--project", "--color", "--cache-dir"]);
            matches!(*texts.get(at)?, "run" | "exec").then_some(())?;
            let with_value = [
                "-n",
                "--name",
                "-p",
                "--prefix",
                "--with",
                "--extra",
                "--group",
                "--python",
                "--package",
                "--env-file",
                "--directory",
                "--project",
                "--only-group",
                "--no-group",
                "-e",
                "--with-requirements",
            ];
            plain(first_operand(at + 1, &with_value))
        }
        program if is_mere_wrapper(program) => plain(first_operand(0, &["-o", "-e", "-i"])),
        _ => None,
    }
}

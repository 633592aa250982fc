//! Proofs that take too long, or download too much, for a test of every change.
//!
//! `cargo xtask proof scripts` builds each project of `fixtures/scripts`, whose packages are configured by Debian's own
//! maintainer scripts, three times, each time with a store that holds nothing but the downloads:
//!
//! 1. as it is;
//! 2. with a store on an overlay file system, on which the kernel refuses another: then the sandbox's root is a copy;
//! 3. by `invar verify --strict`: as another user, under another umask, path, host name, clock and so on, all at once.
//!
//! All digests must be the same. Then it runs what `commands.tsv` of the project names with `invar run`:
//!
//! ```text
//! name  command for /bin/sh -c  what it prints, with \n for a line's end but the last; separated by a tab
//! ```
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs a command with an overlay over the folder `$1`.
const ON_AN_OVERLAY: &str = r#"
set -e
store=$1
shift
mkdir "$store.upper" "$store.work"
mount -t overlay overlay -o "lowerdir=$store,upperdir=$store.upper,workdir=$store.work" "$store"
exec "$@"
"#;

/// Proves it for the projects `names` of `fixtures/scripts`, or for all.
///
/// # Errors
/// What failed.
pub fn scripts(names: &[&str]) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let fixtures = root.join("fixtures/scripts");
    let names = if names.is_empty() {
        projects(&fixtures)?
    } else {
        names.iter().map(|name| (*name).into()).collect()
    };
    if stdout(Command::new("id").arg("-u"))? != "0" {
        return Err("only root can mount an overlay and become another user: run it as root".into());
    }
    run(Command::new("cargo").args(["build", "--quiet", "--locked", "-p", "invar"]).current_dir(&root))?;
    // Below a folder that everybody may enter, for the other user's sake.
    let folder = stdout(Command::new("mktemp").args(["--directory", "--tmpdir", "invar-proof.XXXXXX"]))?;
    let folder = PathBuf::from(folder);
    set_mode(&folder, 0o755)?;
    let invar = folder.join("invar");
    copy(&root.join("target/debug/invar"), &invar)?;
    let mut failed = Vec::new();
    for name in &names {
        let place = folder.join(name);
        let outcome = prove(&invar, &fixtures.join(name), &place);
        match outcome {
            Ok(line) => println!("{name}: {line}"),
            Err(problem) => {
                println!("{name}: FAILED: {problem}");
                failed.push(name.as_str());
            }
        }
        // A large project leaves some gigabytes.
        remove(&place)?;
    }
    remove(&folder)?;
    if failed.is_empty() { Ok(()) } else { Err(format!("not proved: {}", failed.join(", "))) }
}

fn projects(fixtures: &Path) -> Result<Vec<String>, String> {
    #[expect(clippy::disallowed_methods, reason = "sorted right below")]
    let entries = fs::read_dir(fixtures).map_err(|error| format!("{}: {error}", fixtures.display()))?;
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

/// Builds one project in all ways, and runs its programs. Gives the line that says what was seen.
fn prove(invar: &Path, fixture: &Path, place: &Path) -> Result<String, String> {
    let project = place.join("project");
    fs::create_dir_all(place).map_err(|error| format!("{}: {error}", place.display()))?;
    copy_folder(fixture, &project)?;
    let store = place.join("store");
    let program = |store: &Path| {
        let mut command = Command::new(invar);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", place);
        command.env("INVAR_STORE", store).current_dir(place);
        command
    };
    run(program(&store).args(["lock", "--quiet"]).arg(&project))?;
    // Locking unpacked what it inspected.
    let plain_store = place.join("plain");
    with_downloads_of(&store, &plain_store)?;
    remove(&store)?;
    let archive = place.join("image.tar");
    let started = Instant::now();
    let plain = digest(
        program(&plain_store).args(["build", "--locked", "--quiet", "-o"]).args([&archive, &project]),
    )?;
    let took = started.elapsed();
    let size = fs::metadata(&archive).map_err(|error| error.to_string())?.len();

    let copy_store = place.join("copy/store");
    // What the first build downloaded is there too: packages that only scripts need.
    with_downloads_of(&plain_store, &copy_store)?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "/bin/sh", "-c", ON_AN_OVERLAY, "sh"]).arg(&copy_store).arg(invar);
    command.args(["build", "--locked", "--quiet", "--offline", "-o"]).args([&archive, &project]).env_clear();
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("INVAR_STORE", &copy_store);
    let copied = digest(command.current_dir(place))?;
    remove(&place.join("copy"))?;
    if copied != plain {
        return Err(format!("built {plain}, and with a root that is a copy {copied}"));
    }
    run(program(&plain_store).args(["verify", "--locked", "--strict", "--quiet"]).arg(&project))?;
    let commands = commands(&fixture.join("commands.tsv"))?;
    let faults: Vec<String> = commands
        .iter()
        .filter_map(|(name, command, expected)| {
            let mut started = program(&plain_store);
            started.args(["run", "--quiet", "--locked", "--entrypoint", "/bin/sh"]).arg(&project);
            let printed = stdout(started.args(["--", "-c", command]).stdin(Stdio::null()));
            match printed {
                Ok(printed) if printed == *expected => None,
                Ok(printed) => Some(format!("{name}: expected {expected:?}, found {printed:?}")),
                Err(error) => Some(format!("{name}: {error}")),
            }
        })
        .collect();
    if !faults.is_empty() {
        return Err(faults.join("; "));
    }
    Ok(format!("{plain}, {}, built in {}, {} programs run", mebibytes(size), seconds(took), commands.len()))
}

/// The lines of a table, each as name, command and expected output.
fn commands(table: &Path) -> Result<Vec<(String, String, String)>, String> {
    let text = fs::read_to_string(table).map_err(|error| format!("{}: {error}", table.display()))?;
    text.lines()
        .map(|line| match line.split('\t').collect::<Vec<_>>().as_slice() {
            [name, command, expected] => {
                Ok(((*name).to_owned(), (*command).to_owned(), expected.replace("\\n", "\n")))
            }
            _ => Err(format!("{}: a line without three fields: {line}", table.display())),
        })
        .collect()
}

fn digest(command: &mut Command) -> Result<String, String> {
    let printed = stdout(command)?;
    let digest = printed.lines().last().unwrap_or_default();
    if digest.starts_with("sha256:") {
        Ok(digest.to_owned())
    } else {
        Err(format!("no digest in {printed:?}"))
    }
}

/// What a command that must succeed prints, without the last line's end.
fn stdout(command: &mut Command) -> Result<String, String> {
    let output = command.stderr(Stdio::piped()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?} ended with {}: {}", output.status, said.trim_end()))
}

fn run(command: &mut Command) -> Result<(), String> {
    stdout(command).map(|_| ())
}

/// Makes the store `new` with what `old` has downloaded and nothing else.
fn with_downloads_of(old: &Path, new: &Path) -> Result<(), String> {
    fs::create_dir_all(new).map_err(|error| format!("{}: {error}", new.display()))?;
    run(Command::new("cp").arg("-r").args([old.join("blobs"), old.join("format")]).arg(new))
}

fn remove(folder: &Path) -> Result<(), String> {
    fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    if let Some(above) = to.parent() {
        fs::create_dir_all(above).map_err(|error| format!("{}: {error}", above.display()))?;
    }
    run(Command::new("cp").arg("-r").args([from, to]))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to).map(|_| ()).map_err(|error| format!("{}: {error}", from.display()))
}

fn set_mode(path: &Path, mode: u32) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|error| error.to_string())
}

fn mebibytes(bytes: u64) -> String {
    format!("{}.{} MiB", bytes >> 20, ((bytes % (1 << 20)) * 10) >> 20)
}

fn seconds(time: Duration) -> String {
    format!("{}.{} s", time.as_secs(), time.subsec_millis() / 100)
}

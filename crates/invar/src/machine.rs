//! What comes from this machine: the store's place, mirrors, the clock, the number of CPUs. None of it may reach an
//! image.
use std::path::{Path, PathBuf};
use std::time::Duration;

use invar_apt::Keyring;
use invar_build::Session;
use invar_checkout::ProjectFiles;
use invar_fetch::{Fetcher, Settings};
use invar_lock::{LockContext, read_keyring};
use invar_project::{AbsoluteUrl, Manifest, ValueError};
use invar_realise::{Archive, Mirrors, Pool, PythonIndexes, Registries, Reporter, Sources, Upstreams};
use invar_run::{NamespaceExecutor, Perturbation, RunLimits, Runner};
use invar_store::Store;

use crate::cli::{Global, Weaker};
use crate::failure::Failure;

/// A session for `manifest` with what the command line and this machine say.
///
/// # Errors
/// Where the store cannot be opened, or if a URL is invalid.
pub fn session<'a>(
    global: &Global,
    manifest: &Manifest,
    reporter: &'a dyn Reporter,
) -> Result<Session<'a>, Failure> {
    session_over(Store::open(&store_path(global)?)?, global, manifest, reporter)
}

/// The same, over another store.
///
/// # Errors
/// Where a URL is none.
pub fn session_over<'a>(
    store: Store,
    global: &Global,
    manifest: &Manifest,
    reporter: &'a dyn Reporter,
) -> Result<Session<'a>, Failure> {
    let runner = Runner { executor: Box::new(executor(&store)), limits: run_limits(global) };
    Ok(Session {
        sources: Sources {
            store,
            fetcher: Fetcher::new(settings(global)),
            upstreams: Upstreams {
                mirrors: mirrors(global, manifest),
                python_indexes: python_indexes(global, manifest)?,
                registries: registries(),
                git: "git".into(),
                npm: "npm".into(),
            },
            lender: None,
            pool: Pool { threads: jobs(global), backwards: false },
            reporter,
        },
        runner,
        sandbox: PROGRAM.into(),
    })
}

/// The program that locks Python packages, from `PATH`.
pub const UV: &str = "uv";

/// What a lock is built with in `session`.
pub fn lock_context<'a>(session: &'a Session<'_>, keyring: &'a Keyring) -> LockContext<'a> {
    let uv = Path::new(UV);
    LockContext { sources: &session.sources, keyring, now: now(), uv, backends: session }
}

fn store_path(global: &Global) -> Result<PathBuf, Failure> {
    if let Some(path) = &global.store {
        return Ok(path.clone());
    }
    folder("XDG_CACHE_HOME")
        .or_else(|| Some(home()?.join(".cache")))
        .map(|cache| cache.join("invar"))
        .ok_or_else(Failure::no_store)
}

/// Where the user's programs keep their settings.
pub fn user_configuration() -> Option<PathBuf> {
    folder("XDG_CONFIG_HOME").or_else(|| Some(home()?.join(".config")))
}

/// The user's home.
pub fn home() -> Option<PathBuf> {
    folder("HOME")
}

/// The folder that an environment variable names.
fn folder(variable: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "where the store and settings are does not reach an image")]
    let value = std::env::var_os(variable);
    value.map(PathBuf::from).filter(|path| path.is_absolute())
}

fn settings(global: &Global) -> Settings {
    Settings {
        retries: 4,
        connect_timeout: Duration::from_secs(15),
        read_timeout: Duration::from_secs(60),
        user_agent: concat!("invar/", env!("CARGO_PKG_VERSION")).to_owned(),
        offline: global.offline,
        backoff: Duration::from_millis(250),
        redirects: 10,
        size_limit: 8 << 30,
        proxy: proxy_variable("proxy"),
        no_proxy: proxy_variable("no_proxy")
            .map(|list| list.split(',').map(|host| host.trim().to_owned()).collect())
            .unwrap_or_default(),
    }
}

/// What curl, pip and uv read too: `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`, in lower or upper case.
fn proxy_variable(kind: &str) -> Option<String> {
    let names: &[&str] = match kind {
        "no_proxy" => &["no_proxy", "NO_PROXY"],
        _ => &["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
    };
    #[expect(clippy::disallowed_methods, reason = "the way to the network does not reach an image")]
    let set = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
    names.iter().find_map(set)
}

/// The command line and the environment first, then the manifest, then the user's configuration, then apt's settings,
/// then the Debian project's CDN, then the snapshot service.
fn mirrors(global: &Global, manifest: &Manifest) -> Mirrors {
    let mut mirrors = Mirrors::from_apt(Path::new("/etc/apt"), Path::new("/var/lib/apt/lists"));
    if let Some(snapshot) = &global.snapshot {
        mirrors.snapshot = snapshot.trim_end_matches('/').to_owned();
    }
    let wanted = manifest.mirror.clone().unwrap_or_default();
    let Weaker { debian_mirror, debian_security_mirror, .. } = &global.weaker;
    for (archive, given, manifests, configured) in [
        (Archive::Debian, &global.debian_mirror, wanted.debian, debian_mirror),
        (Archive::Security, &global.debian_security_mirror, wanted.security, debian_security_mirror),
    ] {
        // An empty variable is as good as none.
        let given = given.clone().filter(|url| !url.is_empty());
        let url = given.or_else(|| manifests.map(|url| url.to_string())).or_else(|| configured.clone());
        if let Some(url) = url {
            mirrors.set(archive, &url);
        }
    }
    mirrors.or_built_in()
}

/// The command line and the environment first, then the manifest, then the user's configuration; where all else fails,
/// what uv and pip use.
///
/// # Errors
/// Where the command line or the environment has something else than a URL.
fn python_indexes(global: &Global, manifest: &Manifest) -> Result<PythonIndexes, Failure> {
    let mut indexes = PythonIndexes::none();
    let named = |url: &Option<String>| -> Result<Option<AbsoluteUrl>, Failure> {
        let wrong = |error| Failure::input(format!("cannot use the Python package index: {error}"), None);
        let url = url.as_deref().filter(|url| !url.is_empty());
        url.map(str::parse).transpose().map_err(|error: ValueError| wrong(error))
    };
    let (given, configured) = (named(&global.python_index)?, named(&global.weaker.python_index)?);
    for url in given.into_iter().chain(manifest.index.clone()).chain(configured) {
        indexes.name(url);
    }
    #[expect(clippy::disallowed_methods, reason = "where a wheel is downloaded from does not reach an image")]
    let variable = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let urls = |names: &[&str]| names.iter().filter_map(variable).collect::<Vec<_>>();
    let (home, of_user) = (home(), user_configuration());
    let file = |folder: &Option<PathBuf>, name: &str| folder.as_ref().map(|folder| folder.join(name));

    let uv_toml = match (variable(&"UV_NO_CONFIG"), folder("UV_CONFIG_FILE")) {
        (Some(_), _) => vec![],
        (None, Some(given)) => vec![given],
        (None, None) => {
            [file(&of_user, "uv/uv.toml"), Some("/etc/uv/uv.toml".into())].into_iter().flatten().collect()
        }
    };
    indexes.add_uv(&urls(&["UV_DEFAULT_INDEX", "UV_INDEX_URL"]), &uv_toml);

    let given = folder("PIP_CONFIG_FILE");
    let pip_conf = match given.as_deref() == Some(Path::new("/dev/null")) {
        // pip's own way to say that no file is to be read.
        true => vec![],
        false => {
            let of_user = [file(&of_user, "pip/pip.conf"), file(&home, ".pip/pip.conf")];
            [given].into_iter().chain(of_user).chain([Some("/etc/pip.conf".into())]).flatten().collect()
        }
    };
    indexes.add_pip(&urls(&["PIP_INDEX_URL"]), &pip_conf);
    Ok(indexes)
}

/// This very program, also if another has been put in its place since.
pub const PROGRAM: &str = "/proc/self/exe";

/// What runs commands on this machine; it keeps nothing of those that fail, and perturbs nothing.
pub fn executor(store: &Store) -> NamespaceExecutor {
    NamespaceExecutor {
        store: store.clone(),
        program: PROGRAM.into(),
        keep_failed: false,
        perturbation: Perturbation::NONE,
    }
}

/// Registries that npm's and cargo's settings name on this machine.
fn registries() -> Registries {
    #[expect(clippy::disallowed_methods, reason = "where a file is downloaded from does not reach an image")]
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let home = home();
    let read = |path: Option<PathBuf>| std::fs::read_to_string(path?).ok();
    let npmrc = read(home.as_ref().map(|home| home.join(".npmrc"))).unwrap_or_default();
    let in_npmrc = npmrc.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "registry").then(|| value.trim().to_owned())
    });
    let npm = variable("npm_config_registry").or_else(|| variable("NPM_CONFIG_REGISTRY")).or(in_npmrc);
    let cargo_home = folder("CARGO_HOME").or_else(|| Some(home?.join(".cargo")));
    Registries {
        npm,
        cargo_index: read(cargo_home.map(|home| home.join("config.toml")))
            .and_then(|text| cargo_index(&text)),
    }
}

/// The index that cargo's settings put instead of its own: `source.crates-io.replace-with` names a source, and
/// that source's `registry` is the index (the Cargo book, "Source Replacement").
fn cargo_index(text: &str) -> Option<String> {
    let settings: toml::Table = text.parse().ok()?;
    let sources = settings.get("source")?.as_table()?;
    let name = sources.get("crates-io")?.get("replace-with")?.as_str()?;
    Some(sources.get(name)?.get("registry")?.as_str()?.to_owned())
}

/// How many CPUs there are to use.
pub fn cpus() -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "how many packages are unpacked at once does not reach an image"
    )]
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The environment.
#[cfg(feature = "inspect")]
pub fn environment() -> std::collections::BTreeMap<std::ffi::OsString, std::ffi::OsString> {
    std::env::vars_os().collect()
}

/// A variable of this machine that someone asks to be passed on.
pub fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "someone asks for it, and it reaches a program but no image"
    )]
    std::env::var(name).ok()
}

fn jobs(global: &Global) -> usize {
    global.jobs.map_or_else(cpus, usize::from)
}

/// The most that one build may use of the disk, in bytes, unless something else is asked for.
const BUILD_DISK: u64 = 16 << 30;

fn run_limits(global: &Global) -> RunLimits {
    RunLimits {
        memory: global.build_memory.or_else(|| Some(memory()? / 4 * 3)),
        disk: global.build_disk.unwrap_or(BUILD_DISK),
    }
}

/// How many bytes of memory this machine has: proc_meminfo(5).
fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Seconds since 1970: only to judge whether a signature has expired.
pub fn now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "an archive's signature is judged at the present time")]
    let now = std::time::SystemTime::now();
    let seconds = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// The keys that sign the archives: of a file given on the command line or in the manifest, or Debian's own.
///
/// # Errors
/// Where the file cannot be read or holds no keys.
pub fn keyring(given: Option<&Path>, files: &ProjectFiles) -> Result<Keyring, Failure> {
    let named = files.manifest.keyring.as_ref().map(|path| files.folder.join(path));
    let Some(path) = given.map(Path::to_owned).or(named) else { return Ok(Keyring::debian()) };
    Ok(read_keyring(&path)?)
}

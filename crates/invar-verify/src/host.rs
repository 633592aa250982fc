//! How each perturbation is done here, and which cannot be done.
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use invar_checkout::{ProjectFiles, outside};
use invar_project::Platform;
use invar_run::Perturbation as InBuild;
use invar_sandbox::{HostOverrides, SyscallFakes};

use crate::analysis::{Fact, FactKind};
use crate::perturbation::Perturbation;

/// A year, a month, a day, and some hours, minutes and seconds, so that every part of a date and time differs.
pub const AHEAD: i64 = 398 * 86_400 + 6 * 3600 + 23 * 60 + 17;

/// A user and a group that no host has.
const USER: (u32, u32) = (54_321, 54_322);
const USER_NAME: &str = "invar-verify-user";
const HOST_NAME: &str = "invar-verify-host";
const TIME_ZONES: [&str; 2] = ["Pacific/Chatham", "America/St_Johns"];
const LOCALES: [&str; 2] = ["tr_TR.UTF-8", "ja_JP.eucJP"];
const UMASKS: [u32; 2] = [0o077, 0o002];
/// In each variable of noise, to find it again in a file.
const NOISE: &str = "invar-verify-noise";

/// Features of x86-64 that glibc, OpenSSL, OpenBLAS, NumPy and Go can be told to do without.
const MASKS_OF_X86: [(&str, &str); 5] = [
    (
        "GLIBC_TUNABLES",
        "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-BMI1,-BMI2,-ERMS,-FMA,-FSRM,-LZCNT,-MOVBE,-POPCNT,\
         -SSE4_1,-SSE4_2,-SSSE3,-RTM",
    ),
    ("OPENSSL_ia32cap", "~0x200000200000000:~0x20000000"),
    ("OPENBLAS_CORETYPE", "Prescott"),
    ("NPY_DISABLE_CPU_FEATURES", "AVX2 FMA3"),
    ("GODEBUG", "cpu.avx=off,cpu.avx2=off,cpu.bmi2=off,cpu.fma=off,cpu.popcnt=off"),
];
/// The same for aarch64.
const MASKS_OF_ARM: [(&str, &str); 4] = [
    ("GLIBC_TUNABLES", "glibc.cpu.name=generic"),
    ("OPENSSL_armcap", "0"),
    ("OPENBLAS_CORETYPE", "ARMV8"),
    ("GODEBUG", "cpu.aes=off,cpu.pmull=off,cpu.sha2=off,cpu.crc32=off,cpu.atomics=off"),
];

/// What hides features from programs of a platform: theirs, which need not be those of the machine that builds.
const fn masks(platform: Platform) -> &'static [(&'static str, &'static str)] {
    match platform {
        Platform::LinuxAmd64 => &MASKS_OF_X86,
        Platform::LinuxArm64 => &MASKS_OF_ARM,
    }
}

/// Variables that compilers, make, Python, git and the loader look at, with values that change what they do.
const VARIABLES: &[(&str, &str)] = &[
    ("CC", "/nonexistent/cc"),
    ("CXX", "/nonexistent/c++"),
    ("CFLAGS", "-O0 -DNOISE"),
    ("CXXFLAGS", "-O0 -DNOISE"),
    ("CPPFLAGS", "-DNOISE"),
    ("LDFLAGS", "-L/nonexistent"),
    ("CPATH", "/nonexistent/include"),
    ("LIBRARY_PATH", "/nonexistent/lib"),
    ("PKG_CONFIG_PATH", "/nonexistent/pkgconfig"),
    ("MAKEFLAGS", "-j7 -k"),
    ("MAKELEVEL", "3"),
    ("CMAKE_BUILD_PARALLEL_LEVEL", "7"),
    ("DEB_BUILD_OPTIONS", "noopt nostrip parallel=7"),
    ("SOURCE_DATE_EPOCH", "1"),
    ("PYTHONHASHSEED", "4711"),
    ("PYTHONPATH", "/nonexistent/python"),
    ("PYTHONOPTIMIZE", "2"),
    ("PYTHONDONTWRITEBYTECODE", ""),
    ("PYTHONPYCACHEPREFIX", "/nonexistent/cache"),
    ("PYTHONUTF8", "0"),
    ("PYTHONWARNINGS", "error"),
    ("PIP_INDEX_URL", "http://localhost:9/simple"),
    ("PIP_NO_BINARY", ":all:"),
    ("PIP_CONFIG_FILE", "/dev/null"),
    ("UV_NO_BINARY", "1"),
    ("UV_PYTHON", "3.9"),
    ("UV_COMPILE_BYTECODE", "1"),
    ("VIRTUAL_ENV", "/nonexistent/venv"),
    ("CONDA_PREFIX", "/nonexistent/conda"),
    ("SETUPTOOLS_SCM_PRETEND_VERSION", "9.9.9"),
    ("GIT_DIR", "/nonexistent/git"),
    ("GIT_AUTHOR_DATE", "2001-01-01T00:00:00Z"),
    ("GIT_CONFIG_GLOBAL", "/nonexistent/gitconfig"),
    ("LD_LIBRARY_PATH", "/nonexistent/lib"),
    ("LD_BIND_NOW", "1"),
    ("MALLOC_PERTURB_", "165"),
    ("RUSTFLAGS", "-C opt-level=0"),
    ("CARGO_HOME", "/nonexistent/cargo"),
    ("CARGO_ENCODED_RUSTFLAGS", "-Copt-level=0"),
    ("NODE_ENV", "test"),
    ("NODE_OPTIONS", "--max-old-space-size=100"),
    ("npm_config_cache", "/nonexistent/npm"),
    ("GOFLAGS", "-mod=mod"),
    ("POSIXLY_CORRECT", "1"),
    ("BLOCK_SIZE", "human-readable"),
    ("TAR_OPTIONS", "--sort=none"),
    ("GZIP", "-1"),
    ("XZ_DEFAULTS", "-0"),
    ("ZIPOPT", "-0"),
    ("TERM", "xterm-256color"),
    ("COLUMNS", "37"),
    ("EDITOR", "/nonexistent/editor"),
    ("CI", "true"),
    ("BUILD_NUMBER", "4711"),
    ("SHELL", "/nonexistent/shell"),
];

/// What this machine is, as far as another has to differ from it.
#[derive(Debug, Clone)]
pub struct Host {
    /// The host name.
    pub host_name: String,
    /// The environment.
    pub environment: BTreeMap<OsString, OsString>,
    /// The umask.
    pub umask: Option<u32>,
    /// The user and the group.
    pub user: Option<(u32, u32)>,
    /// How many CPUs there are to use.
    pub cpus: usize,
    /// The time, in seconds since 1970-01-01T00:00:00Z.
    pub now: i64,
    /// The project's folder.
    pub project: PathBuf,
    /// Whether a copy of that folder is all that a build needs.
    pub copyable: bool,
}

/// Another machine, on which a build is done again.
#[derive(Debug)]
pub struct PerturbedHost {
    /// What the process is started with.
    pub overrides: HostOverrides,
    /// Its environment.
    pub environment: BTreeMap<OsString, OsString>,
    /// What is different inside the build.
    pub perturbation: InBuild,
    /// How many jobs it does at once.
    pub jobs: Option<std::num::NonZeroUsize>,
    /// Where a copy of the project has to be made, and whether backwards.
    pub copy: Option<(PathBuf, bool)>,
    /// What may be found of it in a file.
    pub facts: Vec<Fact>,
}

impl Host {
    /// Looks at this machine, whose environment and number of CPUs are given.
    pub fn look(
        files: &ProjectFiles,
        environment: BTreeMap<OsString, OsString>,
        cpus: usize,
        now: i64,
    ) -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str, at: usize| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().nth(at).map(str::to_owned)
        };
        // The second number of each is the effective one: proc_pid_status(5).
        let number = |name: &str| field(name, 1)?.parse::<u32>().ok();
        Self {
            host_name: fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned(),
            environment,
            umask: field("Umask:", 0).and_then(|text| u32::from_str_radix(&text, 8).ok()),
            user: number("Uid:").zip(number("Gid:")),
            cpus,
            now,
            project: fs::canonicalize(&files.folder).unwrap_or_else(|_| files.folder.clone()),
            copyable: outside(files).is_none(),
        }
    }

    fn variable(&self, name: &str) -> String {
        let value = self.environment.get(std::ffi::OsStr::new(name));
        value.map(|value| value.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

impl PerturbedHost {
    /// The machine that differs from `host` in `perturbations`. What has to be there is below `scratch`.
    pub fn new(host: &Host, perturbations: &[Perturbation], scratch: &Path) -> Self {
        let mut perturbed = Self {
            overrides: HostOverrides::default(),
            environment: host.environment.clone(),
            perturbation: InBuild::NONE,
            jobs: None,
            copy: None,
            facts: Vec::new(),
        };
        for one in perturbations {
            perturbed.perturb(*one, host, scratch);
        }
        perturbed
    }

    fn perturb(&mut self, one: Perturbation, host: &Host, scratch: &Path) {
        match one {
            Perturbation::User => {
                let other = (USER.0 + 100, USER.1 + 100);
                self.overrides.user = Some(if host.user == Some(USER) { other } else { USER });
                for name in ["USER", "LOGNAME"] {
                    self.set(host, FactKind::Identity, name, USER_NAME);
                }
            }
            Perturbation::Umask => self.overrides.umask = Some(other(UMASKS, &host.umask.unwrap_or(0o022))),
            Perturbation::TimeZone => {
                let zone = other(TIME_ZONES, &host.variable("TZ"));
                self.set(host, FactKind::TimeZone, "TZ", zone);
            }
            Perturbation::Locale => {
                let locale = other(LOCALES, &host.variable("LC_ALL"));
                for name in ["LANG", "LC_ALL", "LANGUAGE"] {
                    self.set(host, FactKind::Locale, name, locale);
                }
            }
            Perturbation::Home => {
                let home = scratch.join("home of nobody").display().to_string();
                self.set(host, FactKind::Folder, "HOME", &home);
                for name in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "TMPDIR"]
                {
                    self.set(host, FactKind::Folder, name, &format!("{home}/{name}"));
                }
            }
            Perturbation::Path => {
                let place = scratch.join("a longer path with spaces/überall").join(project_name(host));
                self.facts.push(Fact {
                    kind: FactKind::Folder,
                    first: host.project.display().to_string(),
                    second: place.display().to_string(),
                });
                let backwards = self.copy.as_ref().is_some_and(|(_, backwards)| *backwards);
                self.copy = Some((place, backwards));
            }
            Perturbation::HostName => {
                let other = format!("{HOST_NAME}-2");
                let name = if host.host_name == HOST_NAME { other } else { HOST_NAME.to_owned() };
                self.set(host, FactKind::Identity, "HOSTNAME", &name);
                let first = host.host_name.clone();
                self.facts.push(Fact { kind: FactKind::Identity, first, second: name.clone() });
                self.overrides.host_name = Some(name);
            }
            Perturbation::Clock => {
                self.perturbation.fakes = SyscallFakes { clock: AHEAD, ..self.perturbation.fakes }
            }
            Perturbation::CpuCount => {
                self.overrides.cpus = Some(1);
                self.jobs = Some(std::num::NonZeroUsize::MIN);
            }
            Perturbation::CpuModel => {
                for platform in Platform::ALL {
                    let variables =
                        self.perturbation.variables.entry(platform.as_str().to_owned()).or_default();
                    for (name, value) in masks(platform) {
                        variables.insert((*name).to_owned(), (*value).to_owned());
                        let second = (*value).to_owned();
                        self.facts.push(Fact { kind: FactKind::Mask, first: String::new(), second });
                    }
                }
            }
            Perturbation::DirectoryOrder => {
                self.perturbation.fakes = SyscallFakes { backwards: true, ..self.perturbation.fakes };
                if host.copyable {
                    let place = self.copy.take().map(|(place, _)| place);
                    let place = place.unwrap_or_else(|| scratch.join("checkout").join(project_name(host)));
                    self.copy = Some((place, true));
                }
            }
            Perturbation::DownloadOrder => {
                self.perturbation.backwards = true;
                self.jobs = self.jobs.or(std::num::NonZeroUsize::new(3));
            }
            Perturbation::Environment => {
                for (name, value) in VARIABLES {
                    self.set(host, FactKind::Variable, name, value);
                }
                for number in 0..20 {
                    let name = format!("INVAR_VERIFY_NOISE_{number}");
                    self.set(host, FactKind::Variable, &name, &format!("{NOISE}-{number}"));
                }
            }
        }
    }

    fn set(&mut self, host: &Host, kind: FactKind, name: &str, value: &str) {
        self.environment.insert(name.into(), value.into());
        // A short or common word would be found in many files by chance.
        if value.contains("invar-verify") || kind != FactKind::Variable {
            self.facts.push(Fact { kind, first: host.variable(name), second: value.to_owned() });
        }
    }
}

/// The name of the project's folder, which is kept: a build step may be about it.
fn project_name(host: &Host) -> OsString {
    host.project.file_name().map_or_else(|| "project".into(), ToOwned::to_owned)
}

/// The first of two that is not `this`.
fn other<T: PartialEq<U>, U>(two: [T; 2], this: &U) -> T {
    let [first, second] = two;
    if first == *this { second } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Host {
        Host {
            host_name: "here".into(),
            environment: [("TZ".into(), "Pacific/Chatham".into())].into(),
            umask: Some(0o077),
            user: Some(USER),
            cpus: 2,
            now: 1_000_000_000,
            project: "/home/me/project".into(),
            copyable: true,
        }
    }

    #[test]
    fn the_other_machine_always_differs() {
        let perturbed = PerturbedHost::new(&host(), &Perturbation::ALL, Path::new("/scratch"));
        assert_ne!(perturbed.overrides.user, Some(USER));
        assert_eq!(perturbed.overrides.umask, Some(0o002));
        assert_eq!(perturbed.environment[std::ffi::OsStr::new("TZ")], "America/St_Johns");
        let (place, backwards) = perturbed.copy.expect("a copy is made");
        assert!(place.starts_with("/scratch/a longer path with spaces") && place.ends_with("project"));
        assert!(
            backwards
                && perturbed.perturbation.fakes.backwards
                && perturbed.perturbation.fakes.clock == AHEAD
        );
        let masks = |platform: &str| &perturbed.perturbation.variables[platform]["GLIBC_TUNABLES"];
        assert!(masks("linux/amd64").contains("-AVX2") && !masks("linux/arm64").contains("AVX"));
    }

    #[test]
    fn without_a_perturbation_nothing_differs() {
        let perturbed = PerturbedHost::new(&host(), &[], Path::new("/scratch"));
        assert_eq!(perturbed.environment, host().environment);
        assert_eq!((perturbed.overrides, perturbed.perturbation), (HostOverrides::default(), InBuild::NONE));
        assert!(perturbed.copy.is_none() && perturbed.facts.is_empty());
    }
}

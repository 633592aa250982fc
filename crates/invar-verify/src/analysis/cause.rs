//! The known causes of a difference, each with its remedy.
use std::fmt;

use crate::analysis::evidence::{Evidence, Fact, FactKind, Moments};
use crate::perturbation::Perturbation;

/// What a difference looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A date or time is written into the file.
    Date,
    /// The path of a folder is written into the file.
    BuildPath,
    /// A folder was read in the order in which it lists its entries.
    UnorderedDirectory,
    /// Words or lines in another order each time: a hash table with a random seed, or a race.
    RandomOrder,
    /// Work that is done at once finished in another order, or the number of CPUs is written down.
    Parallel,
    /// The build asks what the CPU can do.
    CpuModel,
    /// The name of a user or machine is written into the file.
    Identity,
    /// The order of sorting, or a language.
    Locale,
    /// A time in the local time zone.
    TimeZone,
    /// The umask decided modes.
    Umask,
    /// An environment variable decided something.
    Environment,
    /// Random numbers: keys, UUIDs, names of temporary files.
    Random,
    /// The step writes its environment, in which the perturbation itself can be seen.
    Mask,
}

impl Cause {
    /// What `evidence` looks like.
    pub fn of(evidence: &Evidence<'_>) -> Self {
        match evidence.told() {
            Some(FactKind::Identity) => return Self::Identity,
            Some(FactKind::Folder) => return Self::BuildPath,
            Some(FactKind::TimeZone) => return Self::TimeZone,
            Some(FactKind::Locale) => return Self::Locale,
            Some(FactKind::Variable) => return Self::Environment,
            Some(FactKind::Mask) => return Self::Mask,
            None => {}
        }
        match evidence.under.first() {
            Some(first) => Self::under(*first),
            None if evidence.is_time() => Self::Date,
            None if evidence.is_order() => Self::RandomOrder,
            None => Self::Random,
        }
    }

    /// What a difference looks like that comes with `perturbation`.
    pub fn under(perturbation: Perturbation) -> Self {
        match perturbation {
            Perturbation::Clock => Self::Date,
            Perturbation::DirectoryOrder => Self::UnorderedDirectory,
            Perturbation::CpuCount | Perturbation::DownloadOrder => Self::Parallel,
            Perturbation::CpuModel => Self::CpuModel,
            Perturbation::User | Perturbation::HostName => Self::Identity,
            Perturbation::Path | Perturbation::Home => Self::BuildPath,
            Perturbation::Locale => Self::Locale,
            Perturbation::TimeZone => Self::TimeZone,
            Perturbation::Umask => Self::Umask,
            Perturbation::Environment => Self::Environment,
        }
    }

    /// The perturbations that would cause it, for a guess where to look first.
    pub fn likely(first: &[u8], second: &[u8], facts: &[Fact], moments: Moments) -> Vec<Perturbation> {
        let evidence = Evidence { under: &[], first, second, facts, moments };
        match Self::of(&evidence) {
            Self::Date => vec![Perturbation::Clock],
            // The same lines in another order: what was read from a folder, more often than not.
            Self::RandomOrder => vec![Perturbation::DirectoryOrder],
            Self::Identity => vec![Perturbation::User, Perturbation::HostName],
            Self::BuildPath => vec![Perturbation::Path, Perturbation::Home],
            Self::TimeZone => vec![Perturbation::TimeZone],
            Self::Locale => vec![Perturbation::Locale],
            Self::Mask => vec![Perturbation::CpuModel],
            Self::Environment => vec![Perturbation::Environment],
            _ => Vec::new(),
        }
    }

    /// A name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::BuildPath => "build-path",
            Self::UnorderedDirectory => "unordered-directory",
            Self::RandomOrder => "random-order",
            Self::Parallel => "parallel",
            Self::CpuModel => "cpu-model",
            Self::Identity => "identity",
            Self::Locale => "locale",
            Self::TimeZone => "time-zone",
            Self::Umask => "umask",
            Self::Environment => "environment",
            Self::Random => "random",
            Self::Mask => "mask",
        }
    }

    /// What to do about it, as a sentence without its end.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Date => {
                "use the time in $SOURCE_DATE_EPOCH, which is set in every step: `date -u -d \
                 @$SOURCE_DATE_EPOCH`, `gzip -n`, `tar --mtime=@$SOURCE_DATE_EPOCH`, `ar rcD`, `zip -X` after `touch -d \
                 @$SOURCE_DATE_EPOCH`; or omit it"
            }
            Self::BuildPath => {
                "use relative paths, or have the compiler map them: -ffile-prefix-map=$PWD=. for C, \
                 --remap-path-prefix for Rust, -trimpath for Go"
            }
            Self::UnorderedDirectory => {
                "sort directory listings: `sorted(os.listdir(…))`, `find … | LC_ALL=C sort`, `tar --sort=name`, \
                 `$(sort $(wildcard …))` in a Makefile"
            }
            Self::RandomOrder => {
                "sort before writing: in many languages, sets and maps have a different order in each run (steps have \
                 a fixed Python hash seed, unless the command clears its environment); or run concurrent tasks one at a time"
            }
            Self::Parallel => {
                "do not record the number of CPUs or what depends on it, and add missing dependencies to the \
                 Makefile; `make -j1` shows whether it is a race"
            }
            Self::CpuModel => {
                "build for a fixed CPU instead of this one: no -march=native, no tuning at build time \
                 (OPENBLAS DYNAMIC_ARCH, ATLAS, FFTW wisdom)"
            }
            Self::Identity => "omit the name, or set it to a constant: KBUILD_BUILD_USER and similar",
            Self::Locale => "set LC_ALL=C for programs that sort or print",
            Self::TimeZone => "use UTC: `date -u`, TZ=UTC, time.gmtime()",
            Self::Umask => "set modes explicitly: `install -m`, `chmod`",
            Self::Environment => "find what reads the variable, and set it in the step's `env`",
            Self::Random => {
                "find the source of randomness: keys and UUIDs generated during the build, names of temporary files, \
                 profile data; use a fixed seed, or generate them when the container starts"
            }
            Self::Mask => {
                "not caused by the CPU: the step writes its environment, which contains the variables that hide CPU \
                 features; try again with --skip cpu-model"
            }
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Date => "an embedded date or time",
            Self::BuildPath => "an embedded build path",
            Self::UnorderedDirectory => "an unsorted directory listing",
            Self::RandomOrder => "a random order: a hash seed or a race",
            Self::Parallel => "a build that depends on the number of parallel jobs",
            Self::CpuModel => "code that depends on the build machine's CPU",
            Self::Identity => "an embedded user or host name",
            Self::Locale => "sorting or formatting that depends on the locale",
            Self::TimeZone => "a time in the local time zone",
            Self::Umask => "modes that depend on the umask",
            Self::Environment => "an environment variable",
            Self::Random => "random numbers",
            Self::Mask => "a recorded environment",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-25 and 398 days later.
    const MOMENTS: Moments = Moments { first: 1_795_600_000, second: 1_829_987_200 };

    fn facts() -> Vec<Fact> {
        let fact =
            |kind, first: &str, second: &str| Fact { kind, first: first.into(), second: second.into() };
        vec![
            fact(FactKind::Identity, "here", "elsewhere-host"),
            fact(FactKind::Folder, "/home/me/project", "/somewhere/else"),
            fact(FactKind::TimeZone, "UTC", "Pacific/Chatham"),
            fact(FactKind::Mask, "", "-AVX2,-AVX"),
        ]
    }

    #[track_caller]
    fn check(under: &[Perturbation], first: impl AsRef<[u8]>, second: impl AsRef<[u8]>, expected: Cause) {
        let (first, second) = (first.as_ref(), second.as_ref());
        let evidence = Evidence { under, first, second, facts: &facts(), moments: MOMENTS };
        assert_eq!(Cause::of(&evidence), expected);
    }

    #[test]
    fn a_perturbation_names_its_cause() {
        for one in Perturbation::ALL {
            check(&[one], "a", "b", Cause::under(one));
        }
    }

    #[test]
    fn the_bytes_themselves_name_theirs() {
        check(&[Perturbation::User], "on here", "on elsewhere-host", Cause::Identity);
        check(&[], "/home/me/project/x.c", "/somewhere/else/x.c", Cause::BuildPath);
        check(&[Perturbation::CpuModel], "PATH=x", "GLIBC=-AVX2,-AVX\nPATH=x", Cause::Mask);
        // What both have shows nothing.
        check(&[], "a elsewhere-host", "b elsewhere-host", Cause::Random);
    }

    #[test]
    fn without_a_perturbation_times_orders_and_randomness_are_told_apart() {
        check(&[], "at 12:34:56", "at 12:34:58", Cause::Date);
        check(&[], "stamp 1795600123", "stamp 1829987300", Cause::Date);
        check(&[], "1795600123456", "1829987300456", Cause::Date);
        check(&[], "number 17", "number 18", Cause::Random);
        check(&[], "a\nb\nc\n", "c\na\nb\n", Cause::RandomOrder);
        check(&[], "{'x', 'y'}", "{'y', 'x'}", Cause::RandomOrder);
        check(
            &[],
            "key 5d41402abc4b2a76b9719d911017c592",
            "key 7d793037a0760186574b0282f2f435e7",
            Cause::Random,
        );
    }

    #[test]
    fn times_in_archives_are_found() {
        let gzip = |time: u8| [0x1f, 0x8b, 8, 0, time, 1, 2, 3, 0, 3];
        check(&[], gzip(1), gzip(2), Cause::Date);
        let zip = |time: u8| [b"\0PK\x03\x04\x14\0\0\0\x08\0", &[time, 0xff, 3, 4][..], b"rest\xff"].concat();
        check(&[], zip(1), zip(2), Cause::Date);
        let tar = |time: u8| {
            let mut header = vec![0_u8; 512];
            header[146] = time;
            header[257..262].copy_from_slice(b"ustar");
            header
        };
        check(&[], tar(b'1'), tar(b'2'), Cause::Date);
        let ar = |time: &str| {
            format!("!<arch>\na.o/            {time:<12}0     0     100644  4         `\n\0\0\0\0")
        };
        check(&[], ar("1795600000"), ar("1795600009"), Cause::Date);
        let pyc = |time: u8| [&[0xf3, 0x0d, b'\r', b'\n', 0, 0, 0, 0, time, 1, 1, 1][..], b"\xe3\0"].concat();
        check(&[], pyc(1), pyc(2), Cause::Date);
    }
}

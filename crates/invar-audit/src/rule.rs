//! The rules: their names, how grave they are, and what is said about them everywhere.
//!
//! One definition feeds the terminal, JSON, SARIF and the manual.

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It differs from build to build, or depends on the machine, but seldom in what the image does.
    Note,
    /// It can change the result, but something holds it back: an exact version, a tag that seldom moves.
    Warning,
    /// It takes what is newest on the day of the build.
    Error,
}

impl Level {
    /// The levels, the least grave first.
    pub const ALL: [Self; 3] = [Self::Note, Self::Warning, Self::Error];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What kind of input a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Dockerfiles, also those inside compose files.
    Dockerfile,
    /// Compose files.
    Compose,
    /// Flakes and other Nix expressions.
    Flake,
    /// Images.
    Image,
    /// Comments that are meant for the audit itself.
    Comment,
}

impl Subject {
    /// All subjects, in the order of the manual.
    pub const ALL: [Self; 5] = [Self::Dockerfile, Self::Compose, Self::Flake, Self::Image, Self::Comment];

    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dockerfile => "Dockerfiles",
            Self::Compose => "Compose files",
            Self::Flake => "Flakes",
            Self::Image => "Images",
            Self::Comment => "Comments for the audit",
        }
    }
}

/// What is said about a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Its name, which never changes: small letters and dashes.
    pub name: &'static str,
    /// What it is about.
    pub subject: Subject,
    /// How grave its gravest finding is.
    pub level: Level,
    /// What it finds, in a few words.
    pub finds: &'static str,
    /// Why that changes the result.
    pub why: &'static str,
    /// How it hurts.
    pub bites: &'static str,
    /// What to do.
    pub fix: &'static str,
}

macro_rules! rules {
    ($($variant:ident { $name:literal, $subject:ident, $level:ident, $finds:literal, $why:literal, $bites:literal, $fix:literal $(,)? })*) => {
        /// A rule.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule {
            $(
                #[doc = $finds]
                $variant,
            )*
        }

        impl Rule {
            /// All rules, in the order of the manual.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// What is said about it.
            pub const fn definition(self) -> &'static Definition {
                match self {
                    $(Self::$variant => &Definition {
                        name: $name,
                        subject: Subject::$subject,
                        level: Level::$level,
                        finds: $finds,
                        why: $why,
                        bites: $bites,
                        fix: $fix,
                    },)*
                }
            }
        }
    };
}

impl Rule {
    /// Its name.
    pub const fn name(self) -> &'static str {
        self.definition().name
    }

    /// The rule of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.name() == name)
    }
}

rules! {
    BaseNotPinned {
        "base-not-pinned", Dockerfile, Error,
        "`FROM` names an image without its digest",
        "A tag is a name that its owner can move. Only a digest names one content.",
        "The same Dockerfile builds on another operating system release, with other libraries, the day after the tag moved.",
        "Write the digest behind the tag: `FROM name:tag@sha256:...`. `docker buildx imagetools inspect name:tag` shows it.",
    }
    BaseFromOutside {
        "base-from-outside", Dockerfile, Warning,
        "`FROM` names an image by a build argument that has no default",
        "What the image starts from is decided where the build is started, and written down nowhere.",
        "Two people who build the same commit get different images, and neither can tell from the files why.",
        "Give the argument a default with a digest, or write the base into `FROM`.",
    }
    CopyFromNotPinned {
        "copy-from-not-pinned", Dockerfile, Error,
        "`COPY --from` or a mount takes files from an image without its digest",
        "A tag is a name that its owner can move. The files come from whatever it names that day.",
        "A tool in the image changes its version without any change in the repository.",
        "Write the digest behind the tag, or make it a stage whose `FROM` has the digest.",
    }
    FrontendNotPinned {
        "frontend-not-pinned", Dockerfile, Note,
        "`# syntax=` names a front end without its digest",
        "The front end is an image that reads the Dockerfile. A newer one may read it differently.",
        "A build changes, or breaks, with a release of the builder's syntax.",
        "Write the digest behind the tag, or leave the line out where no new syntax is needed.",
    }
    ArgumentWithoutDefault {
        "argument-without-default", Dockerfile, Note,
        "`ARG` has no default, so its value comes from outside",
        "Whoever starts the build gives the value, or forgets it; `RUN` sees it as an environment variable.",
        "The image differs between the pipeline, which gives the value, and a laptop, which does not.",
        "Give a default in the Dockerfile, or keep the value in a file of the repository.",
    }
    AptNotPinned {
        "apt-not-pinned", Dockerfile, Error,
        "apt installs packages without a version, or from archives that move",
        "`apt-get update` fetches the state of the archive of that day, and `install` takes the newest of it. Exact versions pin only the named packages, not what they depend on.",
        "A rebuild brings other versions, or fails since the archive has dropped the pinned one.",
        "Let apt's sources name a snapshot by its time (`.../20260101T000000Z/`, or `apt-get --snapshot`), and give versions with `name=version`; or install with `invar`, which locks every package.",
    }
    ApkNotPinned {
        "apk-not-pinned", Dockerfile, Error,
        "apk installs packages without a version, or from repositories that move",
        "`apk add` takes the newest package of the release's repository, which keeps only the newest.",
        "A rebuild brings other versions; with exact ones it fails as soon as the repository moves on.",
        "Give exact versions (`name=1.2.3-r0`), and keep the packages in a mirror of your own, or take the tool from an image with a digest.",
    }
    RpmNotPinned {
        "rpm-not-pinned", Dockerfile, Error,
        "dnf, yum, microdnf or zypper installs packages without a version, or from repositories that move",
        "The newest package of the repository is taken, and so are its dependencies.",
        "A rebuild brings other versions of the package and of all that it needs.",
        "Name full versions (`name-1.2.3-4.el9`) from a repository that is frozen at a date.",
    }
    SystemUpgrade {
        "system-upgrade", Dockerfile, Error,
        "all packages of the base are brought to the newest state",
        "`upgrade` replaces what the base's digest pins by what the archive has on that day.",
        "No two days give the same image, and the layer holds every upgraded file a second time.",
        "Leave it out, and move to a newer base by its digest.",
    }
    PythonNotLocked {
        "python-not-locked", Dockerfile, Error,
        "pip, or a tool like it, installs what no hash pins",
        "Without hashes the index decides: the newest version for what has none, the newest of every dependency, and for one version any of its files.",
        "A release of a dependency breaks a build that was not touched; a replaced file goes unseen.",
        "Install from a lock: `uv sync --locked`, or `pip install --require-hashes -r requirements.txt` with a file made by `uv export` or `pip-compile --generate-hashes`.",
    }
    UvWithoutLock {
        "uv-without-lock", Dockerfile, Error,
        "uv may change its lock during the build",
        "Without `--locked` or `--frozen`, uv resolves anew where uv.lock is missing or does not match.",
        "A forgotten `uv lock` does not fail the build: it silently installs other versions than those that were tested.",
        "Add `--locked` (which fails where the lock is out of date) or `--frozen`, or set `UV_LOCKED=1`.",
    }
    PythonWithoutLock {
        "python-without-lock", Dockerfile, Error,
        "Poetry, PDM or Pipenv installs without its lock, or changes it",
        "Without the lock the newest versions that the ranges allow are installed.",
        "A rebuild brings versions that nobody tested.",
        "Copy the lock before installing, and use `poetry install`, `pdm sync` or `pipenv sync`.",
    }
    NodeWithoutLock {
        "node-without-lock", Dockerfile, Error,
        "npm, Yarn, pnpm or Bun installs without holding to its lock",
        "`npm install` and the like write the lock anew where it does not match package.json, and do without one where there is none.",
        "A rebuild brings other versions of any of hundreds of packages.",
        "Use `npm ci`, `yarn install --immutable` (or `--frozen-lockfile`), `pnpm install --frozen-lockfile`, `bun install --frozen-lockfile`.",
    }
    NodeNotPinned {
        "node-not-pinned", Dockerfile, Error,
        "a JavaScript tool is installed without an exact version",
        "The registry's tag `latest`, or the newest of a range, is taken.",
        "The tool's next release is in the next build.",
        "Write `name@1.2.3`, or put the tool into package.json with a lock.",
    }
    RubyNotPinned {
        "ruby-not-pinned", Dockerfile, Error,
        "gem or Bundler installs what is newest, or may change its lock",
        "`gem install` takes the newest version. Bundler resolves anew where Gemfile.lock does not match, unless it is frozen.",
        "A rebuild brings other gems.",
        "Use `gem install name -v 1.2.3`, and `bundle config set frozen true` before `bundle install`.",
    }
    GoNotPinned {
        "go-not-pinned", Dockerfile, Error,
        "Go modules are taken at `latest`, a branch, or no version",
        "The newest commit or release is looked up during the build.",
        "A rebuild brings other code.",
        "Write `@v1.2.3`, or have the tool in go.mod; go.sum then checks it.",
    }
    CargoWithoutLock {
        "cargo-without-lock", Dockerfile, Error,
        "cargo builds without `--locked`, or installs without a version",
        "Without `--locked`, cargo changes Cargo.lock where it does not match; `cargo install` ignores the lock that a crate brings.",
        "A forgotten lock does not fail the build: it compiles other versions than those that were tested.",
        "Add `--locked`, and for `cargo install` also `--version`.",
    }
    CondaNotPinned {
        "conda-not-pinned", Dockerfile, Error,
        "conda, mamba or micromamba solves during the build",
        "The solver takes the newest builds of the channel, also for what the named packages need.",
        "A rebuild brings another environment.",
        "Install from an explicit list (`conda list --explicit --md5`, or `conda-lock`).",
    }
    OtherPackagesNotPinned {
        "other-packages-not-pinned", Dockerfile, Error,
        "packages of another language or system are taken as they are that day",
        "The newest package of the repository is taken.",
        "A rebuild brings other versions.",
        "Name versions, or install from a lock of that language (`renv.lock`, `cpanfile.snapshot`, `composer.lock`).",
    }
    ToolchainNotPinned {
        "toolchain-not-pinned", Dockerfile, Error,
        "a compiler or interpreter is installed by the name of a channel",
        "`stable`, `nightly`, `lts` and `latest` name another version every few weeks.",
        "A rebuild compiles with another compiler.",
        "Name the full version, or take an image of that version by its digest.",
    }
    DownloadWithoutChecksum {
        "download-without-checksum", Dockerfile, Error,
        "a file is downloaded, and nothing checks that it is the expected one",
        "A URL names a place, not a content. Release files are replaced, `latest` moves, servers are broken into.",
        "Another program is built into the image, without any sign.",
        "Check it: `echo \"<sha256>  file\" | sha256sum -c -`, or use `ADD --checksum=sha256:...`.",
    }
    PipeToShell {
        "pipe-to-shell", Dockerfile, Error,
        "a script is downloaded and run at once",
        "Whatever the server sends that moment is run, and it mostly installs the newest of something.",
        "The result changes with every change of the script, and a cut connection runs half of it.",
        "Download a fixed version, check its sha256, then run it; or take the tool from an image with a digest.",
    }
    AddUrlWithoutChecksum {
        "add-url-without-checksum", Dockerfile, Error,
        "`ADD` of a URL without `--checksum`",
        "The builder fetches whatever the URL gives.",
        "Another file is in the image, without any sign.",
        "Write `ADD --checksum=sha256:<sha256> URL PATH`.",
    }
    AddGitWithoutCommit {
        "add-git-without-commit", Dockerfile, Error,
        "`ADD` of a git repository without a commit",
        "A branch or tag is a name that moves.",
        "A rebuild brings other sources.",
        "Name the commit: `ADD URL.git#<commit> PATH`, or `--checksum=<commit>`.",
    }
    GitNotPinned {
        "git-not-pinned", Dockerfile, Error,
        "sources are cloned or pulled without naming a commit",
        "The tip of a branch is taken, or a tag, which can be moved.",
        "A rebuild brings other sources.",
        "After cloning, `git checkout <commit>`, with all 40 digits.",
    }
    CopyWithoutIgnore {
        "copy-without-ignore", Dockerfile, Warning,
        "the whole folder is copied, with what does not belong to the project",
        "Without a `.dockerignore`, or with one that lets `.git` in, the image holds whatever lies in the folder: git's own files, virtual environments, caches, local settings.",
        "A build from a fresh checkout differs from one in a folder where somebody worked, and secrets get in.",
        "Write a `.dockerignore` that begins with `*` and lets in what is needed, or at least names `.git`.",
    }
    ClockInBuild {
        "clock-in-build", Dockerfile, Warning,
        "the time of the build goes into the result",
        "`date` gives another answer at every build.",
        "No two builds are the same, and caches of what is built on top never match.",
        "Take the time from `SOURCE_DATE_EPOCH` (`date -d @$SOURCE_DATE_EPOCH`), or from the commit.",
    }
    RandomInBuild {
        "random-in-build", Dockerfile, Warning,
        "random values, keys or certificates are made during the build",
        "They are different at every build, and the same in every container.",
        "No two builds are the same; and every container of the image shares the secret.",
        "Make them when the container starts, or give them as a secret.",
    }
    MachineInBuild {
        "machine-in-build", Dockerfile, Warning,
        "the machine that builds goes into the result",
        "`-march=native`, the kernel's version, the host's name or its CPU are others on another machine.",
        "The image works where it was built and dies elsewhere with an illegal instruction, or just never compares equal.",
        "Name the target (`-march=x86-64-v2`), and leave names of the host out.",
    }
    NetworkInRun {
        "network-in-run", Dockerfile, Note,
        "a command of `RUN` fetches things that nothing pins here",
        "Build tools, model downloaders and installers resolve or download by themselves.",
        "The result depends on what servers answer that day; without network the build fails.",
        "Use the tool's own lock or checksums, fetch in a step of its own that checks, and run the rest with `RUN --network=none`.",
    }
    CacheMountState {
        "cache-mount-state", Dockerfile, Note,
        "a cache mount keeps results of earlier builds, not only downloads",
        "What an earlier build left in a build folder or `node_modules` is used again, stale or not.",
        "The image differs between a machine that has built before and one that has not.",
        "Use cache mounts for downloads only, or for caches that are keyed by content.",
    }
    BytecodeTimes {
        "bytecode-times", Dockerfile, Note,
        "Python is compiled ahead with the times of its sources in it",
        "A `.pyc` file holds the modification time of its source, which is the time of installation.",
        "Every build has other bytes in every compiled file, though the code is the same.",
        "Set `SOURCE_DATE_EPOCH` in the Dockerfile, which makes Python check by hash, or install with `--no-compile`.",
    }
    FileTimes {
        "file-times", Dockerfile, Note,
        "files and the image itself carry the time of the build",
        "Without `SOURCE_DATE_EPOCH`, layers and the image's `created` hold the clock's time.",
        "The digest is another at every build, even where every byte of every file is the same.",
        "Declare `ARG SOURCE_DATE_EPOCH`, and build with `--build-arg SOURCE_DATE_EPOCH=<commit time>` and `--output type=...,rewrite-timestamp=true`.",
    }
    ServiceImageNotPinned {
        "service-image-not-pinned", Compose, Error,
        "a service runs an image without its digest",
        "A tag is a name that its owner can move.",
        "What starts tomorrow is not what was tested today.",
        "Write the digest behind the tag: `image: name:tag@sha256:...`.",
    }
    ServiceValueFromOutside {
        "service-value-from-outside", Compose, Warning,
        "an image, build argument or path comes from the environment, without a default",
        "Compose replaces `${NAME}` by what is set where it is started.",
        "Two machines build or run different things from the same file.",
        "Write the value, or a default: `${NAME:-value}`.",
    }
    ServiceSourceNotPinned {
        "service-source-not-pinned", Compose, Error,
        "a build's context, or an included file, is fetched, and no commit or digest says which",
        "The tip of a branch, a tag, or whatever the address gives is taken.",
        "The service is built from other sources tomorrow, without any sign in the file.",
        "Name the commit: `https://host/project.git#<commit>`, with all of its digits, or the digest of an artifact.",
    }
    FlakeWithoutLock {
        "flake-without-lock", Flake, Error,
        "a flake has inputs, and no flake.lock stands beside it",
        "Without a lock every evaluation resolves the inputs to what is newest.",
        "Another nixpkgs, and so another everything, from one day to the next.",
        "Run `nix flake lock`, and put flake.lock under version control.",
    }
    FlakeInputNotLocked {
        "flake-input-not-locked", Flake, Error,
        "flake.lock does not lock an input of the flake",
        "Inputs that the lock lacks, or holds without revision and hash, are resolved at evaluation.",
        "The input is another one tomorrow; with `--no-update-lock-file` the build fails.",
        "Run `nix flake lock`, and commit the lock together with flake.nix.",
    }
    NixFetchWithoutHash {
        "nix-fetch-without-hash", Flake, Error,
        "a fetcher is called without the hash or revision of what it fetches",
        "`builtins.fetchTarball`, `fetchurl` and `fetchGit` without `sha256` or `rev` take what the server gives.",
        "The sources change under an unchanged expression; pure evaluation refuses it.",
        "Give `sha256` (or `hash`), and `rev` for git; or make it an input of the flake.",
    }
    NixImpure {
        "nix-impure", Flake, Error,
        "an expression reads the machine it is evaluated on",
        "`builtins.currentTime`, `currentSystem`, `getEnv`, `<nixpkgs>` and `--impure` give other answers elsewhere.",
        "The same flake evaluates to different things on two machines.",
        "Pass the value as an argument, take nixpkgs from the inputs, and evaluate without `--impure`.",
    }
    ImageBaseUnknown {
        "image-base-unknown", Image, Note,
        "the image does not say what it was built from",
        "Without `org.opencontainers.image.base.name` and `base.digest` nobody can tell which base is in it.",
        "It cannot be rebuilt from the same base, or be found when the base has a hole.",
        "Let the builder set both annotations, or set them as labels.",
    }
    ImageBaseNotPinned {
        "image-base-not-pinned", Image, Warning,
        "the image names its base without a digest",
        "The name of the base is a tag, which has moved since.",
        "It cannot be rebuilt from the same base.",
        "Let the builder set `org.opencontainers.image.base.digest`.",
    }
    ImageFileTimes {
        "image-file-times", Image, Warning,
        "files are younger than the image says it is, or carry the times of their building",
        "Modification times that are not all one constant, or later than `created`, are those of the machine that built.",
        "Another build of the same inputs has another digest.",
        "Build with `SOURCE_DATE_EPOCH` and `rewrite-timestamp=true`, or with `invar build`, whose files have one time.",
    }
    ImageAccountDates {
        "image-account-dates", Image, Warning,
        "accounts hold the day on which they were made",
        "`useradd`, and packages that make a user of their own, write the day of the last change into `/etc/shadow`.",
        "The same build has another digest tomorrow, even where all times of files are fixed.",
        "Set `SOURCE_DATE_EPOCH` in the `RUN` that makes the account, which `useradd` heeds.",
    }
    ImageBytecodeTimes {
        "image-bytecode-times", Image, Warning,
        "compiled Python files hold the times of their sources",
        "The second word of such a file's header is 0: it is checked by time, and the time is in it.",
        "Another build of the same sources has other bytes in each of them.",
        "Compile with `SOURCE_DATE_EPOCH` set, or with `python -m compileall --invalidation-mode unchecked-hash`.",
    }
    ImagePackageCache {
        "image-package-cache", Image, Warning,
        "caches of package managers are in the image",
        "Package lists and download caches hold what the archive had that day, and times.",
        "Each build has other bytes, and they are of no use to a container.",
        "Remove them in the same `RUN` that made them, or keep them in a cache mount.",
    }
    ImageMachineIdentity {
        "image-machine-identity", Image, Error,
        "the image holds what should be one machine's alone",
        "A machine id, host keys or a random seed were made once, while building.",
        "Every container has the same identity, and whoever has the image has the private keys; every build has others.",
        "Empty `/etc/machine-id`, delete the keys and the seed, and let the first start make them.",
    }
    UnknownRuleInIgnore {
        "unknown-rule-in-ignore", Comment, Warning,
        "an `invar: ignore` comment names a rule that does not exist",
        "It ignores nothing.",
        "What it was meant to excuse is reported, or the rule was renamed and nobody saw.",
        "Write the name of a rule of this manual.",
    }
    UnusedIgnore {
        "unused-ignore", Comment, Warning,
        "an `invar: ignore` comment has nothing to ignore",
        "What it excused is gone, or stands elsewhere.",
        "It will excuse the next thing that comes to stand there, unseen.",
        "Remove it.",
    }
}

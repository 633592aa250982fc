//! The rules: their names, levels and texts.
//!
//! One definition feeds the terminal, JSON, SARIF and the manual.

/// How severe a finding is.
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
    /// The levels, the least severe first.
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
    /// The most severe level of its findings.
    pub level: Level,
    /// What it finds, in a few words.
    pub finds: &'static str,
    /// Why that changes the result.
    pub why: &'static str,
    ///    /// What goes wrong because of it.
    pub impact: &'static str,
    /// What to do.
    pub fix: &'static str,
}

macro_rules! rules {
    ($($variant:ident { $name:literal, $subject:ident, $level:ident, $finds:literal, $why:literal, $impact:literal, $fix:literal $(,)? })*) => {
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
                        impact: $impact,
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
        "`FROM` uses an image without a digest",
        "A tag can be moved to another image at any time. Only a digest identifies its content.",
        "After the tag moves, the same Dockerfile builds on a different operating system release, with different libraries.",
        "Add the digest to the tag: `FROM name:tag@sha256:...`. `docker buildx imagetools inspect name:tag` shows it.",
    }
    BaseFromOutside {
        "base-from-outside", Dockerfile, Warning,
        "`FROM` uses a build argument without a default",
        "The base image is chosen by whoever starts the build, and is not recorded.",
        "Two people who build the same commit get different images, and the files do not show why.",
        "Set a default with a digest, or write the base in `FROM`.",
    }
    CopyFromNotPinned {
        "copy-from-not-pinned", Dockerfile, Error,
        "`COPY --from` or a mount uses an image without a digest",
        "A tag can be moved to another image at any time, and the files come from whatever it refers to.",
        "The version of a tool in the image changes without any change in the repository.",
        "Add the digest to the tag, or use a stage whose `FROM` has the digest.",
    }
    FrontendNotPinned {
        "frontend-not-pinned", Dockerfile, Note,
        "`# syntax=` uses a front end without a digest",
        "The front end is an image that parses the Dockerfile. A newer one may parse it differently.",
        "The build changes, or fails, when a new version of the syntax is released.",
        "Add the digest to the tag, or remove the line if you do not need newer syntax.",
    }
    ArgumentWithoutDefault {
        "argument-without-default", Dockerfile, Note,
        "`ARG` has no default, so its value comes from the command line",
        "Whoever starts the build sets the value, or forgets to; `RUN` sees it as an environment variable.",
        "The image differs between CI, which sets the value, and a laptop, which does not.",
        "Set a default in the Dockerfile, or keep the value in a file in the repository.",
    }
    AptNotPinned {
        "apt-not-pinned", Dockerfile, Error,
        "apt installs packages without a version, or from an archive that changes",
        "`apt-get update` fetches the current state of the archive, and `install` uses the newest packages in it. Exact versions pin only the packages you name, not their dependencies.",
        "A rebuild installs different versions, or fails because the archive no longer has the pinned one.",
        "Point apt's sources to a snapshot (`.../20260101T000000Z/`, or `apt-get --snapshot`), and give versions with `name=version`; or install with `invar`, which locks every package.",
    }
    ApkNotPinned {
        "apk-not-pinned", Dockerfile, Error,
        "apk installs packages without a version, or from a repository that changes",
        "`apk add` installs the newest package in the release's repository, which keeps only the newest.",
        "A rebuild installs different versions; with exact versions it fails once the repository has newer ones.",
        "Pin exact versions (`name=1.2.3-r0`) and keep the packages in your own mirror, or copy the tool from an image with a digest.",
    }
    RpmNotPinned {
        "rpm-not-pinned", Dockerfile, Error,
        "dnf, yum, microdnf or zypper installs packages without a version, or from a repository that changes",
        "The newest package in the repository is installed, with the newest dependencies.",
        "A rebuild installs different versions of the package and its dependencies.",
        "Pin full versions (`name-1.2.3-4.el9`) from a repository that is frozen at a date.",
    }
    SystemUpgrade {
        "system-upgrade", Dockerfile, Error,
        "all packages of the base are upgraded",
        "`upgrade` replaces the packages pinned by the base's digest with whatever the archive has now.",
        "The image differs from day to day, and the layer stores every upgraded file a second time.",
        "Remove it, and update the base's digest instead.",
    }
    PythonNotLocked {
        "python-not-locked", Dockerfile, Error,
        "pip or a similar tool installs packages without hashes",
        "Without hashes, the index decides: the newest version of unpinned packages and of all dependencies, and any file of a pinned version.",
        "A release of a dependency breaks an unchanged build, and a replaced file goes unnoticed.",
        "Install from a lock: `uv sync --locked`, or `pip install --require-hashes -r requirements.txt` with a file from `uv export` or `pip-compile --generate-hashes`.",
    }
    UvWithoutLock {
        "uv-without-lock", Dockerfile, Error,
        "uv may change its lock during the build",
        "Without `--locked` or `--frozen`, uv resolves again if uv.lock is missing or out of date.",
        "Forgetting `uv lock` does not fail the build: it silently installs versions that were not tested.",
        "Add `--locked` (which fails if the lock is out of date) or `--frozen`, or set `UV_LOCKED=1`.",
    }
    PythonWithoutLock {
        "python-without-lock", Dockerfile, Error,
        "Poetry, PDM or Pipenv installs without its lock, or may change it",
        "Without the lock, the newest allowed versions are installed.",
        "A rebuild installs versions that were not tested.",
        "Copy the lock before installing, and use `poetry install`, `pdm sync` or `pipenv sync`.",
    }
    NodeWithoutLock {
        "node-without-lock", Dockerfile, Error,
        "npm, Yarn, pnpm or Bun installs without enforcing its lock",
        "`npm install` and similar commands rewrite the lock if it does not match package.json, and do not require one.",
        "A rebuild may install different versions of hundreds of packages.",
        "Use `npm ci`, `yarn install --immutable` (or `--frozen-lockfile`), `pnpm install --frozen-lockfile`, `bun install --frozen-lockfile`.",
    }
    NodeNotPinned {
        "node-not-pinned", Dockerfile, Error,
        "a JavaScript tool is installed without an exact version",
        "The registry's `latest` tag, or the newest version in a range, is installed.",
        "The next build contains the tool's next release.",
        "Write `name@1.2.3`, or add the tool to package.json with a lock.",
    }
    RubyNotPinned {
        "ruby-not-pinned", Dockerfile, Error,
        "gem or Bundler installs the newest versions, or may change its lock",
        "`gem install` installs the newest version. Bundler resolves again if Gemfile.lock does not match, unless it is frozen.",
        "A rebuild installs different gems.",
        "Use `gem install name -v 1.2.3`, and `bundle config set frozen true` before `bundle install`.",
    }
    GoNotPinned {
        "go-not-pinned", Dockerfile, Error,
        "Go modules are installed from `latest`, a branch, or without a version",
        "The newest commit or release is looked up during the build.",
        "A rebuild uses different code.",
        "Write `@v1.2.3`, or add the tool to go.mod, so that go.sum verifies it.",
    }
    CargoWithoutLock {
        "cargo-without-lock", Dockerfile, Error,
        "cargo builds without `--locked`, or installs without a version",
        "Without `--locked`, cargo updates Cargo.lock if it does not match, and `cargo install` ignores the crate's lock.",
        "An outdated lock does not fail the build: it compiles versions that were not tested.",
        "Add `--locked`, and for `cargo install` also `--version`.",
    }
    CondaNotPinned {
        "conda-not-pinned", Dockerfile, Error,
        "conda, mamba or micromamba solves during the build",
        "The solver uses the newest builds in the channel, also for dependencies.",
        "A rebuild creates a different environment.",
        "Install from an explicit list (`conda list --explicit --md5`, or `conda-lock`).",
    }
    OtherPackagesNotPinned {
        "other-packages-not-pinned", Dockerfile, Error,
        "packages of another language or system are installed without pinned versions",
        "The newest package in the repository is installed.",
        "A rebuild installs different versions.",
        "Pin versions, or install from that language's lock (`renv.lock`, `cpanfile.snapshot`, `composer.lock`).",
    }
    ToolchainNotPinned {
        "toolchain-not-pinned", Dockerfile, Error,
        "a compiler or interpreter is installed from a channel",
        "`stable`, `nightly`, `lts` and `latest` refer to a different version every few weeks.",
        "A rebuild uses a different compiler.",
        "Pin the full version, or use an image of that version by digest.",
    }
    DownloadWithoutChecksum {
        "download-without-checksum", Dockerfile, Error,
        "a file is downloaded without verification",
        "A URL identifies a location, not content. Release files are replaced, `latest` moves, servers are compromised. A checksum that is downloaded from the same server changes with the file.",
        "A different program ends up in the image, unnoticed.",
        "Verify it: `echo \"<sha256>  file\" | sha256sum -c -`, or use `ADD --checksum=sha256:...`.",
    }
    PipeToShell {
        "pipe-to-shell", Dockerfile, Error,
        "a script is downloaded and run directly",
        "Whatever the server sends is run, and it usually installs the newest version of something.",
        "The result changes whenever the script does, and an interrupted connection runs half of it.",
        "Download a fixed version, verify its sha256, then run it; or copy the tool from an image with a digest.",
    }
    AddUrlWithoutChecksum {
        "add-url-without-checksum", Dockerfile, Error,
        "`ADD` of a URL without `--checksum`",
        "The builder uses whatever the URL returns.",
        "A different file ends up in the image, unnoticed.",
        "Write `ADD --checksum=sha256:<sha256> URL PATH`.",
    }
    AddGitWithoutCommit {
        "add-git-without-commit", Dockerfile, Error,
        "`ADD` of a git repository without a commit",
        "A branch or tag can move.",
        "A rebuild uses different sources.",
        "Pin the commit: `ADD URL.git#<commit> PATH`, or `--checksum=<commit>`.",
    }
    GitNotPinned {
        "git-not-pinned", Dockerfile, Error,
        "sources are cloned or pulled without a commit",
        "The tip of a branch is used, or a tag, which can move.",
        "A rebuild uses different sources.",
        "After cloning, run `git checkout <commit>` with the full 40-digit hash.",
    }
    CopyWithoutIgnore {
        "copy-without-ignore", Dockerfile, Warning,
        "the whole directory is copied, including files that are not part of the project",
        "Without a `.dockerignore`, or with one that includes `.git`, the image contains everything in the directory: git's files, virtual environments, caches, local settings.",
        "A build from a fresh checkout differs from one in a working directory, and secrets can leak into the image.",
        "Write a `.dockerignore` that starts with `*` and includes only what is needed, or at least excludes `.git`.",
    }
    ClockInBuild {
        "clock-in-build", Dockerfile, Warning,
        "the time of the build ends up in the result",
        "`date` prints a different value in every build.",
        "No two builds are the same, and later layers are never cached.",
        "Use the time in `SOURCE_DATE_EPOCH` (`date -d @$SOURCE_DATE_EPOCH`) or of the commit.",
    }
    RandomInBuild {
        "random-in-build", Dockerfile, Warning,
        "random values, keys or certificates are generated during the build",
        "They differ in every build, but are the same in every container.",
        "No two builds are the same, and all containers of the image share the secret.",
        "Generate them when the container starts, or pass them as a secret.",
    }
    MachineInBuild {
        "machine-in-build", Dockerfile, Warning,
        "properties of the build machine end up in the result",
        "`-march=native`, the kernel version, the host name and the CPU differ between machines.",
        "The image works on the build machine but fails elsewhere with an illegal instruction, or never has the same digest.",
        "Set the target explicitly (`-march=x86-64-v2`), and do not use host names.",
    }
    NetworkInRun {
        "network-in-run", Dockerfile, Note,
        "a `RUN` command fetches something that is not pinned",
        "Build tools, model downloaders and installers resolve or download on their own.",
        "The result depends on what servers return; without network access, the build fails.",
        "Use the tool's lock or checksums, download and verify in a separate step, and run the rest with `RUN --network=none`.",
    }
    CacheMountState {
        "cache-mount-state", Dockerfile, Note,
        "a cache mount keeps results of earlier builds, not only downloads",
        "Files that an earlier build left in a build directory or `node_modules` are reused, stale or not.",
        "The image differs between a machine that has built before and one that has not.",
        "Use cache mounts only for downloads, or for caches keyed by content.",
    }
    BytecodeTimes {
        "bytecode-times", Dockerfile, Note,
        "Python is compiled with source times in the bytecode",
        "A `.pyc` file holds the modification time of its source, which is the time of installation.",
        "Every build has different bytes in every compiled file, although the code is the same.",
        "Set `SOURCE_DATE_EPOCH` in the Dockerfile, so that Python uses hashes instead, or install with `--no-compile`.",
    }
    FileTimes {
        "file-times", Dockerfile, Note,
        "files and the image contain the time of the build",
        "Without `SOURCE_DATE_EPOCH`, layers and the image's `created` contain the current time.",
        "The digest differs in every build, even if every file is identical.",
        "Declare `ARG SOURCE_DATE_EPOCH`, and build with `--build-arg SOURCE_DATE_EPOCH=<commit time>` and `--output type=...,rewrite-timestamp=true`.",
    }
    ServiceImageNotPinned {
        "service-image-not-pinned", Compose, Error,
        "a service runs an image without a digest",
        "A tag can be moved to another image at any time.",
        "The image that starts tomorrow may not be the one you tested today.",
        "Add the digest to the tag: `image: name:tag@sha256:...`.",
    }
    ServiceValueFromOutside {
        "service-value-from-outside", Compose, Warning,
        "an image, build argument or path comes from the environment, without a default",
        "Compose replaces `${NAME}` with the value in its environment.",
        "Two machines build or run different things from the same file.",
        "Write the value, or a default: `${NAME:-value}`.",
    }
    ServiceSourceNotPinned {
        "service-source-not-pinned", Compose, Error,
        "a build context or included file is fetched without a commit or digest",
        "The tip of a branch, a tag, or whatever the URL returns is used.",
        "The service is built from different sources tomorrow, without any change in the file.",
        "Pin the commit: `https://host/project.git#<commit>`, with the full hash, or the digest of an artifact.",
    }
    FlakeWithoutLock {
        "flake-without-lock", Flake, Error,
        "a flake has inputs but no flake.lock",
        "Without a lock, every evaluation resolves the inputs to the newest revisions.",
        "nixpkgs, and so every package, changes from one day to the next.",
        "Run `nix flake lock` and commit flake.lock.",
    }
    FlakeInputNotLocked {
        "flake-input-not-locked", Flake, Error,
        "flake.lock does not lock an input of the flake",
        "Inputs that are not in the lock, or have no revision and hash, are resolved during evaluation.",
        "The input changes over time; with `--no-update-lock-file` the build fails.",
        "Run `nix flake lock` and commit the lock together with flake.nix.",
    }
    NixFetchWithoutHash {
        "nix-fetch-without-hash", Flake, Error,
        "a fetcher is called without a hash or revision",
        "`builtins.fetchTarball`, `fetchurl` and `fetchGit` without `sha256` or `rev` use whatever the server returns.",
        "The sources change although the expression does not; pure evaluation rejects it.",
        "Set `sha256` (or `hash`), and `rev` for git, or use a flake input.",
    }
    NixImpure {
        "nix-impure", Flake, Error,
        "an expression reads the machine it is evaluated on",
        "`builtins.currentTime`, `currentSystem`, `getEnv`, `<nixpkgs>` and `--impure` give different results on different machines.",
        "The same flake evaluates to different things on two machines.",
        "Pass the value as an argument, use nixpkgs from the inputs, and evaluate without `--impure`.",
    }
    ImageBaseUnknown {
        "image-base-unknown", Image, Note,
        "the image does not record its base image",
        "Without `org.opencontainers.image.base.name` and `base.digest`, the base image is unknown.",
        "It cannot be rebuilt from the same base, or found if the base has a vulnerability.",
        "Configure the builder to set both annotations, or set them as labels.",
    }
    ImageBaseNotPinned {
        "image-base-not-pinned", Image, Warning,
        "the image names its base without a digest",
        "The base is referenced by a tag, which may have moved.",
        "It cannot be rebuilt from the same base.",
        "Configure the builder to set `org.opencontainers.image.base.digest`.",
    }
    ImageFileTimes {
        "image-file-times", Image, Warning,
        "files are newer than the image's creation time, or have build times",
        "Modification times that are not all one constant, or later than `created`, come from the build machine.",
        "Another build of the same inputs has a different digest.",
        "Build with `SOURCE_DATE_EPOCH` and `rewrite-timestamp=true`, or use `invar build`, which gives all files the same time.",
    }
    ImageAccountDates {
        "image-account-dates", Image, Warning,
        "accounts contain the date on which they were created",
        "`useradd`, and packages that create a user, write the date of the last change to `/etc/shadow`.",
        "The same build has a different digest tomorrow, even if all file times are fixed.",
        "Set `SOURCE_DATE_EPOCH` in the `RUN` that creates the account; `useradd` uses it.",
    }
    ImageBytecodeTimes {
        "image-bytecode-times", Image, Warning,
        "compiled Python files contain the times of their sources",
        "The second word of the file's header is 0: Python validates it by the source's time, which it contains.",
        "Another build of the same sources has different bytes in each of them.",
        "Compile with `SOURCE_DATE_EPOCH` set, or with `python -m compileall --invalidation-mode unchecked-hash`.",
    }
    ImagePackageCache {
        "image-package-cache", Image, Warning,
        "caches of package managers are in the image",
        "Package lists and download caches contain the state of the archive at build time, and timestamps.",
        "Each build has different bytes, and a container does not need them.",
        "Remove them in the same `RUN` that created them, or use a cache mount.",
    }
    ImageMachineIdentity {
        "image-machine-identity", Image, Error,
        "the image contains data that should be unique to each machine",
        "A machine ID, host keys or a random seed were generated once, during the build.",
        "Every container has the same identity, anyone with the image has the private keys, and they differ in every build.",
        "Empty `/etc/machine-id`, delete the keys and the seed, and generate them on first start.",
    }
    ImageSecret {
        "image-secret", Image, Error,
        "the image contains what looks like a secret",
        "Environment files, private keys and credentials next to the code were copied with it; each checkout has its own.",
        "Anyone with the image has the secret, also if a later layer removes it, and builds from other checkouts differ.",
        "Exclude the file, for example in `.dockerignore`, replace the secret, and pass it when the container starts.",
    }
    ImageLargeFile {
        "image-large-file", Image, Note,
        "the image contains a large file that belongs to no package",
        "Data, models and archives are seldom under version control, so each checkout may have another version.",
        "The image depends on the machine that built it, and is large to transfer.",
        "Exclude the file, or fetch it during the build with a checksum.",
    }
    UnknownRuleInIgnore {
        "unknown-rule-in-ignore", Comment, Warning,
        "an `invar: ignore` comment names an unknown rule",
        "The comment has no effect.",
        "The finding that it should ignore is still reported.",
        "Use the name of a rule listed in this manual.",
    }
    UnusedIgnore {
        "unused-ignore", Comment, Warning,
        "an `invar: ignore` comment has nothing to ignore",
        "The finding that it ignored is gone, or has moved.",
        "It would hide the next finding in the same place.",
        "Remove it.",
    }
}

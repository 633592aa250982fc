//! What is found in Dockerfiles, and what is not.
use std::collections::{BTreeMap, BTreeSet};

use invar_audit::{Ignore, IgnoreFile, Level, Report, Surroundings, audit_dockerfile};
use invar_dockerfile::BuildArguments;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Files around the Dockerfile, by their paths.
fn audit_among(text: &str, files: &[(&str, &str)]) -> Report {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let read = |path: &str| files.get(path).map(|text| (*text).to_owned());
    let ignore = match files.get(".dockerignore") {
        Some(text) => Ignore::Text(IgnoreFile::parse(text)),
        None => Ignore::Missing,
    };
    let surroundings = Surroundings { read: &read, ignore, contexts: BTreeSet::new() };
    audit_dockerfile("Dockerfile", text.as_bytes(), &BuildArguments::default(), &surroundings)
        .unwrap_or_else(|error| panic!("{error} in {text}"))
        .report
}

fn audit(text: &str) -> Report {
    audit_among(text, &[(".dockerignore", ".git")])
}

/// The rules with their lines, without the one that every file breaks.
fn found(report: &Report) -> Vec<String> {
    let others = report.findings.iter().filter(|finding| finding.rule.name() != "file-times");
    let line = |finding| report.line(finding).unwrap_or(0);
    others.map(|finding| format!("{}:{}", line(finding), finding.rule.name())).collect()
}

/// What is found in `RUN` lines after a pinned base: one line of `run` is one instruction.
#[track_caller]
fn check_run(run: &str, expected: &[&str]) {
    let text = format!("FROM a@{DIGEST}\n{run}\n");
    assert_eq!(found(&audit(&text)), expected, "{text}");
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let text = text.replace("DIGEST", DIGEST).replace("COMMIT", COMMIT);
    assert_eq!(found(&audit(&text)), expected, "{text}");
}

#[test]
fn bases() {
    check("FROM a@DIGEST\n", &[]);
    check("FROM a:1@DIGEST\n", &[]);
    check("FROM scratch\n", &[]);
    check("FROM a\n", &["1:base-not-pinned"]);
    check("FROM a:1 AS b\nFROM b\nFROM a:1\nFROM a:2\n", &["1:base-not-pinned", "4:base-not-pinned"]);
    check("ARG B=a@DIGEST\nFROM $B\n", &[]);
    check("ARG V=1\nFROM a:$V\n", &["2:base-not-pinned"]);
    check("ARG B\nFROM $B\n", &["2:base-from-outside"]);
    check("ARG B\nFROM ${B:-a@DIGEST}\n", &[]);
    check("FROM a@DIGEST AS x-amd64\nFROM x-${TARGETARCH}\n", &[]);
    check("# syntax=docker/dockerfile:1\nFROM a@DIGEST\n", &["1:frontend-not-pinned"]);
    check("# syntax=docker/dockerfile:1@DIGEST\nFROM a@DIGEST\n", &[]);
    let report = audit("FROM a:1\nFROM b\nFROM a:1\n");
    let also: Vec<usize> = report.findings[0].also.iter().map(|span| span.start).collect();
    assert_eq!(also, [21], "the second place of one cause is not a second finding");
}

#[test]
fn given_arguments_count() {
    let text = "ARG B\nFROM $B\nARG X\nRUN apt-get install a=$X\n";
    let values = BTreeMap::from([("B".to_owned(), format!("a@{DIGEST}"))]);
    let arguments = BuildArguments { values, ..BuildArguments::default() };
    let audited = audit_dockerfile("x", text.as_bytes(), &arguments, &Surroundings::unknown());
    let report = audited.expect("it parses").report;
    assert_eq!(found(&report), ["3:argument-without-default", "4:apt-not-pinned"]);
    assert_eq!(report.findings.last().map(|finding| finding.level), Some(Level::Warning));
}

#[test]
fn arguments_from_outside() {
    check("FROM a@DIGEST\nARG A\nARG B=1\nARG C D\n", &["2:argument-without-default"]);
    check("ARG A=1\nFROM a@DIGEST\nARG A\nARG TARGETARCH\nARG SOURCE_DATE_EPOCH\nARG http_proxy\n", &[]);
}

#[test]
fn copies_and_additions() {
    check(
        "FROM a@DIGEST AS b\nFROM a@DIGEST\nCOPY --from=b x y\nCOPY --from=0 x y\nCOPY --from=c@DIGEST x y\n",
        &[],
    );
    check(
        "FROM a@DIGEST\nCOPY --from=c x y\nCOPY --from=c z y\nCOPY --from=d:1 z y\n",
        &["2:copy-from-not-pinned", "4:copy-from-not-pinned"],
    );
    check("FROM a@DIGEST\nRUN --mount=type=bind,from=c:1,target=/c x\n", &["2:copy-from-not-pinned"]);
    check("FROM a@DIGEST\nADD https://h.test/x /x\n", &["2:add-url-without-checksum"]);
    check("FROM a@DIGEST\nADD --checksum=sha256:1 https://h.test/x /x\nADD x.tar.gz /x\n", &[]);
    check("FROM a@DIGEST\nARG U=https://h.test\nADD $U/x /x\n", &["3:add-url-without-checksum"]);
    check(
        "FROM a@DIGEST\nADD https://h.test/x.git#v1 /x\nADD git@h.test:x.git /x\n",
        &["2:add-git-without-commit", "3:add-git-without-commit"],
    );
    check("FROM a@DIGEST\nADD https://h.test/x.git#COMMIT /x\nADD https://h.test/x.git#COMMIT:sub /x\n", &[]);
    check("FROM a@DIGEST\nONBUILD ADD https://h.test/x /x\n", &["2:add-url-without-checksum"]);
}

#[test]
fn the_whole_directory() {
    let check = |text: &str, files: &[(&str, &str)], expected: &[&str]| {
        let text = format!("FROM a@{DIGEST}\n{text}");
        assert_eq!(found(&audit_among(&text, files)), expected, "{text} {files:?}");
    };
    check("COPY . .\nCOPY . /x\n", &[], &["2:copy-without-ignore"]);
    check("COPY . .\n", &[(".dockerignore", "node_modules")], &["2:copy-without-ignore"]);
    check("COPY . .\n", &[(".dockerignore", "**/.git")], &[]);
    check("COPY . .\n", &[(".dockerignore", "*\n!src")], &[]);
    check("COPY . .\n", &[(".dockerignore", "*\n!.git")], &["2:copy-without-ignore"]);
    check("COPY --exclude=.git . .\n", &[], &[]);
    check(&format!("COPY src /src\nCOPY --from=b@{DIGEST} . .\nCOPY <<X .\nX\n"), &[], &[]);
    check("ADD ./ /x\n", &[], &["2:copy-without-ignore"]);
    check("COPY --chown=1:1 [\".\", \"/x\"]\n", &[], &["2:copy-without-ignore"]);
    let text = format!("FROM a@{DIGEST}\nCOPY . .\n");
    let alone = audit_dockerfile("x", text.as_bytes(), &BuildArguments::default(), &Surroundings::unknown());
    assert_eq!(
        found(&alone.expect("it parses").report),
        Vec::<String>::new(),
        "what cannot be seen is not told"
    );
}

#[test]
fn apt() {
    check_run("RUN apt-get update && apt-get install -y a b && apt-get install c", &["2:apt-not-pinned"]);
    check_run(
        "RUN apt-get update\nRUN apt install a\nRUN sudo aptitude -y install b",
        &["3:apt-not-pinned", "4:apt-not-pinned"],
    );
    check_run("RUN apt-get update && apt-get -o X=y upgrade -y", &["2:system-upgrade"]);
    check_run("RUN apt-get clean && apt-get remove x && apt-mark hold y", &[]);
    check_run("RUN xargs apt-get install -y < list", &["2:apt-not-pinned"]);
    check_run("RUN P='a b'; apt-get install $P", &["2:apt-not-pinned"]);
    check_run("RUN \\\n  # why\n  apt-get update && \\\n  env X=1 apt-get install a", &["5:apt-not-pinned"]);
    check_run("RUN echo apt-get install a; : 'apt-get install b'", &[]);
    check_run(
        "RUN sh -c 'apt-get install a'\nRUN [\"apt-get\", \"install\", \"a\"]",
        &["2:apt-not-pinned", "3:apt-not-pinned"],
    );
    check_run("RUN <<EOF\nset -e\napt-get install a\nEOF", &["4:apt-not-pinned"]);
    // A snapshot pins everything, also for stages that start from here.
    check_run(
        "RUN echo 'deb http://s.test/archive/20260101T000000Z trixie main' > /etc/apt/sources.list\nRUN apt-get update && apt-get install a && apt-get upgrade",
        &[],
    );
    check_run(
        "RUN apt-get update --snapshot 20260101T000000Z && apt-get install --snapshot 20260101T000000Z a",
        &[],
    );
    check(
        "FROM a@DIGEST AS b\nCOPY <<E /etc/apt/x\nURIs: http://s.test/20260101T000000Z/\nE\nFROM b\nRUN apt-get install x\n",
        &[],
    );
    let level = |run: &str| {
        let report = audit(&format!("FROM a@{DIGEST}\nRUN {run}\n"));
        report
            .findings
            .iter()
            .find(|finding| finding.rule.name() == "apt-not-pinned")
            .map(|finding| finding.level)
    };
    assert_eq!(level("apt-get install a=1"), Some(Level::Warning));
    assert_eq!(level("apt-get install a=1 b"), Some(Level::Error));
    assert_eq!(level("apt-get install 'a=1*'"), Some(Level::Error));
}

#[test]
fn other_systems() {
    check_run("RUN apk add --no-cache --virtual .x gcc", &["2:apk-not-pinned"]);
    check_run("RUN apk update && apk upgrade", &["2:system-upgrade"]);
    check_run("RUN apk add --update\nRUN apk del gcc", &[]);
    check_run("RUN dnf -y install gcc && yum install b", &["2:rpm-not-pinned"]);
    check_run(
        "RUN dnf -y --setopt x=1 update\nRUN microdnf install a\nRUN zypper -n in a",
        &["2:system-upgrade", "3:rpm-not-pinned", "4:rpm-not-pinned"],
    );
    check_run("RUN yum clean all", &[]);
    check_run("RUN pacman -Syu --noconfirm git", &["2:other-packages-not-pinned"]);
    let report = audit(&format!("FROM a@{DIGEST}\nRUN apk add gcc=1.2-r3\nRUN dnf install gcc-1.2-3.el9\n"));
    let levels: Vec<Level> = report.findings.iter().skip(1).map(|finding| finding.level).collect();
    assert_eq!(levels, [Level::Warning, Level::Warning]);
}

#[test]
fn python_packages() {
    let bytecode = "2:bytecode-times";
    check_run("RUN pip install a", &["2:python-not-locked", bytecode]);
    check_run("RUN python3.12 -m pip install --no-compile --upgrade pip", &["2:python-not-locked"]);
    check_run("RUN pip install --no-compile a==1", &["2:python-not-locked"]);
    check_run("RUN pip install --no-compile --require-hashes -r r.txt", &[]);
    check_run("ENV PIP_REQUIRE_HASHES=1\nRUN pip install --no-compile -r r.txt", &[]);
    check_run("RUN pip install --no-compile --no-index --find-links=/w a", &[]);
    check_run("RUN pip install --no-compile --no-deps .", &[]);
    check_run("RUN pip install --no-compile -e .[x]", &["2:python-not-locked"]);
    check_run("RUN pip --version && pip cache purge && pip list && pip uninstall -y a", &[]);
    check_run(
        "RUN uv pip install a\nRUN uv pip sync r.txt\nRUN uv tool install a==1\nRUN uvx a",
        &["2:python-not-locked", "3:python-not-locked", "4:python-not-locked", "5:python-not-locked"],
    );
    check_run("ENV UV_EXCLUDE_NEWER=2026-01-01\nRUN uv pip install a", &[]);
    check_run(
        "RUN pipx install poetry && python setup.py install && easy_install x",
        &["2:python-not-locked", "2:python-not-locked", "2:python-not-locked"],
    );
    check_run(
        "RUN pip wheel -w /w -r r.txt\nRUN pip install --no-compile /w/*.whl",
        &["2:python-not-locked"],
    );
    check_run("RUN pip install --no-compile git+https://h.test/x@v1", &["2:python-not-locked"]);
    check_run("RUN pip install --no-compile \"a==${V}\"", &["2:python-not-locked"]);
    check_run("RUN uv export --locked > r.txt && uv pip install -r r.txt", &[]);
    check_run(
        "RUN uv export --locked --no-hashes -o r.txt && uv pip install -r r.txt",
        &["2:python-not-locked"],
    );
    check_run("RUN ./setup.py install", &["2:python-not-locked"]);
    check_run("ENV SOURCE_DATE_EPOCH=0\nRUN pip install a==1 --no-deps", &["3:python-not-locked"]);
    check_run("RUN pip install a && find / -name __pycache__ -exec rm -r {} +", &["2:python-not-locked"]);
}

#[test]
fn requirements_are_looked_into() {
    let level = |requirements: &str| {
        let text = format!(
            "FROM a@{DIGEST}\nCOPY requirements.txt /app/\nRUN pip install --no-compile -r /app/requirements.txt\n"
        );
        let files =
            [("requirements.txt", requirements), ("inner/more.txt", "b\n"), (".dockerignore", ".git")];
        let report = audit_among(&text, &files);
        report
            .findings
            .iter()
            .find(|finding| finding.rule.name() == "python-not-locked")
            .map(|finding| finding.level)
    };
    assert_eq!(level("a==1 \\\n    --hash=sha256:00\n# c\nb==2 --hash=sha256:11\n"), None);
    assert_eq!(level("--index-url x\na==1\nb==2 ; python_version > '3'\n"), Some(Level::Warning));
    assert_eq!(level("a==1\nb>=2\n"), Some(Level::Error));
    assert_eq!(level("a==1 --hash=sha256:00\n-r inner/more.txt\n"), Some(Level::Error));
    assert_eq!(level("-r gone.txt\n"), Some(Level::Warning));
    assert_eq!(level("-r requirements.txt\n"), Some(Level::Warning), "a file that names itself ends");
    assert_eq!(level(""), None);
}

#[test]
fn python_locks() {
    check_run("RUN uv sync", &["2:uv-without-lock"]);
    check_run("RUN uv sync --locked && uv sync --frozen --no-dev", &[]);
    check_run("ENV UV_LOCKED=1\nRUN uv sync && uv run x", &[]);
    check_run("RUN A='--frozen --no-dev'; uv sync $A", &[]);
    check_run("RUN UV_FROZEN=1 uv sync", &[]);
    check_run("RUN uv run x --locked\nRUN uv run --no-sync x\nRUN uv lock --check", &["2:uv-without-lock"]);
    check_run("RUN uv venv && uv --version && uv cache clean", &[]);
    check_run("RUN uv run --locked pip install --no-compile a", &["2:python-not-locked"]);
    check_run("COPY poetry.lock pyproject.toml ./\nRUN poetry install", &[]);
    check_run("COPY pyproject.toml ./\nRUN poetry install", &["3:python-without-lock"]);
    check_run(
        "RUN poetry add x\nRUN pdm install\nRUN pdm sync\nRUN pipenv install\nRUN pipenv sync",
        &["2:python-without-lock", "3:python-without-lock", "5:python-without-lock"],
    );
    check_run("ENV UV_COMPILE_BYTECODE=1\nRUN uv sync --locked", &["3:bytecode-times"]);
}

#[test]
fn javascript() {
    check_run("RUN npm ci\nRUN npm run build\nRUN npx webpack", &[]);
    check_run("RUN npm install\nRUN npm i --production", &["2:node-without-lock", "3:node-without-lock"]);
    check_run("RUN npm install -g a@1.2.3 && npm i -g b@^1 c", &["2:node-not-pinned"]);
    check_run("RUN yarn --frozen-lockfile && yarn install --immutable && yarn build && echo $(yarn -v)", &[]);
    check_run(
        "RUN yarn\nRUN yarn add x\nRUN yarn global add x",
        &["2:node-without-lock", "3:node-without-lock", "4:node-not-pinned"],
    );
    check_run("RUN pnpm install --frozen-lockfile && pnpm build\nRUN pnpm i", &["3:node-without-lock"]);
    check_run("RUN bun install\nRUN bun install --frozen-lockfile", &["2:node-without-lock"]);
    check_run(
        "RUN npx create-thing\nRUN corepack prepare pnpm@latest --activate\nRUN corepack enable",
        &["2:node-not-pinned", "3:node-not-pinned"],
    );
}

#[test]
fn other_languages() {
    check_run("RUN gem install a && gem install b -v 1 && gem install c:1", &["2:ruby-not-pinned"]);
    check_run("RUN bundle install\nRUN bundle update", &["2:ruby-not-pinned", "3:ruby-not-pinned"]);
    check_run("RUN bundle config set frozen true && bundle install", &[]);
    check_run("ENV BUNDLE_DEPLOYMENT=1\nRUN bundle install", &[]);
    check_run(
        "RUN go install x.test/a@latest && go install x.test/b@v1.2.3 && go build ./... && go mod download",
        &["2:go-not-pinned"],
    );
    check_run(
        "RUN go get x.test/a\nRUN go get -d ./...\nRUN go mod tidy",
        &["2:go-not-pinned", "4:go-not-pinned"],
    );
    check_run(
        "RUN cargo build --release\nRUN cargo build --locked\nRUN cargo fetch --locked",
        &["2:cargo-without-lock"],
    );
    check_run(
        "RUN cargo install a\nRUN cargo install a --version 1.2.3 --locked\nRUN cargo +nightly install --git https://h.test/x",
        &["2:cargo-without-lock", "4:cargo-without-lock"],
    );
    check_run(
        "RUN conda install -y a && conda clean -a\nRUN conda env create -f e.yml\nRUN micromamba create -f conda-lock.yml",
        &["2:conda-not-pinned", "3:conda-not-pinned"],
    );
    check_run(
        "RUN R -e \"install.packages('x')\"\nRUN cpanm A::B\nRUN pecl install x-1.2\nRUN composer install",
        &["2:other-packages-not-pinned", "3:other-packages-not-pinned"],
    );
    check_run(
        "RUN rustup toolchain install nightly\nRUN rustup toolchain install 1.95.0\nRUN nvm install --lts",
        &["2:toolchain-not-pinned", "4:toolchain-not-pinned"],
    );
    check_run("RUN mvn package\nRUN mvn verify\nRUN mvn -o package", &["2:network-in-run"]);
    check_run(
        "RUN ./scripts/download_models.sh\nRUN python fetch-data.py\nRUN install -d /x\nRUN make install",
        &["2:network-in-run", "3:network-in-run"],
    );
}

#[test]
fn downloads() {
    let dl = "2:download-without-checksum";
    check_run("RUN curl -fsSL https://h.test/a-1.tar.gz -o a.tgz && tar xf a.tgz", &[dl]);
    check_run(
        "RUN wget https://h.test/a.tgz\nRUN curl https://h.test/b | tar x",
        &[dl, "3:download-without-checksum"],
    );
    check_run("RUN curl -o a https://h.test/a && echo \"00  a\" | sha256sum -c -", &[]);
    check_run("RUN wget -O a https://h.test/a && [ \"$(cat a | openssl sha512 -r)\" = \"x *stdin\" ]", &[]);
    check_run("RUN wget https://h.test/a\nRUN sha256sum -c a.sha256 # a", &[]);
    check_run(
        "RUN curl -o a https://h.test/a && curl -o b https://h.test/b && echo '0 a' | sha256sum -c",
        &[dl],
    );
    check_run(
        "RUN wget -O a https://h.test/a && wget -O a.asc https://h.test/a.asc && gpg --verify a.asc a",
        &[],
    );
    check_run("RUN curl https://h.test/x | sh", &["2:pipe-to-shell"]);
    check_run("RUN wget -qO- https://h.test/x | sudo -E bash -s -- -y", &["2:pipe-to-shell"]);
    check_run(
        "RUN curl https://h.test/x | python3 -\nRUN bash <(curl https://h.test/x)\nRUN sh -c \"$(curl https://h.test/x)\"",
        &["2:pipe-to-shell", "3:pipe-to-shell", "4:pipe-to-shell"],
    );
    check_run("RUN curl https://h.test/x | python3 -m json.tool > x", &[dl]);
    check_run(
        "RUN curl http://localhost:80/ && curl --version && curl -X POST https://h.test && wget --spider https://h.test && curl -o /dev/null https://h.test",
        &[],
    );
    check_run("HEALTHCHECK CMD curl -f https://h.test\nCMD curl https://h.test | sh", &[]);
}

#[test]
fn git() {
    check_run("RUN git clone https://h.test/x", &["2:git-not-pinned"]);
    let pinned = format!("RUN git clone https://h.test/x && cd x && git checkout {COMMIT}");
    check_run(&pinned, &[]);
    check_run(&format!("RUN git clone https://h.test/x\nRUN cd x && git reset --hard {COMMIT}"), &[]);
    check_run(&format!("{pinned} && git clone https://h.test/y"), &["2:git-not-pinned"]);
    check_run(
        "ARG C\nRUN git clone https://h.test/x && git -C x checkout $C",
        &["2:argument-without-default"],
    );
    check_run("RUN git init && git submodule update --init && git config --global a b", &[]);
    check_run("RUN git pull\nRUN git submodule update --remote", &["2:git-not-pinned", "3:git-not-pinned"]);
    let report = audit(&format!("FROM a@{DIGEST}\nRUN git clone -b v1.2 https://h.test/x\n"));
    assert_eq!(report.findings[1].level, Level::Warning, "a tag seldom moves");
}

#[test]
fn clock_random_and_machine() {
    check_run(
        "RUN date > /built\nRUN echo $(date)\nRUN date\nRUN date | tee /x",
        &["2:clock-in-build", "3:clock-in-build", "5:clock-in-build"],
    );
    check_run("RUN date -d @0 > /built\nRUN touch -d \"$(date -d @$SOURCE_DATE_EPOCH)\" x", &[]);
    check_run("RUN now=$(date +%s); [ 1 -lt \"$now\" ]", &[]);
    check_run("RUN V=$(date +%s); make V=$V", &["2:clock-in-build"]);
    check_run(
        "RUN uuidgen > /id\nRUN openssl rand -hex 16\nRUN ssh-keygen -A\nRUN head -c 9 /dev/urandom",
        &["2:random-in-build", "3:random-in-build", "4:random-in-build", "5:random-in-build"],
    );
    check_run("RUN openssl version && ln -s /dev/urandom /dev/random && mktemp -d", &[]);
    check_run(
        "RUN gcc -march=native a.c\nRUN hostname > /x\nRUN make -j$(nproc) && uname -m",
        &["2:machine-in-build", "3:machine-in-build"],
    );
}

#[test]
fn caches() {
    check_run(
        "RUN --mount=type=cache,target=/root/.cache/pip --mount=type=cache,target=/app/target x",
        &["2:cache-mount-state"],
    );
}

#[test]
fn times() {
    let names = |text: &str| {
        let report = audit(text);
        report
            .findings
            .iter()
            .filter(|f| f.rule.name() == "file-times")
            .map(|f| report.line(f))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&format!("FROM a@{DIGEST}\nFROM b@{DIGEST}\n")), [Some(2)], "once, at the last stage");
    assert_eq!(names(&format!("ARG SOURCE_DATE_EPOCH\nFROM a@{DIGEST}\n")), []);
    assert_eq!(names(&format!("FROM a@{DIGEST}\nENV SOURCE_DATE_EPOCH=0\n")), []);
}

#[test]
fn shells_that_are_not_posix_are_left_alone() {
    check_run("SHELL [\"powershell\", \"-Command\"]\nRUN apt-get install a", &[]);
}

#[test]
fn comments_excuse() {
    let report = audit(&format!(
        "FROM a@{DIGEST}\n# invar: ignore=apt-not-pinned,system-upgrade\nRUN apt-get upgrade && \\\n  apt-get install a\nRUN apt-get install b\n"
    ));
    assert_eq!((found(&report), report.ignored), (vec!["5:apt-not-pinned".to_owned()], 2));
    let inside = "# invar: ignore=git-not-pinned";
    let report = audit(&format!(
        "FROM a@{DIGEST}\nRUN git clone x && \\\n  {inside}\n  git clone y && \\\n  git clone z\n"
    ));
    assert_eq!(found(&report), ["2:git-not-pinned", "5:git-not-pinned"]);
    let report = audit(&format!("FROM a@{DIGEST}\nRUN <<E\ngit clone x {inside}\ngit clone y\nE\n"));
    assert_eq!(found(&report), ["4:git-not-pinned"]);
    let report = audit(&format!("# invar: ignore=apt-not-pinend,git-not-pinned\nFROM a@{DIGEST}\n"));
    assert_eq!(found(&report), ["1:unknown-rule-in-ignore", "1:unused-ignore"]);
    assert_eq!(report.findings[0].remedy(), "Did you mean `apt-not-pinned`?");
    // Only a comment is one.
    check_run("RUN echo 'invar: ignore=git-not-pinned' && git clone x", &["2:git-not-pinned"]);
}

#[test]
fn heredocs_for_any_shell() {
    check_run("RUN bash -euxo pipefail <<'EOF'\napt-get install -y a\nEOF", &["3:apt-not-pinned"]);
    check_run("RUN bash -s -- x <<EOF\napt-get install -y a\nEOF", &["3:apt-not-pinned"]);
    check_run("RUN cat <<EOF | bash\napt-get install -y a\nEOF", &["3:apt-not-pinned"]);
    check_run("RUN cat <<EOF > /y.sh && sh /y.sh\napt-get install -y a\nEOF", &["3:apt-not-pinned"]);
    check_run(
        "RUN tee /usr/bin/y <<EOF && chmod +x /usr/bin/y\n#!/bin/sh\napt-get install -y a\nEOF\nRUN y",
        &["4:apt-not-pinned"],
    );
    check_run("WORKDIR /w\nRUN echo 'apt-get install -y a' > y.sh\nRUN sh /w/y.sh", &["3:apt-not-pinned"]);
    check_run("RUN cat <<EOF > /y.sh\napt-get install -y a\nEOF", &[]);
    check_run("RUN cat <<EOF > /y.sh && python3 /y.sh\napt-get install -y a\nEOF", &[]);
}

#[test]
fn a_checksum_of_the_same_server_is_none() {
    let dl = &["2:download-without-checksum"][..];
    let none = &[][..];
    let curl = "curl -fLO https://x.example/v1";
    check_run(&format!("RUN {curl}/c.tgz && {curl}/c.tgz.sha256 && sha256sum -c c.tgz.sha256"), dl);
    check_run(
        &format!("RUN {curl}/c.tgz && curl -fL https://x.example/v1/SUMS | grep c.tgz | sha256sum -c -"),
        dl,
    );
    check_run(
        &format!("RUN {curl}/c.tgz && {curl}/SHA256SUMS && grep c.tgz SHA256SUMS | sha256sum -c -"),
        dl,
    );
    check_run(
        &format!("RUN {curl}/c.tgz && echo \"$(curl https://x.example/v1/c.sha256) c.tgz\" | sha256sum -c"),
        dl,
    );
    check_run(
        &format!(
            "RUN {curl}/c.tgz && SUM=$(curl https://x.example/c.sha256) && echo \"$SUM  c.tgz\" | sha256sum -c"
        ),
        dl,
    );
    check_run(
        "ARG U=https://x.example\nRUN wget $U/c1.tgz && wget $U/c1.tgz.sha256 && sha256sum -c c1.tgz.sha256",
        &["3:download-without-checksum"],
    );
    check_run(
        &format!(
            "RUN {curl}/c.tgz && echo \"$(curl https://x.example/c.sha256) c.tgz\" > /s && sha256sum -c /s"
        ),
        dl,
    );
    check_run(
        "RUN curl --remote-name-all https://x.example/v1.tgz https://x.example/v1.tgz.sha256 && sha256sum -c *.sha256",
        dl,
    );
    check_run(&format!("RUN {curl}/c.tgz && {curl}/sha256sum.txt && sha256sum -c sha256sum.txt"), dl);
    // Written down, from elsewhere, or signed.
    let sum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    check_run(&format!("RUN {curl}/c.tgz && echo '{sum}  c.tgz' | sha256sum -c -"), none);
    check_run(
        &format!("RUN {curl}/c.tgz && curl -O https://y.example/c.sha256 && sha256sum -c c.sha256"),
        none,
    );
    check_run(
        &format!(
            "RUN {curl}/c.tgz && {curl}/SUMS && {curl}/SUMS.asc && gpg --verify SUMS.asc && sha256sum -c SUMS"
        ),
        none,
    );
    check_run(&format!("COPY SUMS .\nRUN {curl}/c.tgz && {curl}/d.tgz && sha256sum -c SUMS"), none);
    check_run(
        &format!("RUN {curl}/c.tgz && {curl}/c.tgz.sig && cosign verify-blob --signature c.tgz.sig c.tgz"),
        none,
    );
}

#[test]
fn variables_are_exported_or_not() {
    let files = [("uv.lock", ""), ("pyproject.toml", ""), (".dockerignore", ".git")];
    #[track_caller]
    fn check(run: &str, files: &[(&str, &str)], is_found: bool) {
        let text = format!("FROM a@{DIGEST}\nCOPY uv.lock pyproject.toml ./\nRUN {run}\n");
        let expected: &[&str] = if is_found { &["3:uv-without-lock"] } else { &[] };
        assert_eq!(found(&audit_among(&text, files)), expected, "{text}");
    }
    for run in [
        "export UV_FROZEN=1 && uv sync",
        "UV_FROZEN=1 uv sync",
        "UV_FROZEN=1; export UV_FROZEN; uv sync",
        "export UV_FROZEN; UV_FROZEN=1; uv sync",
        "set -a; UV_FROZEN=1; uv sync",
        "set -o allexport && UV_FROZEN=1 && uv sync",
        "declare -x UV_FROZEN=1; uv sync",
        "(export UV_FROZEN=1 && uv sync)",
        "export UV_FROZEN=1; (uv sync)",
        "env UV_FROZEN=1 sh -c 'uv sync'",
        "UV_FROZEN=1 bash -c 'uv sync'",
        "bash -c 'export UV_FROZEN=1; uv sync'",
        "eval 'export UV_FROZEN=1'; uv sync",
        "export UV_FROZEN=1; sh -c 'uv sync'",
    ] {
        check(run, &files, false);
    }
    for run in [
        "uv sync",
        "UV_FROZEN=1; uv sync",
        "export UV_FROZEN=1; unset UV_FROZEN; uv sync",
        "export UV_FROZEN=1; export -n UV_FROZEN; uv sync",
        "(export UV_FROZEN=1); uv sync",
        "sh -c 'export UV_FROZEN=1'; uv sync",
        "readonly UV_FROZEN=1; uv sync",
    ] {
        check(run, &files, true);
    }
}

#[test]
fn pythons_of_uv() {
    check_run("RUN uv python install 3.12", &["2:toolchain-not-pinned"]);
    check_run("RUN uv python install", &["2:toolchain-not-pinned"]);
    check_run("RUN uv python install 3.12.4 cpython-3.13", &["2:toolchain-not-pinned"]);
    check_run("RUN uv python install --install-dir /opt 3.12.4", &[]);
    check_run("RUN uv python install cpython-3.12.4-linux-x86_64-gnu pypy@3.10.14", &[]);
    check_run("ARG V=$W\nRUN uv python install $V", &[]);
    check_run("RUN uv python list", &[]);
}

#[test]
fn what_looks_random_or_remote_and_is_not() {
    check_run(
        "RUN for server in $(shuf -e keys.x.example hkp://keyserver.x.example:80); do gpg --keyserver $server || :; done",
        &[],
    );
    check_run("RUN shuf -e a b > /order", &["2:random-in-build"]);
    check_run("RUN ./bootstrap && ./configure", &[]);
    check_run("RUN HF_HUB_OFFLINE=1 python -c 'AutoModel.from_pretrained(\"a\")'", &[]);
    check_run("RUN python -c 'AutoModel.from_pretrained(\"a\")'", &["2:network-in-run"]);
    let report = audit(&format!("FROM a@{DIGEST}\nRUN pip install --no-compile git+https://x.test/a@v1\n"));
    let finding = report.findings.iter().find(|finding| finding.rule.name() == "python-not-locked");
    assert_eq!(
        finding.map(|finding| finding.message.as_str()),
        Some("`git+https://x.test/a@v1` without a commit")
    );
}

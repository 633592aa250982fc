use super::*;
use crate::{PathFault, ValueError};

const KEYS: &str = r#"
configure = ["nginx"]
packages = ["fortune-mod"]
[tool.invar.shell]
packages = ["git"]
[tool.invar.python.overrides.psycopg2]
packages = ["libpq-dev", "gcc"]
[tool.invar.python.overrides.numpy]
prefer = "wheel"
[[tool.invar.step]]
name = "assets"
packages = ["nodejs=20", "npm"]
fetch = [
    { url = "https://mirror.example/a.bin" },
    { url = "https://mirror.example/b.bin", sha256 = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" },
]
run = "x"
outputs.a = "/app/a"
[[tool.invar.step]]
name = "wrappers"
wrap.program = "/usr/bin/x"
[tool.invar.images.worker]
packages = ["libpq5"]
[tool.invar.images.small]
base = ["libc6"]
[tool.invar.images.documented]
docs = true
[tool.invar.images.same]
command = ["x"]
platforms = ["linux/arm64"]
"#;

fn root(text: &str) -> ClosureName {
    text.parse().unwrap()
}

/// A lock that belongs to [`KEYS`].
fn full() -> InvarLock {
    let manifest = manifest(KEYS);
    let mut lock = sample();
    lock.request = Request::of(&manifest);
    lock.fetches = [("https://mirror.example/a.bin", b"z"), ("https://mirror.example/b.bin", b"a")]
        .map(|(url, bytes)| (url.to_owned(), LockedFetch { size: 1, sha256: Digest::of(bytes) }))
        .into();
    for (platform, locked) in &mut lock.platforms {
        let mut node = package("nodejs", "20.19.2", platform.architecture());
        node.because = Because::Root(root("step:assets"));
        let mut dpkg = package("dpkg", "1.22.21", platform.architecture());
        dpkg.because = Because::Essential;
        locked.tools = [(name("nodejs"), node), (name("dpkg"), dpkg)].into();
        for (root, request) in Request::roots(&manifest) {
            let packages = ["base-files", "dpkg", "nodejs"].map(name).into();
            locked.roots.insert(root, LockedRoot { request, packages });
        }
        locked
            .roots
            .insert(root("python"), LockedRoot { packages: [name("dpkg")].into(), ..LockedRoot::default() });
        let wheel = |file: &str, size| {
            let url = format!("https://index.example/files/{file}");
            (file.to_owned(), LockedBuildWheel { url, size, sha256: Digest::of(file.as_bytes()) })
        };
        locked.build_wheels = [
            wheel("setuptools-80.9.0-py3-none-any.whl", Some(1_201_486)),
            wheel("wheel-0.45.1-py3-none-any.whl", None),
        ]
        .into();
        let build = LockedBuild {
            version: Some("2.9.10".to_owned()),
            source: Some(Digest::of(b"sdist")),
            commit: None,
            requires: ["setuptools>=61".to_owned(), "wheel; python_version < \"4\"".to_owned()].into(),
            wheels: locked.build_wheels.keys().cloned().collect(),
            sources: BTreeSet::new(),
        };
        locked.builds =
            [("psycopg2".parse().unwrap(), build), ("cat".parse().unwrap(), LockedBuild::default())].into();
    }
    lock
}

#[test]
fn the_bytes_of_roots_and_builds_are_pinned() {
    let mut lock = full();
    lock.platforms.remove(&Platform::LinuxArm64);
    let text = lock.to_string();
    let start = text.find("[[fetch]]").unwrap();
    let (fetches, rest) = text[start..].split_once("[[platform]]").unwrap();
    let tools = &rest[rest.find("[[platform.tool]]").unwrap()..];
    assert_snapshot!(format!("{fetches}{tools}"), @r#"
    [[fetch]]
    url = "https://mirror.example/a.bin"
    size = 1
    sha256 = "594e519ae499312b29433b7dd8a97ff068defcba9755b6d5d00e84c524d67b06"

    [[fetch]]
    url = "https://mirror.example/b.bin"
    size = 1
    sha256 = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"

    [[platform.tool]]
    name = "dpkg"
    version = "1.22.21"
    architecture = "amd64"
    suite = "trixie"
    file = "pool/main/d/dpkg/dpkg_1.22.21_amd64.deb"
    size = 39000
    sha256 = "65547993ca188d03f6539527a920ec5e15ae24a8dd613a33f736d9e3ce3342b6"
    because = "essential"

    [[platform.tool]]
    name = "nodejs"
    version = "20.19.2"
    architecture = "amd64"
    suite = "trixie"
    file = "pool/main/n/nodejs/nodejs_20.19.2_amd64.deb"
    size = 39000
    sha256 = "dd8d11085aac92f774a689f35443be63406b3d46571d66effce70bf28d7763b6"
    because = "requested by step:assets"

    [[platform.root]]
    name = "image:documented"
    request = [
        "fortune-mod",
    ]
    packages = [
        "base-files",
        "dpkg",
        "nodejs",
    ]

    [[platform.root]]
    name = "image:small"
    request = [
        "fortune-mod",
        "libc6",
    ]
    packages = [
        "base-files",
        "dpkg",
        "nodejs",
    ]

    [[platform.root]]
    name = "image:worker"
    request = [
        "libpq5",
    ]
    packages = [
        "base-files",
        "dpkg",
        "nodejs",
    ]

    [[platform.root]]
    name = "python"
    request = []
    packages = [
        "dpkg",
    ]

    [[platform.root]]
    name = "python:psycopg2"
    request = [
        "gcc",
        "libpq-dev",
    ]
    packages = [
        "base-files",
        "dpkg",
        "nodejs",
    ]

    [[platform.root]]
    name = "scripts"
    request = []
    packages = [
        "base-files",
        "dpkg",
        "nodejs",
    ]

    [[platform.root]]
    name = "shell"
    request = [
        "git",
    ]
    packages = [
        "base-files",
        "dpkg",
        "nodejs",
    ]

    [[platform.root]]
    name = "step:assets"
    request = [
        "nodejs=20",
        "npm",
    ]
    packages = [
        "base-files",
        "dpkg",
        "nodejs",
    ]

    [[platform.build]]
    name = "cat"
    requires = []
    wheels = []

    [[platform.build]]
    name = "psycopg2"
    version = "2.9.10"
    source-sha256 = "714772a9f82b2aeb4fa5f7092d00fe4ac4c9cdeb6800840b6ed39ea64c4d785a"
    requires = [
        "setuptools>=61",
        "wheel; python_version < \"4\"",
    ]
    wheels = [
        "setuptools-80.9.0-py3-none-any.whl",
        "wheel-0.45.1-py3-none-any.whl",
    ]

    [[platform.build-wheel]]
    file = "setuptools-80.9.0-py3-none-any.whl"
    url = "https://index.example/files/setuptools-80.9.0-py3-none-any.whl"
    size = 1201486
    sha256 = "d369112ec118aba0f61afe30ebf8466f097e23d797cdb7e6bf15047ad451c68a"

    [[platform.build-wheel]]
    file = "wheel-0.45.1-py3-none-any.whl"
    url = "https://index.example/files/wheel-0.45.1-py3-none-any.whl"
    sha256 = "b0b925a338a013e9081218f6234a46514bc5534ce873a2f89d2716813e486af5"
    "#);
    assert_eq!(
        Digest::of(full().to_string().as_bytes()).to_string(),
        "sha256:bdf1fc33adf66cf2165ab61af394509b4f8d55d2c12e222d688e6ef5cf2d8bff",
        "if intended, pin the new bytes; locks of older releases must still be read, see docs/lock-format.md"
    );
}

#[test]
fn roots_and_builds_survive_being_written() {
    let text = full().to_string();
    assert_eq!(InvarLock::parse(&text), Ok(full()));
    // The order in which blocks are is not the reader's concern.
    let (head, blocks) = text.split_once("\n[[platform]]").unwrap();
    let (first, second) = blocks.split_once("\n[[platform]]").unwrap();
    let turned = |blocks: &str| {
        let mut parts: Vec<&str> = blocks.split("\n[[platform.").collect();
        parts[1..].reverse();
        parts.join("\n[[platform.")
    };
    let turned = format!("{head}\n[[platform]]{}\n[[platform]]{}", turned(second), turned(first));
    assert_ne!(turned, text);
    assert_eq!(InvarLock::parse(&turned), Ok(full()));
    assert_eq!(InvarLock::parse(&turned).unwrap().to_string(), text);
    let doubled = text.replacen("    \"dpkg\",\n", "    \"dpkg\",\n    \"dpkg\",\n", 1);
    assert_eq!(InvarLock::parse(&doubled), Ok(full()));
}

#[test]
fn damage_to_roots_and_builds_is_named_with_its_line() {
    let damages = [
        ("[[platform.root]]\nname = \"image:documented\"", "[[platform.root]]\nname = \"image:small\""),
        ("\n    \"dpkg\",\n", "\n    \"dpkg\",\n    \"nowhere\",\n"),
        ("[[platform.tool]]\nname = \"dpkg\"", "[[platform.tool]]\nname = \"dpkg-dev\""),
        ("[[platform.tool]]\nname = \"dpkg\"", "[[platform.tool]]\nname = \"base-files\""),
        ("[[platform.tool]]\nname = \"dpkg\"", "[[platform.tool]]\nname = \"nodejs\""),
        ("because = \"essential\"", "because = \"essential\"\nscripts = \"handled\""),
        ("because = \"essential\"", "because = \"requested by step:A\""),
        ("because = \"essential\"", "because = \"dependency of A\""),
        ("name = \"step:assets\"", "name = \"step:assets:x\""),
        ("name = \"step:assets\"", "name = \"packages\""),
        ("request = [\n    \"nodejs=20\"", "request = [\n    \"nodejs>20\""),
        ("        \"wheel-0.45", ""),
        ("    \"wheel-0.45.1-py3-none-any.whl\",\n", ""),
        ("file = \"wheel-0.45.1-py3-none-any.whl\"", "file = \"wheel-0.45.2-py3-none-any.whl\""),
        ("file = \"wheel-0.45.1-py3-none-any.whl\"", "file = \"setuptools-80.9.0-py3-none-any.whl\""),
        ("file = \"wheel-0.45.1-py3-none-any.whl\"", "file = \"../wheel-0.45.1-py3-none-any.whl\""),
        ("file = \"wheel-0.45.1-py3-none-any.whl\"", "file = \"wheel.zip\""),
        ("url = \"https://index.example/files/wheel", "url = \"file:///wheel"),
        ("name = \"psycopg2\"", "name = \"cat\""),
        ("name = \"psycopg2\"", "name = \"psycopg2-\""),
        ("version = \"2.9.10\"", "version = \"2.9.x\""),
        ("source-sha256 = \"", "source-sha256 = \"0"),
        ("requires = []\n", ""),
        ("url = \"https://mirror.example/b.bin\"", "url = \"https://mirror.example/a.bin\""),
        ("url = \"https://mirror.example/b.bin\"", "url = \"https://me:secret@mirror.example/b.bin\""),
        ("size = 1\n", "size = -1\n"),
        ("size = 1\n", ""),
    ];
    let text = full().to_string();
    let mut messages = String::new();
    for (from, to) in damages.into_iter().filter(|(from, _)| !from.starts_with("        ")) {
        assert!(text.contains(from), "{from}");
        let error = InvarLock::parse(&text.replacen(from, to, 1)).expect_err(to);
        messages += &format!("{error}\n");
    }
    assert!(!messages.contains("secret"));
    assert_snapshot!(messages, @r#"
    invar.lock, line 124: image:small is listed twice; run `invar lock` to rewrite it
    invar.lock, line 120: unknown package or tool nowhere; run `invar lock` to rewrite it
    invar.lock, line 119: unknown package or tool dpkg; run `invar lock` to rewrite it
    invar.lock, line 93: base-files is listed twice; run `invar lock` to rewrite it
    invar.lock, line 103: nodejs is listed twice; run `invar lock` to rewrite it
    invar.lock, line 101: unknown field `scripts`, expected one of `name`, `version`, `architecture`, `suite`, `file`, `size`, `sha256`, `because`; run `invar lock` to rewrite it
    invar.lock, line 100: "requested by step:A" is not one of "requested by packages", "shell", "base", "interpreter", "requested by ROOT", "essential" and "dependency of PACKAGE"; run `invar lock` to rewrite it
    invar.lock, line 100: "dependency of A" is not one of "requested by packages", "shell", "base", "interpreter", "requested by ROOT", "essential" and "dependency of PACKAGE"; run `invar lock` to rewrite it
    invar.lock, line 186: "step:assets:x" is not the name of a root: expected, for example, "shell" or "step:assets"; run `invar lock` to rewrite it
    invar.lock, line 186: "packages" is not the name of a root: expected, for example, "shell" or "step:assets"; run `invar lock` to rewrite it
    invar.lock, line 187: "nodejs>20" is not a package request: expected "name" or "name=version"; run `invar lock` to rewrite it
    invar.lock, line 221: no build has wheel-0.45.1-py3-none-any.whl; run `invar lock` to rewrite it
    invar.lock, line 212: unknown build wheel wheel-0.45.1-py3-none-any.whl; run `invar lock` to rewrite it
    invar.lock, line 222: setuptools-80.9.0-py3-none-any.whl is listed twice; run `invar lock` to rewrite it
    invar.lock, line 222: "../wheel-0.45.1-py3-none-any.whl" is not the name of a wheel; run `invar lock` to rewrite it
    invar.lock, line 222: "wheel.zip" is not the name of a wheel; run `invar lock` to rewrite it
    invar.lock, line 223: "file:///wheel-0.45.1-py3-none-any.whl" is not a URL that Invar can fetch from: it does not start with "https://" or "http://"; run `invar lock` to rewrite it
    invar.lock, line 203: cat is listed twice; run `invar lock` to rewrite it
    invar.lock, line 203: "psycopg2-" is not the name of a distribution: expected letters, digits, "-", "_" and ".", starting and ending with a letter or digit; run `invar lock` to rewrite it
    invar.lock, line 204: "2.9.x" is not a Python version; run `invar lock` to rewrite it
    invar.lock, line 205: "0714772a9f82b2aeb4fa5f7092d00fe4ac4c9cdeb6800840b6ed39ea64c4d785a" is not 64 lower-case hexadecimal digits; run `invar lock` to rewrite it
    invar.lock, line 197: missing field `requires`; run `invar lock` to rewrite it
    invar.lock, line 44: https://mirror.example/a.bin is listed twice; run `invar lock` to rewrite it
    invar.lock, line 44: "https://…@…" is not a URL that Invar can fetch from: it contains a user name or password, which do not belong in a shared file; run `invar lock` to rewrite it
    invar.lock, line 40: invalid value: integer `-1`, expected u64; run `invar lock` to rewrite it
    invar.lock, line 38: missing field `size`; run `invar lock` to rewrite it
    "#);
}

/// A lock whose one build needs a source distribution, which needs another one.
fn nested() -> InvarLock {
    let mut lock = full();
    lock.platforms.remove(&Platform::LinuxArm64);
    let locked = lock.platforms.get_mut(&Platform::LinuxAmd64).unwrap();
    let source = |name: &str, needs: &[&str]| {
        let file = format!("{name}-1.0.tar.gz");
        let build = LockedBuild {
            version: Some("1.0".to_owned()),
            source: Some(Digest::of(name.as_bytes())),
            commit: None,
            requires: ["setuptools".to_owned()].into(),
            wheels: ["setuptools-80.9.0-py3-none-any.whl".to_owned()].into(),
            sources: needs.iter().map(|need| format!("{need}-1.0.tar.gz")).collect(),
        };
        let url = format!("https://index.example/{file}");
        let (size, sha256) = (Some(1), Digest::of(name.as_bytes()));
        (file, LockedBuildSource { name: name.parse().unwrap(), url, size, sha256, build })
    };
    locked.build_sources = [source("outer", &["inner"]), source("inner", &[])].into();
    let build =
        locked.builds.get_mut(&"psycopg2".parse::<invar_python::DistributionName>().unwrap()).unwrap();
    build.sources = ["outer-1.0.tar.gz".to_owned()].into();
    lock
}

#[test]
fn the_bytes_of_nested_builds_are_pinned() {
    let text = nested().to_string();
    let start = text.find("name = \"psycopg2\"").unwrap();
    let (build, rest) = text[start..].split_once("[[platform.build-wheel]]").unwrap();
    let sources = &rest[rest.find("[[platform.build-source]]").unwrap()..];
    assert_snapshot!(format!("{build}{sources}"), @r#"
    name = "psycopg2"
    version = "2.9.10"
    source-sha256 = "714772a9f82b2aeb4fa5f7092d00fe4ac4c9cdeb6800840b6ed39ea64c4d785a"
    requires = [
        "setuptools>=61",
        "wheel; python_version < \"4\"",
    ]
    wheels = [
        "setuptools-80.9.0-py3-none-any.whl",
        "wheel-0.45.1-py3-none-any.whl",
    ]
    sources = [
        "outer-1.0.tar.gz",
    ]

    [[platform.build-source]]
    file = "inner-1.0.tar.gz"
    name = "inner"
    version = "1.0"
    url = "https://index.example/inner-1.0.tar.gz"
    size = 1
    sha256 = "33bf6fbd7cd8379785a21e233d8e09f824e7bab459168a96312c1c882c1d7e1f"
    requires = [
        "setuptools",
    ]
    wheels = [
        "setuptools-80.9.0-py3-none-any.whl",
    ]

    [[platform.build-source]]
    file = "outer-1.0.tar.gz"
    name = "outer"
    version = "1.0"
    url = "https://index.example/outer-1.0.tar.gz"
    size = 1
    sha256 = "560e3e12b1e0dafa161e62fb3327ad65c98b7cd53849b17c627e8d3e1d419d6a"
    requires = [
        "setuptools",
    ]
    wheels = [
        "setuptools-80.9.0-py3-none-any.whl",
    ]
    sources = [
        "inner-1.0.tar.gz",
    ]
    "#);
    assert_eq!(InvarLock::parse(&text).unwrap(), nested());
    let mut other = nested();
    let locked = other.platforms.get_mut(&Platform::LinuxAmd64).unwrap();
    locked.build_sources.get_mut("inner-1.0.tar.gz").unwrap().sha256 = Digest::of(b"other");
    let lines: Vec<String> = InvarLock::changes(&nested(), &other).iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["for building: inner-1.0.tar.gz has different contents (linux/amd64)"]);
}

#[test]
fn nested_builds_that_cannot_be_are_refused() {
    let text = nested().to_string();
    let mut messages = String::new();
    for (from, to) in [
        ("    \"inner-1.0.tar.gz\",\n", "    \"inner-1.0.tar.gz\",\n    \"outer-1.0.tar.gz\",\n"),
        ("    \"outer-1.0.tar.gz\",\n", "    \"setuptools-80.9.0-py3-none-any.whl\",\n"),
        ("    \"outer-1.0.tar.gz\",\n", "    \"inner-1.0.tar.gz\",\n"),
        ("    \"inner-1.0.tar.gz\",\n", "    \"other-1.0.tar.gz\",\n"),
        ("file = \"inner-1.0.tar.gz\"", "file = \"../inner-1.0.tar.gz\""),
        ("file = \"inner-1.0.tar.gz\"", "file = \"outer-1.0.tar.gz\""),
    ] {
        let bad = text.replacen(from, to, 1);
        assert_ne!(bad, text, "{from}");
        messages += &format!("{}\n", InvarLock::parse(&bad).unwrap_err());
    }
    assert_snapshot!(messages, @r#"
    invar.lock, line 244: outer-1.0.tar.gz needs itself to be built; run `invar lock` to rewrite it
    invar.lock, line 215: unknown build source setuptools-80.9.0-py3-none-any.whl; run `invar lock` to rewrite it
    invar.lock, line 244: no build has outer-1.0.tar.gz; run `invar lock` to rewrite it
    invar.lock, line 257: unknown build source other-1.0.tar.gz; run `invar lock` to rewrite it
    invar.lock, line 230: "../inner-1.0.tar.gz" is not the name of a source archive; run `invar lock` to rewrite it
    invar.lock, line 257: unknown build source inner-1.0.tar.gz; run `invar lock` to rewrite it
    "#);
    // A tree that doubles with every step.
    let mut lock = nested();
    let locked = lock.platforms.get_mut(&Platform::LinuxAmd64).unwrap();
    let pattern = locked.build_sources["inner-1.0.tar.gz"].clone();
    for number in 0..20 {
        let mut one = pattern.clone();
        let twins = |number: usize| ["a", "b"].map(|twin| format!("{twin}-{number}.tar.gz"));
        one.build.sources = if number == 19 { BTreeSet::new() } else { twins(number + 1).into() };
        for file in twins(number) {
            locked.build_sources.insert(file, one.clone());
        }
    }
    locked.build_sources.get_mut("inner-1.0.tar.gz").unwrap().build.sources =
        ["a-0.tar.gz", "b-0.tar.gz"].map(str::to_owned).into();
    let error = InvarLock::parse(&lock.to_string()).unwrap_err().to_string();
    assert!(error.contains("needs too many packages to be built first"), "{error}");
}

#[test]
fn a_root_has_a_kind_and_perhaps_a_name() {
    for (text, kind, of) in [
        ("shell", ClosureKind::Shell, None),
        ("scripts", ClosureKind::Scripts, None),
        ("python", ClosureKind::Python, None),
        ("python:numpy", ClosureKind::Python, Some("numpy")),
        ("image:worker", ClosureKind::Image, Some("worker")),
        ("step:a-b", ClosureKind::Step, Some("a-b")),
        ("image-shell:x", ClosureKind::Unknown, Some("x")),
    ] {
        let name = root(text);
        assert_eq!((name.as_str(), name.kind(), name.name()), (text, kind, of));
        let because = Because::Root(name);
        assert_eq!(because.to_string().parse(), Ok(because));
    }
    for bad in [
        "",
        ":",
        "a:",
        ":a",
        "a:b:c",
        "A",
        "step:A",
        "a b",
        "-a",
        "a-",
        "a:-",
        "packages",
        "é",
        "a/b",
        &"a".repeat(263),
    ] {
        assert!(bad.parse::<ClosureName>().is_err(), "{bad:?}");
    }
    let longest: invar_python::DistributionName = "a".repeat(255).parse().unwrap();
    let root = ClosureName::python_package(&longest);
    assert_eq!(root.as_str().parse(), Ok(root));
    let names = [
        ClosureName::step(&"a".parse().unwrap()),
        ClosureName::python(),
        ClosureName::python_package(&"A_b".parse().unwrap()),
        ClosureName::shell(),
        ClosureName::scripts(),
        ClosureName::image(&"x".parse().unwrap()),
    ];
    for name in &names {
        assert_eq!(name.as_str().parse().as_ref(), Ok(name));
    }
    let words: Vec<&str> = names.iter().map(ClosureName::as_str).collect();
    assert_eq!(words, ["step:a", "python", "python:a-b", "shell", "scripts", "image:x"]);
    for because in
        [Because::Shell, Because::Root(ClosureName::shell()), Because::Essential, Because::Requested]
    {
        assert_eq!(because.to_string().parse(), Ok(because));
    }
}

#[test]
fn a_manifest_asks_for_roots() {
    let roots = |keys: &str| -> Vec<String> {
        Request::roots(&manifest(keys))
            .into_iter()
            .map(|(root, request)| {
                let words: Vec<String> = request.iter().map(ToString::to_string).collect();
                format!("{root} {}", words.join(" "))
            })
            .collect()
    };
    assert_eq!(
        roots(KEYS),
        [
            "image:documented fortune-mod",
            "image:small fortune-mod libc6",
            "image:worker libpq5",
            "python:psycopg2 gcc libpq-dev",
            "scripts ",
            "shell git",
            "step:assets nodejs=20 npm",
        ]
    );
    assert_eq!(roots("shell = true\n[tool.invar.images.w]\n"), ["shell "]);
    assert_eq!(roots("shell = {}"), ["shell "]);
    assert_eq!(roots("configure = \"run\""), ["scripts ", "shell "]);
    // One lock serves all images.
    let platforms = Request::of(&manifest(KEYS)).platforms;
    assert_eq!(platforms, [Platform::LinuxAmd64, Platform::LinuxArm64].into());
}

#[test]
fn a_lock_has_the_roots_and_files_of_its_manifest() {
    let check = |lock: &InvarLock, keys: &str, expected: &[&str]| {
        let found: Vec<String> = lock.check(&manifest(keys)).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{keys}");
    };
    check(&full(), KEYS, &[]);
    check(
        &full(),
        &KEYS.replace("\"git\"", "\"jq\", \"less\""),
        &["the packages for shell changed: jq, less added; git removed"],
    );
    check(
        &full(),
        &KEYS.replace("nodejs=20", "nodejs=22"),
        &["the packages for step:assets changed: nodejs=22 added; nodejs=20 removed"],
    );
    let more = "[[tool.invar.step]]\nname = \"more\"\nrun = \"x\"\noutputs.a = \"/app/more\"\n\
                fetch = [{ url = \"https://mirror.example/c.bin\" }, { url = \"https://mirror.example/c.bin\", path = \"d\" }]\n";
    check(
        &full(),
        &format!("{KEYS}{more}"),
        &[
            "invar.lock has no packages for step:more",
            "invar.lock has no sha256 for https://mirror.example/c.bin",
        ],
    );
    let digest = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
    let zeros = "0".repeat(64);
    check(
        &full(),
        &KEYS.replace(digest, &zeros),
        &[&format!("the sha256 of https://mirror.example/b.bin was {digest} and is {zeros}")],
    );
    // What the manifest itself says need not be in the lock.
    let mut fewer = full();
    fewer.fetches.remove("https://mirror.example/b.bin");
    check(&fewer, KEYS, &[]);
    // A root that is missing on one platform is missing.
    let mut torn = full();
    torn.platforms.get_mut(&Platform::LinuxArm64).unwrap().roots.remove(&ClosureName::scripts());
    check(&torn, KEYS, &["invar.lock has no packages for scripts"]);
}

#[test]
fn changes_of_tools_wheels_and_files_are_told() {
    let (old, mut new) = (full(), full());
    assert_eq!(InvarLock::changes(&old, &new), []);
    new.fetches.remove("https://mirror.example/a.bin");
    new.fetches.get_mut("https://mirror.example/b.bin").unwrap().sha256 = Digest::of(b"");
    new.fetches
        .insert("https://mirror.example/c.bin".to_owned(), LockedFetch { size: 0, sha256: Digest::of(b"") });
    for (platform, locked) in &mut new.platforms {
        locked.tools.get_mut("nodejs").unwrap().version = "22.1".parse().unwrap();
        if *platform == Platform::LinuxArm64 {
            locked.tools.get_mut("dpkg").unwrap().sha256 = Digest::of(b"");
        }
        let mut wheel = locked.build_wheels.remove("setuptools-80.9.0-py3-none-any.whl").unwrap();
        locked.build_wheels.insert("setuptools-81.0.0-py3-none-any.whl".to_owned(), wheel.clone());
        wheel.sha256 = Digest::of(b"other");
        locked.build_wheels.insert("wheel-0.45.1-py3-none-any.whl".to_owned(), wheel);
    }
    let lines: Vec<String> = InvarLock::changes(&old, &new).iter().map(ToString::to_string).collect();
    assert_snapshot!(lines.join("\n"), @r#"
    https://mirror.example/a.bin removed
    https://mirror.example/b.bin has different contents
    https://mirror.example/c.bin added
    dpkg 1.22.21 has different contents (linux/arm64)
    for building: nodejs 20.19.2 → 22.1 (linux/amd64, linux/arm64)
    for building: setuptools-80.9.0-py3-none-any.whl removed (linux/amd64, linux/arm64)
    for building: setuptools-81.0.0-py3-none-any.whl added (linux/amd64, linux/arm64)
    for building: wheel-0.45.1-py3-none-any.whl has different contents (linux/amd64, linux/arm64)
    "#);
}

#[test]
fn a_path_fault_says_what_to_do() {
    let absolute = ValueError::RelativePath { text: "/a".to_owned(), fault: PathFault::Absolute };
    assert_eq!(absolute.help().unwrap(), "write \"a\"");
}

prop_compose! {
    fn any_wheel()(url in "https://[a-z]{1,8}\\.example/[a-z0-9./?=%-]{0,20}", size: Option<u64>, sha256: [u8; 32]) -> LockedBuildWheel {
        LockedBuildWheel { url, size: size.map(|size| size >> 1), sha256: Digest::from_bytes(sha256) }
    }
}

proptest! {
    #[test]
    fn any_roots_and_builds_survive_being_written(
        tools in prop::collection::btree_map("[a-z][a-z0-9+.-]{1,8}", any_package(), 1..6),
        roots in prop::collection::btree_map(
            "[a-z]{1,6}(:[a-z0-9]{1,6})?",
            prop::collection::btree_set("[a-z][a-z0-9+.-]{1,5}(=[0-9][a-z0-9.]{0,3})?", 0..4), 0..4),
        wheels in prop::collection::btree_map("[a-z_]{1,8}-[0-9]{1,2}\\.[0-9]-py3-none-any\\.whl", any_wheel(), 0..4),
        requires in prop::collection::btree_set("\\PC{0,20}", 0..4),
        version in prop::option::of("[0-9]{1,3}(\\.[0-9]{1,3}){0,2}(rc1|\\.post2)?"),
        source: Option<[u8; 32]>,
        sources in 0usize..5,
    ) {
        let mut lock = sample();
        let mut platform = LockedPlatform::default();
        for (text, mut tool) in tools {
            tool.scripts = None;
            platform.tools.insert(name(&text), tool);
        }
        // Every tool is in some root.
        let all = LockedRoot { packages: platform.tools.keys().cloned().collect(), ..LockedRoot::default() };
        platform.roots.insert(root("all"), all);
        for (text, request) in roots {
            let packages = platform.tools.keys().take(request.len()).cloned().collect();
            let request = request.iter().map(|request| request.parse().unwrap()).collect();
            if let Ok(root) = text.parse::<ClosureName>() && text != "all" {
                platform.roots.insert(root, LockedRoot { request, packages });
            }
        }
        platform.build_wheels = wheels;
        // A chain, of which each is built for the one before.
        let sources: Vec<String> = (0..sources).map(|number| format!("source-{number}.tar.gz")).collect();
        for (number, file) in sources.iter().enumerate() {
            let build = LockedBuild {
                version: Some(format!("{number}")),
                source: Some(Digest::of(file.as_bytes())),
                sources: sources.get(number + 1).cloned().into_iter().collect(),
                ..LockedBuild::default()
            };
            let (name, url) = ("nested".parse().unwrap(), format!("https://index.example/{file}"));
            let sha256 = Digest::of(file.as_bytes());
            platform.build_sources.insert(file.clone(), LockedBuildSource { name, url, size: None, sha256, build });
        }
        let chain = sources.first().cloned();
        let build = LockedBuild {
            version,
            source: source.map(Digest::from_bytes),
            commit: source.map(|source| Digest::from_bytes(source).hex()),
            requires,
            wheels: platform.build_wheels.keys().cloned().collect(),
            sources: chain.into_iter().collect(),
        };
        platform.builds.insert("demo".parse().unwrap(), build);
        lock.platforms = [(Platform::LinuxAmd64, platform)].into();
        let text = lock.to_string();
        let read = InvarLock::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        prop_assert_eq!(read.to_string(), text);
        prop_assert_eq!(read, lock);
    }

    #[test]
    fn no_damage_to_roots_makes_the_reader_panic(at in 0usize..12_000, with in "\\PC{0,3}") {
        let text = full().to_string();
        let at = at % text.len();
        let _ = InvarLock::parse(&format!("{}{with}{}", &text[..at], &text[at + 1..]));
    }
}

#[test]
fn a_build_from_a_repository_names_its_commit() {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let mut lock = full();
    for platform in lock.platforms.values_mut() {
        let build = platform.builds.get_mut("psycopg2").unwrap();
        build.commit = Some(commit.to_owned());
    }
    let text = lock.to_string();
    assert_eq!(InvarLock::parse(&text), Ok(lock));
    for wrong in ["main", "0123456789ABCDEF0123456789ABCDEF01234567", ""] {
        let error = InvarLock::parse(&text.replacen(commit, wrong, 1)).unwrap_err();
        assert!(error.to_string().contains(&format!("{wrong:?} is not a commit")), "{error}");
    }
}

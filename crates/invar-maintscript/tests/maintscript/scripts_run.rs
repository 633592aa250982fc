//! What goes into the sandbox that runs maintainer scripts, and what of its result an image keeps.

use std::fmt::Write as _;

use invar_debian::Control;
use invar_maintscript::{
    ConfigureError, Reason, SCRIPTS_VERSION, ScriptPackage, ScriptRequest, ScriptResult, ScriptRun,
    Selection, TriggerError, clean, script_command, script_environment, script_files,
};
use invar_tree::{Contents as _, ImagePath, MemoryTree, Mode, Node, Origin, Owner, Sink as _, Tree, merge};

fn at(path: &str) -> ImagePath {
    ImagePath::parse(path).unwrap()
}

/// A package with these further fields, triggers and scripts.
fn control(name: &str, fields: &str, triggers: &str, scripts: &[(&str, &str)]) -> Control {
    let mut table = toml::Table::new();
    let text = format!(
        "Package: {name}\nVersion: 1\nArchitecture: amd64\nMaintainer: nobody\n{fields}Description: a\n b\n .\n c\n"
    );
    table.insert("control".into(), text.into());
    if !triggers.is_empty() {
        table.insert("triggers".into(), triggers.into());
    }
    let scripts: toml::Table =
        scripts.iter().map(|(name, text)| ((*name).to_owned(), (*text).into())).collect();
    table.insert("scripts".into(), scripts.into());
    table.try_into().unwrap()
}

fn package<'a>(control: &'a Control, files: &'a [ImagePath], run: bool) -> ScriptPackage<'a> {
    ScriptPackage { control, files, templates: None, tool: false, run }
}

fn files_of(packages: &[ScriptPackage<'_>]) -> Result<MemoryTree, ConfigureError> {
    script_files(&ScriptRequest { packages, root: &Tree::new(), architecture: "amd64", selections: &[] })
}

fn text(tree: &MemoryTree, path: &str) -> String {
    String::from_utf8(tree.read(&at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))).unwrap()
}

#[test]
fn the_records_say_who_is_to_be_configured() {
    let fonts = control("fonts", "Status: deinstall\n", "", &[("postinst", "#!/bin/sh\n")]);
    let library =
        control("libc6", "Multi-Arch: same\n", "activate-noawait ldconfig\n", &[("preinst", "#!/bin/sh\n")]);
    let reader =
        control("reader", "", "# fonts\ninterest-noawait /usr/share/fonts # all\ninterest named\n", &[]);
    let idle = control("idle", "", "interest /usr/share/icons\n", &[]);
    let tool = control("tool", "", "interest /usr/share/fonts\n", &[("postinst", "#!/bin/sh\n")]);
    let brought = [at("usr/share/fonts"), at("usr/share/fonts/a.ttf")];
    let packages = [
        ScriptPackage { templates: Some("Template: fonts/x\n"), ..package(&fonts, &brought, true) },
        package(&library, &[], true),
        package(&reader, &[], false),
        package(&idle, &[], false),
        ScriptPackage { tool: true, run: true, ..package(&tool, &brought, true) },
    ];
    let selections: [Selection; 1] = ["fonts fonts/x string y".parse().unwrap()];
    let root = Tree::new();
    let request =
        ScriptRequest { packages: &packages, root: &root, architecture: "amd64", selections: &selections };
    let tree = script_files(&request).unwrap();
    let rest = "Version: 1\nArchitecture: amd64\nMaintainer: nobody\n";
    let end = "Description: a\n b\n .\n c\n";
    assert_eq!(
        text(&tree, "var/lib/dpkg/status"),
        format!(
            "Package: fonts\nStatus: install ok unpacked\n{rest}{end}\n\
             Package: idle\nStatus: install ok installed\n{rest}{end}\n\
             Package: libc6\nStatus: install ok unpacked\n{rest}Multi-Arch: same\n{end}\n\
             Package: reader\nStatus: install ok triggers-pending\n{rest}{end}\
             Triggers-Pending: /usr/share/fonts\n\n\
             Package: tool\nStatus: install ok installed\n{rest}{end}\n"
        )
    );
    assert_eq!(
        text(&tree, "var/lib/dpkg/triggers/File"),
        "/usr/share/icons idle\n/usr/share/fonts reader/noawait\n"
    );
    assert_eq!(text(&tree, "var/lib/dpkg/triggers/named"), "reader\n");
    assert_eq!(text(&tree, "var/lib/dpkg/info/fonts.list"), "/.\n/usr/share/fonts\n/usr/share/fonts/a.ttf\n");
    assert_eq!(text(&tree, "var/lib/dpkg/info/fonts.templates"), "Template: fonts/x\n");
    let preinst = tree.tree().get("var/lib/dpkg/info/libc6:amd64.preinst").unwrap();
    assert_eq!(preinst.mode, Mode::PROGRAM);
    assert_eq!(text(&tree, "var/lib/dpkg/info/libc6:amd64.triggers"), "activate-noawait ldconfig\n");
    assert!(tree.tree().get("var/lib/dpkg/info/tool.postinst").is_none());
    assert_eq!(text(&tree, "run/invar/packages"), "fonts fonts amd64\nlibc6:amd64 libc6 amd64\n");
    assert_eq!(text(&tree, "run/invar/selections"), "fonts fonts/x string y\n");

    assert_eq!(
        (SCRIPTS_VERSION, tree.tree().digest().to_string().as_str()),
        (1, "sha256:bf7cb676988dbbe4392c38155f7cdf76a2a879afd22b7826bc791eeb51e37d83"),
        "what scripts are run with changed: raise SCRIPTS_VERSION and pin the new digest"
    );

    let mut reversed = packages;
    reversed.reverse();
    let again = script_files(&ScriptRequest { packages: &reversed, ..request }).unwrap();
    assert_eq!(again.tree(), tree.tree());
}

#[test]
fn links_into_usr_that_no_package_brings_belong_to_those_below_them() {
    let (library, shell, base) =
        (control("libc6", "", "", &[]), control("dash", "", "", &[]), control("base-files", "", "", &[]));
    let (below, program, links) =
        ([at("usr/lib64"), at("usr/lib64/ld.so")], [at("usr/bin/dash")], [at("bin"), at("lib64")]);
    let mut packages = vec![package(&library, &below, false), package(&shell, &program, false)];
    let list = |packages: &[ScriptPackage<'_>], name: &str| {
        text(&files_of(packages).unwrap(), &format!("var/lib/dpkg/info/{name}.list"))
    };
    assert_eq!(list(&packages, "libc6"), "/.\n/lib64\n/usr/lib64\n/usr/lib64/ld.so\n");
    assert_eq!(list(&packages, "dash"), "/.\n/bin\n/usr/bin/dash\n");
    packages.push(package(&base, &links, false));
    assert_eq!(list(&packages, "libc6"), "/.\n/usr/lib64\n/usr/lib64/ld.so\n");
}

#[test]
fn groups_that_handlers_linked_are_recorded() {
    let less = control(
        "less",
        "",
        "",
        &[(
            "postinst",
            "#!/bin/sh\nupdate-alternatives --install /usr/bin/pager pager /usr/bin/less 77 \\\n  \
             --slave /usr/share/man/man1/pager.1.gz pager.1.gz /usr/share/man/man1/less.1.gz\n",
        )],
    );
    let more = control(
        "util-linux",
        "",
        "",
        &[("postinst", "#!/bin/sh\nupdate-alternatives --install /usr/bin/pager pager /bin/more 50\n")],
    );
    let gone = control(
        "most",
        "",
        "",
        &[("postinst", "#!/bin/sh\nupdate-alternatives --install /usr/bin/pager pager /usr/bin/most 90\n")],
    );
    let (less_files, more_files) = ([at("usr/bin/less")], [at("usr/bin/more")]);
    let packages =
        [package(&less, &less_files, false), package(&more, &more_files, false), package(&gone, &[], false)];
    let tree = files_of(&packages).unwrap();
    assert_eq!(
        text(&tree, "var/lib/dpkg/alternatives/pager"),
        "auto\n/usr/bin/pager\npager.1.gz\n/usr/share/man/man1/pager.1.gz\n\n\
         /usr/bin/less\n77\n/usr/share/man/man1/less.1.gz\n/bin/more\n50\n\n\n"
    );
    let tree = files_of(&[package(&less, &less_files, true)]).unwrap();
    assert!(tree.tree().get("var/lib/dpkg/alternatives").is_none());
}

#[test]
fn hostile_triggers_are_refused() {
    #[track_caller]
    fn check(triggers: &str, is_expected: impl Fn(&TriggerError) -> bool) {
        let control = control("evil", "", triggers, &[]);
        let error = files_of(&[package(&control, &[], false)]).unwrap_err();
        let ConfigureError::Source { path, source, .. } = error else { panic!("{error}") };
        assert_eq!(path.as_str(), "var/lib/dpkg/info/evil.triggers");
        assert!(is_expected(source.downcast_ref().unwrap()), "{triggers:?}: {source}");
    }
    for name in ["../../etc/passwd", "/../etc", "a/b", "File", "two words"] {
        let triggers = format!("interest x\ninterest {name}\n");
        check(&triggers, |error| matches!(error, TriggerError::Name { line: 2, .. }));
    }
    check("want x\n", |error| matches!(error, TriggerError::Directive { line: 1, .. }));
    check("interest\n", |error| matches!(error, TriggerError::Directive { line: 1, .. }));
}

#[test]
fn a_package_given_twice_is_an_error() {
    let control = control("tini", "", "", &[]);
    let one = package(&control, &[], true);
    assert!(matches!(files_of(&[one, one]), Err(ConfigureError::Duplicate { .. })));
}

#[test]
fn what_the_scripts_see_is_pinned() {
    let control = control("tini", "", "", &[("postinst", "#!/bin/sh\n")]);
    let mut listing =
        files_of(&[package(&control, &[at("usr/bin/tini")], true)]).unwrap().tree().to_listing();
    for word in script_command() {
        writeln!(listing, "{word}").unwrap();
    }
    for (name, value) in script_environment() {
        writeln!(listing, "{name}={value}").unwrap();
    }
    // If intended, raise the format version and add to "Output digests" in the changelog.
    assert_eq!(
        invar_tree::Digest::of(listing.as_bytes()).to_string(),
        "sha256:86df1130e9baae61c9199e9595166bf1c4476c38093f72106608638e79c6c152",
        "{listing}"
    );
}

/// A tree of lines `KIND MODE UID:GID PATH [TEXT]`.
fn tree_of(origin: Origin, lines: &[&str]) -> MemoryTree {
    let mut tree = MemoryTree::new(origin);
    for line in lines {
        let mut fields = line.splitn(5, ' ');
        let mut field = || fields.next().unwrap_or_default();
        let (kind, mode, owner, path, text) = (field(), field(), field(), at(field()), field());
        let mode = Mode::new(u32::from_str_radix(mode, 8).unwrap());
        let (uid, gid) = owner.split_once(':').unwrap();
        let owner = Owner { uid: uid.parse().unwrap(), gid: gid.parse().unwrap() };
        match kind {
            "d" => tree.directory(path, mode, owner).unwrap(),
            "l" => tree.symlink(path, text.into(), owner).unwrap(),
            _ => tree.file(path, mode, owner, &mut text.replace("\\n", "\n").as_bytes()).unwrap(),
        }
    }
    tree
}

struct Case {
    native: MemoryTree,
    tools: MemoryTree,
}

impl Case {
    fn new(native: &[&str], tools: &[&str]) -> Self {
        Self { native: tree_of(Origin::Source, native), tools: tree_of(Origin::Source, tools) }
    }

    fn clean(&self, changed: &[&str], removed: &[&str]) -> (ScriptResult, String) {
        let sandbox = merge([self.native.tree(), self.tools.tree()]).unwrap().tree;
        let changed = tree_of(Origin::Scripts, changed);
        let removed: Vec<ImagePath> = removed.iter().map(|path| at(path)).collect();
        let ran = ScriptRun {
            native: &self.native,
            sandbox: &sandbox,
            changed: &changed,
            removed: &removed,
            docs: false,
        };
        let cleaned = clean(&ran).unwrap();
        let over = cleaned.over(self.native.tree()).unwrap();
        let shown = describe(&over, self.native.tree(), &cleaned, &changed);
        (cleaned, shown)
    }
}

/// How `over` differs from `native`, one path a line.
fn describe(over: &Tree, native: &Tree, cleaned: &ScriptResult, changed: &MemoryTree) -> String {
    let mut text = String::new();
    for (path, entry) in over.iter() {
        if native.get(path.as_str()).is_some_and(|native| native.same_as(entry)) {
            continue;
        }
        let head = format!("{} {}:{} {path}", entry.mode, entry.owner.uid, entry.owner.gid);
        match &entry.node {
            Node::Directory => writeln!(text, "d {head}"),
            Node::Symlink { target } => writeln!(text, "l {head} {target}"),
            Node::File { .. } => {
                let bytes = cleaned.contents(changed).read(path).unwrap();
                writeln!(text, "f {head} {}", String::from_utf8(bytes).unwrap().escape_debug())
            }
        }
        .unwrap();
    }
    for (path, _) in native.iter().filter(|(path, _)| over.get(path.as_str()).is_none()) {
        writeln!(text, "- {path}").unwrap();
    }
    text
}

#[track_caller]
fn check(native: &[&str], tools: &[&str], changed: &[&str], removed: &[&str], expected: &str) {
    let (_, shown) = Case::new(native, tools).clean(changed, removed);
    assert_eq!(shown, expected);
}

#[test]
fn new_and_changed_entries_are_kept_and_others_are_not_touched() {
    check(
        &["f 644 0:0 etc/a old", "f 644 0:0 etc/b same", "d 755 0:0 var/x", "f 644 0:0 etc/gone x"],
        &[],
        &[
            "f 644 0:0 etc/a new",
            "f 644 0:0 etc/b same",
            "d 700 7:8 var/x",
            "l 777 0:0 usr/bin/link /etc/alternatives/link",
            "f 640 33:4 srv/data/y 1",
        ],
        &["etc/gone", "etc/never"],
        "f 0644 0:0 /etc/a new\nd 0755 0:0 /srv\nd 0755 0:0 /srv/data\nf 0640 33:4 /srv/data/y 1\nd 0755 0:0 /usr\n\
         d 0755 0:0 /usr/bin\nl 0777 0:0 /usr/bin/link /etc/alternatives/link\nd 0700 7:8 /var/x\n- /etc/gone\n",
    );
}

#[test]
fn kinds_may_change() {
    check(
        &["f 644 0:0 a/x/y 1", "f 644 0:0 b/x 1", "f 644 0:0 c 1", "f 644 0:0 d/x 1", "f 644 0:0 d/y 1"],
        &[],
        &["l 777 0:0 a b", "f 644 0:0 b 2", "f 644 0:0 c/z 3", "f 644 0:0 d/x 1"],
        &["d"],
        "l 0777 0:0 /a b\nf 0644 0:0 /b 2\nd 0755 0:0 /c\nf 0644 0:0 /c/z 3\n- /a/x\n- /a/x/y\n- /b/x\n- /d/y\n",
    );
}

#[test]
fn owners_that_a_sandbox_hides_come_back() {
    check(
        &["f 640 0:42 etc/shadow root:*::0:99999:7:::", "d 2770 101:102 var/lib/redis"],
        &[],
        &[
            "f 640 0:0 etc/shadow root:*::0:99999:7:::\\nx:!:20416:0:::::\\n",
            "d 2770 0:0 var/lib/redis",
            "f 660 101:102 var/lib/redis/x 1",
        ],
        &[],
        "f 0640 0:42 /etc/shadow root:*::0:99999:7:::\\nx:!::0:::::\\n\nf 0660 101:102 /var/lib/redis/x 1\n",
    );
}

#[test]
fn owners_and_bits_that_scripts_give_or_take_count() {
    check(
        &["f 4755 0:0 usr/bin/su 1", "f 755 0:0 usr/bin/ssh-agent 1", "d 2770 0:0 srv", "f 644 0:0 etc/x 1"],
        &[],
        &[
            "f 755 0:0 usr/bin/su 1",
            "f 2755 0:101 usr/bin/ssh-agent 1",
            "d 770 0:0 srv",
            "f 644 33:0 etc/x 1",
        ],
        &[],
        "f 0644 33:0 /etc/x 1\nd 0770 0:0 /srv\nf 2755 0:101 /usr/bin/ssh-agent 1\nf 0755 0:0 /usr/bin/su 1\n",
    );
}

#[test]
fn special_bits_are_set_first() {
    let root = tree_of(
        Origin::Source,
        &[
            "f 4755 0:0 usr/bin/su 1",
            "f 2755 0:42 usr/bin/chage 1",
            "f 755 0:0 usr/bin/x 1",
            "d 1777 0:0 tmp",
        ],
    );
    let request = ScriptRequest { packages: &[], root: root.tree(), architecture: "amd64", selections: &[] };
    let files = script_files(&request).unwrap();
    assert_eq!(text(&files, "run/invar/special"), "2755\0/usr/bin/chage\x004755\0/usr/bin/su\0");
}

#[test]
fn what_scripts_did_not_touch_is_not_theirs() {
    // Where the sandbox's root is a copy, all of it comes back, and in it what was laid over the image for the scripts.
    let native =
        tree_of(Origin::Source, &["f 444 0:0 etc/machine-id ", "f 755 0:0 usr/sbin/start-stop-daemon 1"]);
    let laid =
        &["f 644 0:0 etc/machine-id 69", "f 755 0:0 usr/sbin/start-stop-daemon none", "f 755 0:0 run/x 1"];
    let sandbox = tree_of(Origin::Source, laid);
    let changed = tree_of(Origin::Scripts, laid);
    let ran =
        ScriptRun { native: &native, sandbox: sandbox.tree(), changed: &changed, removed: &[], docs: false };
    let cleaned = clean(&ran).unwrap();
    assert_eq!((cleaned.tree.len(), cleaned.removed.len(), cleaned.left_out.len()), (0, 0, 0), "{cleaned:?}");
}

#[test]
fn what_varies_is_dropped_and_told() {
    let case =
        Case::new(&["d 755 0:0 run", "f 644 0:0 var/lib/dpkg/status.d/x 1", "d 755 0:0 etc/ssl/certs"], &[]);
    let key = "-----BEGIN PRIVATE KEY-----\\nAA\\n";
    let (cleaned, shown) = case.clean(
        &[
            "f 644 0:0 run/x/y 1",
            "f 644 0:0 var/lib/dpkg/status 1",
            "f 644 0:0 var/log/dpkg.log today",
            "f 640 33:4 var/log/nginx/access.log today",
            "f 644 0:0 etc/passwd- 1",
            "f 600 0:0 etc/ssh/ssh_host_rsa_key 1",
            &format!("f 600 0:0 etc/mine/key.pem {key}"),
            "f 644 0:0 etc/ssl/certs/ssl-cert-snakeoil.pem 1",
            "l 777 0:0 etc/ssl/certs/5a5c6421.0 ssl-cert-snakeoil.pem",
            "l 777 0:0 etc/mine/link key.pem",
            "f 644 0:0 usr/share/man/man1/x.1 1",
            "d 755 0:0 var/cache/fontconfig",
            "f 644 0:0 var/cache/fontconfig/x 1",
        ],
        &["var/lib/dpkg/status.d/x"],
    );
    assert_eq!(
        shown,
        "d 0755 0:0 /etc/mine\nd 0755 0:0 /etc/ssh\nd 0755 0:0 /usr\nd 0755 0:0 /usr/share\nd 0755 0:0 /var/cache\n\
         d 0755 0:0 /var/cache/fontconfig\nd 0755 0:0 /var/log\nd 0755 0:0 /var/log/nginx\n\
         f 0640 33:4 /var/log/nginx/access.log \n"
    );
    let notable: Vec<(String, Reason)> = cleaned
        .left_out
        .iter()
        .filter(|left_out| left_out.reason.is_notable())
        .map(|left_out| (left_out.path.to_string(), left_out.reason))
        .collect();
    let expected = [
        ("/etc/mine/key.pem", Reason::Secret),
        ("/etc/mine/link", Reason::Identity),
        ("/etc/ssh/ssh_host_rsa_key", Reason::Identity),
        ("/etc/ssl/certs/5a5c6421.0", Reason::Identity),
        ("/etc/ssl/certs/ssl-cert-snakeoil.pem", Reason::Identity),
    ];
    assert_eq!(notable, expected.map(|(path, reason)| (path.to_owned(), reason)));
}

#[test]
fn tools_do_not_reach_the_image() {
    let case = Case::new(
        &["f 755 0:0 usr/bin/dash 1", "f 644 0:0 etc/shells old"],
        &["f 755 0:0 usr/bin/bash 1", "d 700 0:5 opt/tool", "f 644 0:0 etc/tool.conf 1"],
    );
    let (cleaned, shown) = case.clean(
        &[
            "f 644 0:0 etc/tool.conf 2",
            "f 755 0:0 usr/bin/bash 1",
            "d 700 0:0 opt/tool",
            "f 644 0:0 opt/tool/new 1",
            "f 644 0:0 etc/shells # shells\\n/usr/bin/dash\\n/usr/bin/bash\\n",
        ],
        &["opt/tool/gone"],
    );
    assert_eq!(
        shown,
        "f 0644 0:0 /etc/shells # shells\\n/usr/bin/dash\\n\nd 0755 0:0 /opt\nd 0700 0:5 /opt/tool\n\
         f 0644 0:0 /opt/tool/new 1\n"
    );
    let paths: Vec<String> = cleaned.left_out.iter().map(|left_out| left_out.path.to_string()).collect();
    assert_eq!(paths, ["/etc/tool.conf"]);
    assert_eq!(cleaned.left_out[0].reason, Reason::Tool);
}

#[test]
fn a_file_that_is_too_long_for_what_it_is_is_refused() {
    let native = MemoryTree::new(Origin::Source);
    let mut changed = MemoryTree::new(Origin::Scripts);
    let long = vec![b':'; 17 << 20];
    changed.file(at("etc/shadow"), Mode::FILE, Owner::ROOT, &mut long.as_slice()).unwrap();
    let ran =
        ScriptRun { native: &native, sandbox: native.tree(), changed: &changed, removed: &[], docs: true };
    assert!(matches!(clean(&ran), Err(ConfigureError::TooLong { .. })));
}

use std::collections::BTreeMap;

use super::*;

const OUT: &str = "/nix/store/00000000000000000000000000000001-app";
const FORTUNE: &str = "/nix/store/00000000000000000000000000000007-fortune";

fn project() -> BTreeMap<String, Option<String>> {
    let files = [
        ("main.py", "#!/usr/bin/env python\nprint('@greeting@')\n"),
        ("pyproject.toml", ""),
        ("README.md", ""),
        ("data/a.txt", "a"),
        ("data/b.txt", "b"),
        ("src/app/__init__.py", ""),
        ("src/app/web.py", ""),
        ("app.1", ""),
    ];
    files.into_iter().map(|(path, text)| (path.to_owned(), Some(text.to_owned()))).collect()
}

fn run(text: &str) -> PhaseTree {
    let files = project();
    let text = text.replace("FORTUNE", FORTUNE);
    let variables = [("src", "/build/source"), ("pname", "demo"), ("empty", "")];
    let mut interpreter = Interpreter::new(PhaseStart {
        variables: variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Some(value.to_owned())))
            .collect(),
        arrays: BTreeMap::new(),
        output: OUT.to_owned(),
        directory: "/build/source".to_owned(),
        sources: vec![("/build/source".to_owned(), String::new())],
        files: &files,
    });
    interpreter.run("installPhase", &text);
    interpreter.finish()
}

fn short(text: &str) -> String {
    text.replace(FORTUNE, "FORTUNE").replace(OUT, "$out")
}

/// One line for each path that is no directory, and for each command that is not read.
fn shown(tree: &PhaseTree) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, entry) in &tree.entries {
        let mode = entry.mode.map(|mode| format!(" {mode:o}")).unwrap_or_default();
        let put = match &entry.put {
            FileContent::Directory => continue,
            FileContent::Project { from } => format!("project {from:?}"),
            FileContent::Foreign { from } => format!("copy {from}"),
            FileContent::Link { to } => format!("link {to}"),
            FileContent::Wrapper(wrapper) => format!("wrapper {}", show_wrapper(wrapper)),
            FileContent::Text { content } => format!("text {content:?}"),
            FileContent::Unknown { why, .. } => format!("? {why}"),
        };
        lines.push(short(&format!("{path}: {put}{mode}")));
    }
    for UnknownCommand { at, command, why } in &tree.unread {
        lines.push(short(&format!("{}: {command}: {why}", at.line)));
    }
    lines
}

fn show_wrapper(wrapper: &Wrapper) -> String {
    let mut text = wrapper.program.clone();
    wrapper.before.iter().for_each(|argument| text += &format!(" {argument}"));
    text += if wrapper.drops_arguments { "" } else { " @" };
    wrapper.after.iter().for_each(|argument| text += &format!(" {argument}"));
    for change in &wrapper.environment {
        text += &match change {
            EnvChange::Set { name, value } => format!(" {name}={value}"),
            EnvChange::Default { name, value } => format!(" {name}?={value}"),
            EnvChange::Unset { name } => format!(" -{name}"),
            EnvChange::Prefix { name, separator, value } => format!(" {name}={value}{separator}+"),
            EnvChange::Suffix { name, separator, value } => format!(" {name}=+{separator}{value}"),
        };
    }
    if let Some(directory) = &wrapper.directory {
        text += &format!(" in {directory}");
    }
    match &wrapper.first_argument {
        FirstArgument::Program => {}
        FirstArgument::Text(name) => text += &format!(" as {name}"),
        FirstArgument::Inherited => text += " as called",
    }
    wrapper.shell.iter().for_each(|line| text += &format!(" sh({line})"));
    text
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(shown(&run(text)), expected, "{text}");
}

#[test]
fn files_are_copied_where_the_commands_say() {
    check("mkdir -p $out/bin\ncp main.py $out/bin/main.py", &["bin/main.py: project \"main.py\""]);
    check("mkdir -p $out/bin; cp main.py $out/bin", &["bin/main.py: project \"main.py\""]);
    check("cp main.py $out/main", &["main: project \"main.py\""]);
    check(
        "mkdir $out; cp -r . $out/",
        &[
            "README.md: project \"README.md\"",
            "app.1: project \"app.1\"",
            "data: project \"data\"",
            "main.py: project \"main.py\"",
            "pyproject.toml: project \"pyproject.toml\"",
            "src: project \"src\"",
        ],
    );
    check(
        "cp -r . $out",
        &[
            "README.md: project \"README.md\"",
            "app.1: project \"app.1\"",
            "data: project \"data\"",
            "main.py: project \"main.py\"",
            "pyproject.toml: project \"pyproject.toml\"",
            "src: project \"src\"",
        ],
    );
    check("cp -r $src/. $out/app", &["app: project \"\""]);
    check(
        "mkdir -p $out/share && cp -R data src/app $out/share/",
        &["share/app: project \"src/app\"", "share/data: project \"data\""],
    );
    check(
        "mkdir -p $out/{bin,share/doc}\ncp README.md *.1 $out/share/doc",
        &["share/doc/README.md: project \"README.md\"", "share/doc/app.1: project \"app.1\""],
    );
    check("mkdir -p $out/d; cp data/*.txt $out/d/; rm $out/d/b.txt", &["d/a.txt: project \"data/a.txt\""]);
    check("cp -r data $out/d; rm $out/d/b.txt", &["d/a.txt: project \"data/a.txt\""]);
    check(
        "cp -t $out/x main.py README.md",
        &["x/README.md: project \"README.md\"", "x/main.py: project \"main.py\""],
    );
    check(
        "mkdir -p $out/d; cp \"$src\"/data/*.txt \"$out/d\"",
        &["d/a.txt: project \"data/a.txt\"", "d/b.txt: project \"data/b.txt\""],
    );
    check("cp FORTUNE/bin/fortune $out/bin/fortune", &["bin/fortune: copy FORTUNE/bin/fortune"]);
    check("mkdir -p $out; cp -r FORTUNE/. $out/", &["*: copy FORTUNE/*"]);
    check("mkdir -p $out/bin; cp FORTUNE/bin/* $out/bin", &["bin/*: copy FORTUNE/bin/*"]);
    check("cd src; cp app/web.py $out/web.py", &["web.py: project \"src/app/web.py\""]);
    check(
        "(cd src && cp app/web.py $out/web.py); cp main.py $out/m",
        &["m: project \"main.py\"", "web.py: project \"src/app/web.py\""],
    );
    check(
        "mv data $out/d; cp -r data $out/e",
        &[
            "d: project \"data\"",
            "e: ? `data` is not in the project",
            "1: cp -r data $out/e: `data` is not in the project",
        ],
    );
}

#[test]
fn install_ln_and_modes() {
    check("install -Dm755 main.py $out/bin/demo", &["bin/demo: project \"main.py\" 755"]);
    check(
        "install -D -m 644 -t $out/share README.md data/a.txt",
        &["share/README.md: project \"README.md\" 644", "share/a.txt: project \"data/a.txt\" 644"],
    );
    check("install -d $out/a $out/b; install main.py $out/a", &["a/main.py: project \"main.py\" 755"]);
    check(
        "mkdir -p $out/bin; ln -s FORTUNE/bin/fortune $out/bin/fortune",
        &["bin/fortune: link FORTUNE/bin/fortune"],
    );
    check(
        "mkdir -p $out/bin; ln -sf FORTUNE/bin/fortune $out/bin/",
        &["bin/fortune: link FORTUNE/bin/fortune"],
    );
    check(
        "cp main.py $out/m; ln -s $out/m $out/n; chmod +x $out/m",
        &["m: project \"main.py\" 755", "n: link $out/m"],
    );
    check(
        "cp -r src $out/s; chmod 600 $out/s/app/web.py; chmod -R u+w $out",
        &[
            "s/app/__init__.py: project \"src/app/__init__.py\"",
            "s/app/web.py: project \"src/app/web.py\" 600",
        ],
    );
    check(
        "installManPage app.1; installBin main.py",
        &["bin/main.py: project \"main.py\" 755", "share/man/man1/app.1: project \"app.1\""],
    );
}

#[test]
fn texts_are_written() {
    check(
        "cat > $out/bin/run <<EOF\n#!/bin/sh\nexec $pname \"\\$@\"\nEOF\nchmod +x $out/bin/run",
        &["bin/run: text \"#!/bin/sh\\nexec demo \\\"$@\\\"\\n\" 755"],
    );
    check("cat <<'EOF' >$out/x\n$pname\nEOF", &["x: text \"$pname\\n\""]);
    check(
        "echo a > $out/x; echo -n b >> $out/x; printf '%s=%s\\n' k v >> $out/x",
        &["x: text \"a\\nbk=v\\n\""],
    );
    check("echo hi | tee $out/x", &["x: text \"hi\\n\""]);
    check("touch $out/empty", &["empty: text \"\""]);
    check("cat main.py > $out/x", &["x: project \"main.py\""]);
    check(
        "cp main.py $out/x; substituteInPlace $out/x --replace-fail @greeting@ hello --replace print say",
        &["x: text \"#!/usr/bin/env python\\nsay('hello')\\n\""],
    );
    check(
        "substitute main.py $out/x --subst-var-by greeting $pname; patchShebangs $out",
        &["x: text \"#!/usr/bin/env python\\nprint('demo')\\n\""],
    );
    check(
        "cp main.py $out/x; sed -i s/a/b/ $out/x",
        &["x: ? sed changes its text", "1: sed -i s/a/b/ $out/x: sed changes its text"],
    );
    check(
        "python gen.py > $out/x",
        &["x: ? what it writes is unknown", "1: python gen.py > $out/x: what it writes is unknown"],
    );
}

#[test]
fn wrappers_with_all_their_flags() {
    check(
        "makeWrapper FORTUNE/bin/python $out/bin/$pname \\\n  --add-flags $out/bin/main.py \\\n  --set A $out/bin/x",
        &["bin/demo: wrapper FORTUNE/bin/python $out/bin/main.py @ A=$out/bin/x 755"],
    );
    check(
        "makeBinaryWrapper a $out/b --set-default D 1 --unset U --chdir /d --run 'mkdir x' --add-flag 'a b' \
         --append-flags 'c d' --append-flag e --prefix PATH : FORTUNE/bin --suffix X ' ' y --argv0 z",
        &["b: wrapper a a b @ c d e D?=1 -U PATH=FORTUNE/bin:+ X=+ y in /d as z sh(mkdir x) 755"],
    );
    check(
        "makeWrapper a $out/b --prefix-each P : 'x y' --suffix-contents P : f --inherit-argv0",
        &["b: wrapper a @ P=x:+ P=y:+ as called sh(--suffix-contents P : f) 755"],
    );
    check(
        "makeWrapper a $out/b --add-flags '-c $HOME/x'",
        &["b: wrapper a -c $HOME/x @ sh(--add-flags -c $HOME/x) 755"],
    );
    check(
        "cp main.py $out/m; wrapProgram $out/m --set A 1; wrapProgram $out/m --set B 2",
        &[".m-wrapped: project \"main.py\"", "m: wrapper $out/.m-wrapped @ B=2 A=1 755"],
    );
    check(
        "args=(--set A 'b c')\nargs+=(--unset D)\nmakeWrapper a $out/b \"${args[@]}\" \"${hookArgs[@]}\"",
        &["b: wrapper a @ A=b c -D 755"],
    );
    check(
        "makeWrapper a $out/b --no-such x",
        &[
            "b: ? --no-such is unknown, or lacks its values",
            "1: makeWrapper a $out/b --no-such x: --no-such is unknown, or lacks its values",
        ],
    );
}

#[test]
fn loops_and_conditions_are_followed_where_they_are_decided() {
    check(
        "for f in README.md app.1; do cp $f $out/$f; done",
        &["README.md: project \"README.md\"", "app.1: project \"app.1\""],
    );
    check(
        "for f in data/*.txt; do cp \"$f\" $out/$(basename $f .txt); done",
        &["a: project \"data/a.txt\"", "b: project \"data/b.txt\""],
    );
    check(
        "if [ -f main.py ]; then cp main.py $out/x; else cp nothing $out/x; fi",
        &["x: project \"main.py\""],
    );
    check("if [ -d static ]; then cp -r static $out/; elif [[ -n \"$empty\" ]]; then cp a b; fi", &[]);
    check("[ -f none ] && cp none $out/x; [ -f none ] || cp main.py $out/x", &["x: project \"main.py\""]);
    check("cp none $out/x 2>/dev/null || true", &["x: ? `none` is not in the project"]);
    check(
        "if [ -n \"$WHO\" ]; then cp main.py $out/x; fi",
        &[
            "x: ? the condition around it is unknown",
            "1: cp main.py $out/x: the condition around it is unknown",
        ],
    );
    check(
        "while true; do cp main.py $out/x; done; case $pname in a) cp a b;; *) cp main.py $out/y;; esac",
        &[
            "x: ? how often it runs is unknown",
            "y: ? which pattern matches is unknown",
            "1: cp main.py $out/x: how often it runs is unknown",
            "1: cp a b: which pattern matches is unknown",
            "1: cp main.py $out/y: which pattern matches is unknown",
        ],
    );
    check(
        "f() { cp main.py $out/x; }\nrunHook preInstall; set -e; ! false; export A=b; cp $A $out/c || :",
        &["c: ? `b` is not in the project"],
    );
}

#[test]
fn what_is_not_known_is_told_with_its_line() {
    check(
        "mkdir -p $out\n\nnpm run build\ncp -r dist $out/web",
        &[
            "web: ? `dist` is not in the project; perhaps `npm run build` (installPhase line 3) makes it",
            "3: npm run build: what it does is unknown",
            "4: cp -r dist $out/web: `dist` is not in the project; perhaps `npm run build` (installPhase line 3) makes it",
        ],
    );
    check(
        "gcc main.c -o $out/bin/main",
        &["bin/main: ? what it does is unknown", "1: gcc main.c -o $out/bin/main: what it does is unknown"],
    );
    check(
        "find . -name x | xargs cp -t $out",
        &["1: find . -name x | xargs cp -t $out: what goes through a pipe is unknown"],
    );
    check(
        "cp $NOBODY $out/x; cp $(ls) $out/y",
        &[
            "x: ? $NOBODY is unknown",
            "y: ? the output of `ls` is unknown",
            "1: cp $NOBODY $out/x: $NOBODY is unknown",
            "1: cp $(ls) $out/y: the output of `ls` is unknown",
        ],
    );
    check("{ echo a; echo b; } > $out/x", &["1: $out/x: what is written to it is unknown"]);
    check(
        "echo 'a",
        &["1: : a quote, a parenthesis or a here-document is not closed, or there are too many commands"],
    );
}

#[test]
fn the_root_of_an_image_is_an_output_too() {
    let files = project();
    let start = |directory: &str| PhaseStart {
        variables: BTreeMap::new(),
        arrays: BTreeMap::new(),
        output: directory.to_owned(),
        directory: directory.to_owned(),
        sources: vec![],
        files: &files,
    };
    let mut interpreter = Interpreter::new(start("/image"));
    interpreter.run(
        "extraCommands",
        "mkdir -p -m 1777 tmp app/data\nln -s /bin/x usr/bin\nchown -R 1000:1000 ./app",
    );
    let tree = interpreter.finish();
    assert_eq!(shown(&tree), ["usr/bin: link /bin/x"]);
    assert_eq!(tree.entries["tmp"].mode, Some(0o1777));
    assert_eq!((tree.owners[0].path.as_str(), tree.owners[0].owner.as_str()), ("app", "1000:1000"));
    let mut interpreter = Interpreter::new(start("/"));
    interpreter.run("runAsRoot", "#!/bin/sh\nmkdir -p /data\ngroupadd -r app\necho x > /etc/motd");
    assert_eq!(
        shown(&interpreter.finish()),
        ["etc/motd: text \"x\\n\"", "3: groupadd -r app: what it does is unknown"]
    );
}

#[test]
fn scripts_that_only_start_a_program_are_launchers() {
    let check = |text: &str, expected: &str| {
        let shown = match read_launcher(text) {
            Ok(wrapper) => show_wrapper(&wrapper),
            Err(NotALauncher { line, command, why }) => format!("{line}: {command}: {why}"),
        };
        assert_eq!(shown, expected, "{text}");
    };
    check("#!/bin/sh\nset -e\nexport A=b\nexec /x/python -m app \"$@\"", "/x/python -m app @ A=b");
    check("export A=b C=\"$A/c\"; cd /srv; D=1 python main.py", "python main.py A=b C=b/c D=1 in /srv");
    check("P=8000\nexec uvicorn --port $P \"$@\" --reload", "uvicorn --port 8000 @ --reload");
    check("export PATH=/x/bin:$PATH\nexport Y=\"${Y:-z}\"\na", "a PATH=/x/bin:+ Y?=z");
    check("export L=/x${L:+:$L}\nunset Z\nexec -a n a \"$@\"", "a @ L=/x:+ -Z as n");
    check("mkdir -p /x\nexec a", "1: mkdir -p /x: it runs a program before the last one");
    check("if a; then b; fi", "1: a: it has loops or conditions");
    check("a | b", "1: a: it runs several programs together");
    check("exec a \"$1\"", "1: exec a \"$1\": an argument depends on how the script is started");
    check("export A=$B\na", "1: export A=$B: a variable depends on how the script is started");
    check("set -e", "1: : it starts no program");
}

#[test]
fn hostile_texts_are_bounded() {
    let many = "mkdir -p $out/x\n".repeat(30_000);
    assert!(!run(&many).unread.is_empty());
    let deep = format!("{}cp main.py $out/x{}", "if true; then ".repeat(2_000), "; fi".repeat(2_000));
    run(&deep);
    run(&format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000)));
    run(&format!("cp {} $out", "{a,b}".repeat(64)));
    run("a=xxxxxxxxxxxxxxxx\nfor i in {1,2,3,4}{1,2,3,4}{1,2,3,4}; do a=$a$a; echo $a >> $out/x; done");
    run(&format!(
        "ln -s $out/b $out/a; ln -s $out/a $out/b; cp $out/a/x $out/y; {}",
        "cp -r $out $out/z;".repeat(50)
    ));
    run("cp -r . $out/a; cp -r $out/a $out/a/b; mv $out $out/c; rm -rf /; cp -r / $out/x");
    run(&"x".repeat(LONGEST + 1));
    for text in [
        "", "$", "${", "`", "cat <<", "a=(", "[[", "for", "for x in", "case", "install", "cp", "ln -s",
        "mv a",
    ] {
        run(text);
        assert!(read_launcher(text).is_err() || !text.is_empty());
    }
}

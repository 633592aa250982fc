use super::*;

fn read(text: &str) -> Result<Global, Failure> {
    parse(Path::new("config.toml"), text, Some(Path::new("/home/me")))
}

/// A valid value of every setting, in the file's spelling.
const ALL: &str = "store = \"~/store\"\noffline = true\ndebian-mirror = \"http://a.example/debian\"\n\
    debian-security-mirror = \"http://a.example/security\"\npython-index = \"https://a.example/simple\"\n\
    snapshot = \"http://a.example/archive\"\njobs = 3\nbuild-memory = \"1GiB\"\nbuild-disk = \"2GiB\"\n";

#[test]
fn every_setting_can_be_in_the_file() {
    let settings = settings();
    for setting in &settings {
        let (long, variable) = (setting.get_long().unwrap(), setting.get_env().unwrap().to_str().unwrap());
        assert_eq!(variable, format!("INVAR_{}", long.to_uppercase().replace('-', "_")), "one name");
        assert!(ALL.lines().any(|line| line.starts_with(&format!("{long} = "))), "{long}");
    }
    assert_eq!(ALL.lines().count(), settings.len());
    let mut global = Global::default();
    merge(&mut global, &Given::default(), read(ALL).unwrap());
    let written = serde_json::to_value(&global).unwrap();
    let expected = serde_json::json!({
        "project": null, "directory": null, "store": "/home/me/store", "offline": true, "quiet": false, "verbose": false, "json": false,
        "color": "Auto",
        "debian_mirror": null, "debian_security_mirror": null, "python_index": null,
        "snapshot": "http://a.example/archive", "jobs": 3, "build_memory": 1 << 30, "build_disk": 2_u64 << 30,
        "weaker": {
            "debian_mirror": "http://a.example/debian",
            "debian_security_mirror": "http://a.example/security",
            "python_index": "https://a.example/simple",
        },
    });
    assert_eq!(written, expected);
}

#[test]
fn what_is_wrong_has_its_line() {
    for (text, expected) in [
        ("\n\njob = 3\n", "config.toml:3: unknown key `job`\nhelp: did you mean `jobs`?"),
        ("quiet = true\n", "config.toml:1: unknown key `quiet`\nhelp: known keys: store, offline, "),
        ("[mirror]\nx = 1\n", "config.toml:1: unknown key `mirror`"),
        ("jobs = 1\njobs = 2\n", "config.toml:2: invalid TOML: duplicate key"),
        ("jobs = 0\n", "config.toml:1: `jobs`: number would be zero for non-zero type"),
        ("# x\nbuild-disk = \"4 apples\"\n", "config.toml:2: `build-disk`: expected a number with KiB"),
        ("offline = \"yes\"\n", "config.toml:1: `offline` must be true or false"),
        ("jobs = [1]\n", "config.toml:1: `jobs` must be a string or a number"),
        ("store = \"here\"\n", "config.toml:1: `store` must be an absolute path"),
        ("x\n", "config.toml:1: invalid TOML"),
    ] {
        let found = read(text).err().map(|failure| failure.text()).unwrap_or_default();
        assert!(found.starts_with(expected), "{text:?}: {found}");
    }
    assert!(read("").is_ok());
}

/// Where each setting can be set, as a table.
fn table() -> String {
    let mut rows = vec![["option", "variable", "key", "what it does"].map(str::to_owned)];
    for setting in settings() {
        let (long, variable) = (setting.get_long().unwrap(), setting.get_env().unwrap().to_str().unwrap());
        let key = if matches!(setting.get_action(), ArgAction::SetTrue) { "true" } else { "…" };
        let help = setting.get_help().unwrap().to_string().replace('|', "\\|");
        rows.push([format!("`--{long}`"), format!("`{variable}`"), format!("`{long} = {key}`"), help]);
    }
    rows.insert(1, ["---"; 4].map(str::to_owned));
    rows.iter().map(|row| format!("| {} |\n", row.join(" | "))).collect()
}

#[test]
fn the_page_lists_every_setting() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("-p invar configuration -->\n\n").unwrap();
    let (_, after) = rest.split_once("\n<!-- end -->").unwrap();
    let expected = format!("{before}-p invar configuration -->\n\n{}\n<!-- end -->{after}", table());
    #[expect(clippy::disallowed_methods, reason = "a person asks the test to write the file")]
    if std::env::var_os("INVAR_BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap();
        return;
    }
    assert_eq!(page, expected, "docs/configuration.md is out of date: run with INVAR_BLESS=1");
}

//! The index in uv's and pip's settings.
//!
//! * `uv.toml`: the `url` of the table in `index` that has `default = true`, else `index-url` ("Configuration files"
//!   and "Package indexes" in uv's documentation).
//! * `pip.conf`: `index-url` in the section `global` ("Configuration" in pip's documentation). The format is that of
//!   Python's configparser: `[section]`, `key = value` or `key: value`, comments after `#` or `;` at the beginning of
//!   a line, and lines that go on with what the one before began, which are indented.
use invar_formats::url::without_credentials;
use invar_project::AbsoluteUrl;
use toml::Value;

/// The default index in the text of a `uv.toml`.
pub(super) fn in_uv_toml(text: &str) -> Option<String> {
    let table: toml::Table = text.parse().ok()?;
    let indexes = table.get("index").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_default = |index: &&Value| index.get("default").and_then(Value::as_bool) == Some(true);
    let default = indexes.iter().find(is_default).and_then(|index| index.get("url"));
    default.or_else(|| table.get("index-url"))?.as_str().map(str::to_owned)
}

/// The index in the text of a `pip.conf`.
pub(super) fn in_pip_conf(text: &str) -> Option<String> {
    let mut is_global = false;
    let mut found = None;
    for line in text.lines() {
        let is_indented = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) || is_indented {
            continue;
        }
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            is_global = section.0 == "global";
            continue;
        }
        let Some((key, value)) = line.split_once(['=', ':']) else { continue };
        // pip takes both spellings, and the last of several.
        if is_global && key.trim().to_ascii_lowercase().replace('_', "-") == "index-url" {
            found = Some(value.trim().to_owned());
        }
    }
    found.filter(|url| !url.is_empty())
}

/// The index that a setting names; `None` where it is none on the web.
///
/// uv's settings may have a name in front (`name=https://…`). A name and password in the URL are dropped: they are
/// not sent, and must not get into messages.
pub(super) fn index(setting: &str) -> Option<AbsoluteUrl> {
    let setting = setting.trim();
    let url = match setting.split_once('=') {
        Some((name, url)) if !name.contains("://") => url,
        _ => setting,
    };
    without_credentials(url).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uv_toml() {
        let check =
            |text: &str, expected: Option<&str>| assert_eq!(in_uv_toml(text).as_deref(), expected, "{text}");
        check("index-url = \"https://a.example/simple\"\n", Some("https://a.example/simple"));
        check(
            "index-url = \"https://a.example\"\n[[index]]\nurl = \"https://b.example\"\n\
             [[index]]\nname = \"c\"\nurl = \"https://c.example\"\ndefault = true\n",
            Some("https://c.example"),
        );
        check("[[index]]\nurl = \"https://b.example\"\n", None);
        check("[[index]]\nurl = \"https://b.example\"\ndefault = false\n", None);
        check("[[index]]\ndefault = true\n", None);
        check("index = 1\nindex-url = 2\n", None);
        check("[pip]\nindex-url = \"https://a.example\"\n", None);
        check("not toml", None);
        check("", None);
    }

    #[test]
    fn pip_conf() {
        let check =
            |text: &str, expected: Option<&str>| assert_eq!(in_pip_conf(text).as_deref(), expected, "{text}");
        check("[global]\nindex-url = https://a.example/simple\n", Some("https://a.example/simple"));
        check(
            "# x\n[global]\n; y\nINDEX_URL: https://a.example/simple\r\n",
            Some("https://a.example/simple"),
        );
        check(
            "[global]\nindex-url = https://a.example\nindex-url = https://b.example",
            Some("https://b.example"),
        );
        check("[install]\nindex-url = https://a.example\n", None);
        check("[global]\ntimeout = 60\n[install]\nindex-url = https://a.example\n", None);
        check("[global]\nextra-index-url =\n  https://a.example\n  index-url = https://b.example\n", None);
        check("[global]\n#index-url = https://a.example\nindex-url =\n", None);
        check("[global\nindex-url\n", None);
        check("", None);
    }

    #[test]
    fn settings_name_indexes_on_the_web() {
        let check = |setting: &str, expected: Option<&str>| {
            assert_eq!(index(setting).as_ref().map(AbsoluteUrl::as_str), expected, "{setting}");
        };
        check("https://a.example/simple/", Some("https://a.example/simple"));
        check(" http://127.0.0.1:3141/root ", Some("http://127.0.0.1:3141/root"));
        check("inner=https://a.example/simple", Some("https://a.example/simple"));
        check("https://me:sec=ret@a.example/simple", Some("https://a.example/simple"));
        check("inner=https://me@a.example/simple", Some("https://a.example/simple"));
        check("https://a.example/simple?token=secret", None);
        check("file:///srv/wheels", None);
        check("/srv/wheels", None);
        check("inner=", None);
        check("", None);
    }
}

use super::*;

const URL: &str = "https://index.example/simple/words/";
const WHEEL: &str = "words-0.1-py3-none-any.whl";

#[track_caller]
fn check(page: &str, expected: &str) {
    let found = Page::parse(URL, page.as_bytes()).and_then(|page| page.find(WHEEL));
    assert_eq!(found.unwrap_or_else(|failure| failure.to_string()), expected, "{page}");
}

#[test]
fn files_are_found_in_html() {
    let here = "https://index.example/simple/words/words-0.1-py3-none-any.whl";
    check("<a href=\"words-0.1-py3-none-any.whl#sha256=00\">words-0.1-py3-none-any.whl</a>", here);
    check("<A data-yanked HREF='words-0.1-py3-none-any.whl' >x</A>", here);
    check("<a\n  href = words-0.1-py3-none-any.whl>x</a>", here);
    check("<a href=words-0.1-py3-none-any.whl", here);
    check("<a/href=\"&#119;ords&#x2D;0.1-py3-none-any.whl\"/>", here);
    check(
        "<a data-requires-python=\"&gt;=3.8\" href=\"../../files/words-0.1-py3-none-any.whl\">",
        "https://index.example/files/words-0.1-py3-none-any.whl",
    );
    check(
        "<a href=\"/f/words-0.1-py3-none-any.whl?a=b&amp;c=d&e=f#sha256=00\">",
        "https://index.example/f/words-0.1-py3-none-any.whl?a=b&c=d&e=f",
    );
    check(
        "<a href=\"//files.example/words-0.1-py3-none-any.whl\">",
        "https://files.example/words-0.1-py3-none-any.whl",
    );
    check(
        "<a href=\"https://files.example/%77ords-0.1-py3-none-any.whl\">",
        "https://files.example/%77ords-0.1-py3-none-any.whl",
    );
    check(
        "<base href=\"/files/\"><base href=\"/other/\"><a href=\" words-0.1-py3-none-any.whl \">",
        "https://index.example/files/words-0.1-py3-none-any.whl",
    );
    // The first of several.
    check(
        "<a href=\"a/words-0.1-py3-none-any.whl\"><a href=\"b/words-0.1-py3-none-any.whl\">",
        "https://index.example/simple/words/a/words-0.1-py3-none-any.whl",
    );
}

#[test]
fn file_names_are_exact() {
    let none = "no file words-0.1-py3-none-any.whl";
    for page in [
        "",
        "nothing here",
        "<a href=\"Words-0.1-py3-none-any.whl\">",
        "<a href=\"words-0.1-py3-none-any.whl.metadata\">",
        "<a href=\"words-0.1-py3-none-any.whl/x\">",
        "<a href=\"x?words-0.1-py3-none-any.whl\">",
        "<a href=\"x#words-0.1-py3-none-any.whl\">",
        "<a>words-0.1-py3-none-any.whl</a>",
        "<link href=\"words-0.1-py3-none-any.whl\">",
        "<!-- <a href=\"words-0.1-py3-none-any.whl\"> -->",
        "<!-- <a href=\"words-0.1-py3-none-any.whl\">",
        "<a title=\"<a href='words-0.1-py3-none-any.whl'>",
        "<a href=\"%zz/words-0.1-py3-none-any%2.whl\">",
    ] {
        check(page, none);
    }
}

#[test]
fn escapes_are_part_of_a_url_not_of_a_name() {
    let page = Page::parse(URL, b"<a href=\"torch-2.0%2Bcpu-py3-none-any.whl\">").unwrap();
    let url = page.find("torch-2.0+cpu-py3-none-any.whl").unwrap();
    assert_eq!(url, "https://index.example/simple/words/torch-2.0%2Bcpu-py3-none-any.whl");
}

#[test]
fn files_are_found_in_json() {
    check(
        r#" {"meta": {"api-version": "1.1"}, "name": "words", "files": [
            {"filename": "words-0.1.tar.gz", "url": "words-0.1.tar.gz", "hashes": {}},
            {"filename": "words-0.1-py3-none-any.whl", "url": "../../f/words-0.1-py3-none-any.whl", "hashes": {}}]}"#,
        "https://index.example/f/words-0.1-py3-none-any.whl",
    );
    check(r#"{"files": []}"#, "no file words-0.1-py3-none-any.whl");
    let error = Page::parse(URL, br#"{"message": "not here"}"#).unwrap_err().to_string();
    assert!(error.contains("PEP 691") && error.contains("files"), "{error}");
}

#[test]
fn an_index_does_not_choose_what_is_read_here() {
    let link = |url: &str| format!("<a href=\"{url}\">");
    check(
        &link("file:///etc/words-0.1-py3-none-any.whl"),
        "it redirects to \"file:///etc/words-0.1-py3-none-any.whl\", which is not a web URL",
    );
    check(
        &link("ftp://files.example/words-0.1-py3-none-any.whl"),
        "it redirects to \"ftp://files.example/words-0.1-py3-none-any.whl\", which is not a web URL",
    );
    check(
        &link("http://me:secret@files.example/words-0.1-py3-none-any.whl?sig=secret"),
        "it redirects to http://files.example/words-0.1-py3-none-any.whl, which does not use TLS",
    );
    // Nor does its base.
    check(
        &format!("<base href=\"file:///etc/\">{}", link(WHEEL)),
        "https://index.example/simple/words/words-0.1-py3-none-any.whl",
    );
}

#[test]
fn relative_urls() {
    let check = |base: &str, reference: &str, expected: &str| {
        assert_eq!(resolve(base, reference).unwrap(), expected, "{base} {reference}");
    };
    check("http://a.example", "b", "http://a.example/b");
    check("http://a.example/x?y/z", "b", "http://a.example/b");
    check("http://a.example/x/y/", "../../../../b/./c", "http://a.example/b/c");
    check("http://a.example/x/y/", "..", "http://a.example/x/");
    check("http://a.example/x/y/", "./", "http://a.example/x/y/");
    check("http://a.example/x/y/", "/b?c=../d", "http://a.example/b?c=../d");
    check("http://a.example/", "HTTPS://b.example/c", "HTTPS://b.example/c");
    check("http://a.example/", "b c\n\u{e4}", "http://a.example/b%20c%C3%A4");
}

#[test]
fn entities() {
    for (text, expected) in [
        ("a&amp;b", "a&b"),
        ("&lt;&gt;&quot;&apos;&#39;&#x27;", "<>\"'''"),
        ("&amp", "&amp"),
        ("&;&&#;&#x;&#xD800;&#99999999999;&unknown;", "&;&&#;&#x;&#xD800;&#99999999999;&unknown;"),
        ("&\u{e4}\u{e4}\u{e4}\u{e4}\u{e4};", "&\u{e4}\u{e4}\u{e4}\u{e4}\u{e4};"),
        ("&amp;lt;", "&lt;"),
    ] {
        assert_eq!(unescape(text), expected, "{text}");
    }
}

/// Every text of up to five pieces that mean something to the parser: it ends, and what it gives is on the web.
#[test]
fn no_page_makes_it_panic() {
    const PIECES: [&str; 14] = [
        "<a ", "href", "=", "\"", "'", ">", "<!--", "-->", "&#x2f;", "//x.whl", "<base ", " ", "\u{e4}", "%",
    ];
    let count = PIECES.len();
    for number in 0..count.pow(5) {
        let pieces = (0..5).map(|place| PIECES[number / count.pow(place) % count]);
        let text: String = pieces.chain(["x.whl"]).collect();
        let page = Page::parse(URL, text.as_bytes()).unwrap();
        for (name, _) in &page.files {
            if let Ok(url) = page.find(name) {
                assert!(url.to_ascii_lowercase().starts_with("https://"), "{text} {url}");
                assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{text} {url}");
            }
        }
    }
}

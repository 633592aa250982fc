#!/usr/bin/env python3
"""Fortune Cat's contract over HTTP, checked from outside, whatever language the app is written in.

    contract.py URL                 what can be told about the app at URL without knowing its settings
    contract.py URL --cats PORT     the same, with this script as the picture API that the app's CAT_API_URL names
    contract.py URL -- COMMAND...   all of it: COMMAND starts the app, with fortunes and cats from this script

Every check says how it went; the exit status is 1 if one failed. Python is all that it needs. What a web framework
adds of its own, such as FastAPI's /docs, is no part of the contract.
"""

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

WIDTH = 40
NO_PICTURE = "no picture of a cat can be had: "
FORTUNE = """A cat's well-known  rule:\tnine-to-five is for dogs -- naps--long ones--are for cats?
\t\t-- Käse & Søn, 100% "sure" #1/2; C:\\>
Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogoch+1 \N{CAT FACE}
""".encode() + b"\xff\xfe broken\n"
failures = 0


def check(what, found, expected):
    global failures
    failures += found != expected
    print("ok  " if found == expected else "FAIL", what)
    if found != expected:
        print(f"       found:    {found!r:.300}\n       expected: {expected!r:.300}")


class Cats(ThreadingHTTPServer):
    """A picture API that answers as it is told and remembers what it was asked."""

    def __init__(self, port):
        super().__init__(("", port), Picture)
        self.answer, self.asked = None, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def last(self):
        """The path and query that were asked for last."""
        return self.asked[-1] if self.asked else ""

    def close(self):
        self.shutdown()
        self.server_close()


class Picture(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.server.answer is None:
            return  # The connection ends without a word.
        status, headers, body = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class App:
    def __init__(self, url):
        self.host, self.port = urlsplit(url).hostname, urlsplit(url).port or 80

    def ask(self, path, method="GET"):
        """Status, content type and body of the answer, and the methods that it allows."""
        connection = http.client.HTTPConnection(self.host, self.port)
        connection.request(method, path)
        answer = connection.getresponse()
        found = answer.status, answer.headers["content-type"], answer.read(), answer.headers["allow"]
        connection.close()
        return found

    def fails(self, what, status, detail):
        """Checks that there is no picture, and why; a `detail` that ends in a space may be followed by more."""
        found = self.ask("/cat")
        check(f"{what}: {status}, as JSON", found[:2], (status, "application/json"))
        said = json.loads(found[2]).get("detail", "") if found[1] == "application/json" else ""
        says_more = detail.endswith(" ") and len(said) > len(detail)
        check(f"{what}: says why", said[: len(detail)] if says_more else said, detail)


def check_paths(app):
    json_answer = lambda status, body, allow=None: (status, "application/json", body, allow)
    not_allowed = json_answer(405, b'{"detail":"Method Not Allowed"}', "GET")
    check("/healthz is up", app.ask("/healthz"), json_answer(200, b'{"status":"ok"}'))
    check("a query changes nothing", app.ask("/healthz?a=b"), json_answer(200, b'{"status":"ok"}'))
    for path in ["/", "/nothing", "/cat/s", "/Cat"]:
        check(f"{path} is not there", app.ask(path), json_answer(404, b'{"detail":"Not Found"}'))
    for path in ["/cat", "/healthz"]:
        check(f"POST {path} is refused", app.ask(path, "POST"), not_allowed)
        check(f"HEAD {path} is refused", app.ask(path, "HEAD")[::3], not_allowed[::3])


def check_pictures(app, cats):
    for content_type, expected in [
        ("text/html", "text/html; charset=utf-8"),
        ("text/html; Charset=latin-1", "text/html; Charset=latin-1"),
        ("image/png", "image/png"),
        (None, None),
    ]:
        picture = b"\x89PNG <img>\r\n\0" * 5000
        cats.answer = 200, {"content-type": content_type} if content_type else {}, picture
        check(f"a picture of type {content_type}", app.ask("/cat"), (200, expected, picture, None))
    path, _, query = cats.last().partition("?")
    check("the picture's settings", query, "html=true&fontSize=22")
    start, _, text = path.rpartition("/")
    check("the picture's path", start, "/cat/cute/says")
    check("the text is quoted in full", text, quote(unquote(text), safe=""))
    lines = unquote(text).split("\n")
    check("the text is wrapped", [line for line in lines if not 0 < len(line) <= WIDTH], [])
    for status in [204, 201]:
        cats.answer = status, {"content-type": "image/png"}, b""
        check(f"success is any of 2xx: {status}", app.ask("/cat")[:3], (200, "image/png", b""))
    for status, headers in [(302, {"location": "/"}), (404, {}), (503, {})]:
        cats.answer = status, headers, b"no"
        app.fails(f"the API answers {status}", 502, NO_PICTURE)
    cats.answer = None
    app.fails("the API hangs up", 502, NO_PICTURE)
    cats.close()
    app.fails("the API is not there", 502, NO_PICTURE)


def check_fortunes(app, command, folder):
    """Starts the app once for each fortune program."""

    def program(name, script):
        path = Path(folder, name)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    def while_it_runs(fortune_exec, checks):
        cats = Cats(0)
        cats.answer = 200, {"content-type": "text/html"}, b"<img>"
        settings = {"HOST": app.host, "PORT": str(app.port), "FORTUNE_EXEC": fortune_exec, "NO_PROXY": "*"}
        settings["CAT_API_URL"] = f"http://127.0.0.1:{cats.server_port}/"
        process = subprocess.Popen(command, env=os.environ | settings)
        while process.poll() is None:
            try:
                app.ask("/healthz")
                break
            except ConnectionError:
                time.sleep(0.05)
        check("the app starts", process.poll(), None)
        checks(cats)
        cats.close()
        process.terminate()
        process.wait()

    def says(what, text):
        def look(cats):
            check(f"{what} has a picture", app.ask("/cat")[0], 200)
            check(f"{what} is what the cat says", unquote(cats.last().split("?")[0].rpartition("/")[2]), text)

        return look

    Path(folder, "text").write_bytes(FORTUNE)
    lines = "\n".join(textwrap.wrap(FORTUNE.decode(errors="replace"), WIDTH))
    no_program = "cannot run /no/such/program: No such file or directory"
    dies, quits = program("dies", "kill -9 $$"), program("quits", "exit 3")
    while_it_runs("echo", lambda cats: (check_paths(app), check_pictures(app, cats)))
    while_it_runs("echo", says("the argument -s", "-s"))
    while_it_runs(program("tells", f'cat "{folder}/text"'), says("a long fortune", lines))
    while_it_runs("true", says("silence", ""))
    while_it_runs("/no/such/program", lambda _: app.fails("a missing program", 500, no_program))
    while_it_runs(quits, lambda _: app.fails("a failing program", 500, f"{quits} ended with status 3"))
    while_it_runs(dies, lambda _: app.fails("a dying program", 500, f"{dies} ended with status -9"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", metavar="URL")
    parser.add_argument("--cats", metavar="PORT", type=int)
    arguments = sys.argv[1:]
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options, command = parser.parse_args(arguments[:end]), arguments[end + 1 :]
    app = App(options.url)
    if command:
        with tempfile.TemporaryDirectory() as folder:
            check_fortunes(app, command, folder)
    else:
        check_paths(app)
        if options.cats is not None:
            check_pictures(app, Cats(options.cats))
        elif app.ask("/cat")[0] != 200:
            app.fails("a picture, or", 502, NO_PICTURE)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())

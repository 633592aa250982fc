"""Starts commands of projects that nobody here wrote."""
import json
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Cage:
    """Runs commands of others: without this machine's files, as nobody."""

    def __init__(self, work, pythons):
        self.work, self.pythons = work, pythons
        def newest_first(directory):
            versions = sorted(directory.glob("3.*"), key=lambda path: [int(part) for part in path.name.split(".")])
            return [str(path / "bin") for path in reversed(versions)]

        # Those in the work directory are for projects that want them: uv takes the first that fits.
        self.path = newest_first(pythons) + newest_first(work / "pythons")
        self.python = self.path[0] + "/python3"

    def env(self, extra):
        home = self.work / "home"
        kept = {name: value for name, value in os.environ.items() if "CERT" in name or "_CA_" in name}
        return kept | {
            "HOME": str(home), "LANG": "C.UTF-8", "COLUMNS": "80", "TERM": "dumb",
            "PATH": ":".join([str(self.work / "bin"), *self.path, "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"]),
            "UV_CACHE_DIR": str(self.work / "uv-cache"), "UV_PYTHON_DOWNLOADS": "never",
        } | extra

    def run(self, command, cwd, seconds, network=False, serve=False, env=None):
        order = {"command": command, "cwd": str(cwd), "env": self.env(env or {}), "seconds": seconds, "serve": serve}
        shutil.copy(HERE / "inside", self.work / "inside")
        shutil.copy(HERE / "cage", self.work / "cage")
        namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--ipc"] + ([] if network else ["--net"])
        done = subprocess.run(
            ["nice", "-n", "10", "unshare", *namespaces, "sh", str(self.work / "cage"), str(self.work), self.python,
             str(self.work / "inside"), json.dumps(order)],
            env={"PATH": os.environ["PATH"], "CORPUS_PYTHONS": str(self.pythons)}, cwd="/",
            capture_output=True, text=True, timeout=seconds + 120,
        )
        if not done.stdout.strip():
            raise RuntimeError(f"the cage failed: {done.stderr}")
        return json.loads(done.stdout)


def place_program(program, into):
    """Put a program somewhere even while an earlier one of the same name runs."""
    new = into.with_name(into.name + ".new")
    shutil.copy(program, new)
    new.replace(into)


def last_lines(text, count=12):
    return "\n".join(text.strip().splitlines()[-count:])


def why(seen):
    if seen["timeout"]:
        return "no end within its time"
    return f"exit {seen['exit']}: {last_lines(seen['stderr'], 1)[-200:]}"

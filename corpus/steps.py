"""What a user types: `invar init`, `lock`, `build`, `run`, `verify`, one after the other, over one project."""
import json
import subprocess
import tomllib

import own
from caged import last_lines, why

# The seconds that a step may take; `invar run` unpacks the image first.
INIT, LOCK, BUILD, RUN = 60, 600, 900, 180


class Fails(Exception):
    """The step of Invar that failed, and what it said."""

    def __init__(self, step, said):
        super().__init__(f"{step}: {said}")
        self.step, self.said = step, said


class Invar:
    """Invar over one project: each step with its seconds and what it said."""

    def __init__(self, project, check, cage, place, logs, edits):
        self.project, self.check, self.cage, self.place = project, check, cage, place
        self.logs, self.edits, self.seconds = logs, edits, {}

    def step(self, name, arguments, seconds, network=True, serve=False, expect_success=True):
        command = [str(self.cage.work / "bin" / "invar"), *arguments]
        env = {"INVAR_STORE": str(self.cage.work / "store")}
        seen = self.cage.run(command, self.place, seconds, network=network, serve=serve, env=env)
        with (self.logs / "invar.txt").open("a") as log:
            how = f"{seen['seconds']} s, exit {seen['exit']}, HTTP {seen['status']}"
            log.write(f"$ invar {' '.join(arguments)}   # {how}\n")
            log.write(seen["stdout"] + seen["stderr"] + "\n")
        self.seconds.setdefault(name, seen["seconds"])
        if expect_success and seen["exit"] != 0:
            raise Fails(name, "no end within its time" if seen["timeout"] else last_lines(seen["stderr"]))
        return seen

    def manifest(self):
        for path in (self.place / "invar.toml", self.place / "pyproject.toml"):
            if path.is_file():
                data = tomllib.loads(path.read_text())
                found = data if path.name == "invar.toml" else data.get("tool", {}).get("invar")
                if found is not None:
                    return found
        return {}

    def edit(self):
        for change in self.edits:
            path = self.place / change.get("file", "pyproject.toml")
            text = path.read_text() if path.is_file() else ""
            old, new = change.get("old", ""), change["new"]
            if old not in text:
                raise Fails("edit", f"{old!r} is not in {path.name}")
            path.write_text(text.replace(old, new, 1) if old else text + new)

    def init(self, source):
        self.step("init", ["init", *(["--from", source] if source else [])], INIT)

    def build(self):
        self.step("lock", ["lock"], LOCK)
        output = self.cage.work / "out" / "image.tar"
        built = self.step("build", ["build", "--json", "--output", str(output)], BUILD)
        result = json.loads(built["stdout"] or "{}")
        size = output.stat().st_size
        output.unlink()
        return result, size

    def start(self):
        """Whether the image starts as the project does; else what happened."""
        image = self.manifest().get("image", {})
        own_command = [*image.get("entrypoint", []), *image.get("command", [])]
        kind = self.check["kind"]
        if kind == "library":
            seen = self.step("start", ["run", "--", *self.check["command"]], RUN, network=False, expect_success=False)
            return None if seen["exit"] == 0 else why(seen) + "\n" + last_lines(seen["stderr"], 6)
        if not own_command:
            return "the image has no command"
        if kind == "server":
            seen = self.step("start", ["run"], RUN, network=False, serve=True, expect_success=False)
            if seen["status"] == self.check["status"]:
                return None
            if seen["status"] is not None:
                return f"HTTP {seen['status']} instead of {self.check['status']}: {last_lines(seen['stderr'], 6)}"
            return why(seen) + "\n" + last_lines(seen["stderr"], 6)
        if image.get("entrypoint"):
            arguments = [*image.get("command", []), "--help"]
        else:
            arguments = [*own_command, "--help"]
        seen = self.step("start", ["run", "--", *arguments], RUN, network=False, serve=True, expect_success=False)
        if seen["exit"] != 0:
            return why(seen) + "\n" + last_lines(seen["stderr"], 6)
        if self.check.get("help", "").split() != seen["stdout"].split() and not self.same_program(own_command):
            return f"the image starts {own_command} instead of {self.check['command']}"
        return None

    def same_program(self, command):
        names = set(own.scripts(self.place))
        return command[0] in names and self.check["command"][0] in names


def verify(invar):
    """Build again as if on another machine."""
    try:
        seen = invar.step("verify", ["verify", "--json"], BUILD, expect_success=False)
    except subprocess.TimeoutExpired:
        return {"exit": None}
    try:
        return {"exit": seen["exit"], "seconds": seen["seconds"], "result": json.loads(seen["stdout"])}
    except ValueError:
        return {"exit": seen["exit"], "seconds": seen["seconds"], "said": last_lines(seen["stderr"])}

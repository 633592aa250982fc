"""A project of the list: its repository, and a fresh copy of its source."""
import os
import shutil
import subprocess
import tomllib


class Project:
    """A project of the list, and where it is checked out."""

    def __init__(self, line, options):
        self.repository, _, self.directory = line.partition(" ")
        self.name = line.replace(" ", "#")
        self.mirror = options.mirror / self.repository.replace("/", "+") / "repo"
        self.slug = self.repository.replace("/", "+").lower()

    def git(self, *arguments, git_dir=None, **more):
        return subprocess.run(
            ["git", "-c", "safe.directory=*", "--git-dir", str(git_dir or self.mirror), *arguments],
            check=True, capture_output=True, text=True,
            env={"PATH": os.environ["PATH"], "GIT_NO_LAZY_FETCH": "1"}, **more,
        ).stdout

    def commit(self):
        return self.git("rev-parse", "HEAD").strip()

    def wheels(self):
        try:
            return wheels_size(self.git("show", f"HEAD:{self.directory}/uv.lock".replace(":/", ":")))
        except (subprocess.CalledProcessError, ValueError):
            return 0

    def checkout(self, into):
        """A clone with what the snapshot has: it lacks the largest files."""
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        git = into / ".git"
        shutil.copytree(self.mirror, git)
        (git / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = false\n")
        self.git("read-tree", "HEAD", git_dir=git)
        tree = self.git("ls-tree", "-r", "-z", "HEAD", git_dir=git)
        entries = [entry.split("\t", 1) for entry in tree.split("\0") if entry]
        blobs = [(meta.split()[2], path) for meta, path in entries if meta.split()[1] == "blob"]
        known = self.git("cat-file", "--batch-check", git_dir=git, input="".join(f"{blob}\n" for blob, _ in blobs))
        here = [path for (_, path), line in zip(blobs, known.splitlines()) if not line.endswith("missing")]
        subprocess.run(
            ["git", "-c", "safe.directory=*", "-c", f"core.worktree={into}", "--git-dir", str(git),
             "checkout-index", "-f", "-z", "--stdin"],
            input="\0".join(here).encode(), check=True, capture_output=True, cwd=into,
        )
        subprocess.run(["chown", "-R", "65534:65534", str(into)], check=True)
        return into / self.directory, len(blobs) - len(here)


def wheels_size(lock):
    """About how many bytes of wheels the text of a uv.lock has for this platform."""
    total = 0
    for package in tomllib.loads(lock).get("package", []):
        sizes = []
        for wheel in package.get("wheels", []):
            name = wheel.get("url", wheel.get("filename", "")).rsplit("/", 1)[-1]
            if name.endswith("none-any.whl") or ("x86_64" in name and "linux" in name):
                sizes.append(wheel.get("size", 0))
        total += sorted(sizes)[len(sizes) // 2] if sizes else 0
    return total

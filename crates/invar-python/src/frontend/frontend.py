"""Calls one hook of a build backend (PEP 517, PEP 660), in the build environment's own Python.

    python frontend.py ACTION SOURCE OUT SETTINGS [SYSTEM]

ACTION    "requires"           get_requires_for_build_wheel, into OUT/requires.json: ["REQUIREMENT", ...]
          "requires-editable"  get_requires_for_build_editable, the same
          "wheel"              build_wheel into OUT, then OUT/result.json: {"wheel": "FILE NAME"}
          "editable"           build_editable, the same
SOURCE    the folder of the project, an absolute path: the hooks run in it
OUT       a folder: an absolute path
SETTINGS  a JSON file, the hooks' config_settings: {"KEY": "TEXT" or ["TEXT", ...]}
SYSTEM    a JSON file: {"backend": "MODULE[:OBJECT]", "backend-path": ["FOLDER", ...]}; without it, pyproject.toml in
          SOURCE says so, which Python can read from 3.11 on

Exit codes: 0 done, 1 called wrongly, 2 the backend cannot be imported, 3 it has no such hook, 4 the hook failed.
"""
import json
import os
import sys
import traceback

IMPORT_FAILED, NO_HOOK, HOOK_FAILED = 2, 3, 4

LEGACY = "setuptools.build_meta:__legacy__"

HOOKS = {
    "requires": ("get_requires_for_build_wheel", False),
    "requires-editable": ("get_requires_for_build_editable", False),
    "wheel": ("build_wheel", True),
    "editable": ("build_editable", True),
}


def stop(code, message, error=None):
    """Says what went wrong, and ends the process whatever threads a backend has left behind."""
    if error is not None:
        traceback.print_exception(type(error), error, error.__traceback__)
    print("invar: " + message, file=sys.stderr)
    finish(code)


def finish(code):
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(code)


def inside(root, path):
    """The absolute form of a path in the tree; links on the way are followed, and must not lead out."""
    root = os.path.realpath(root)
    full = os.path.realpath(os.path.join(root, path))
    if full != root and not full.startswith(root.rstrip(os.sep) + os.sep):
        stop(1, "%r is not in the source tree" % path)
    return full


def load(name, path, tree):
    """The backend: a module, or an object in one."""
    # The script's own folder is not a place to import from; without the backend's path the tree is not either.
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if entry and os.path.abspath(entry) != own]
    folders = [inside(tree, folder) for folder in path]
    sys.path[:0] = folders
    module_name, _, attributes = name.partition(":")
    try:
        module = __import__(module_name, fromlist=["_"])
        backend = module
        for attribute in filter(None, attributes.split(".")):
            backend = getattr(backend, attribute)
    except BaseException as error:
        stop(IMPORT_FAILED, "the build backend %s cannot be imported: is it in build-system.requires?" % name, error)
    if folders:
        # PEP 517: what backend-path names must be imported from there, not from the environment.
        origin = getattr(module, "__file__", None) or ""
        found = os.path.realpath(origin)
        if not any(found.startswith(folder.rstrip(os.sep) + os.sep) for folder in folders):
            stop(IMPORT_FAILED, "the build backend %s was imported from %s, not from its backend-path" % (name, origin))
    return backend


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def build_system(tree):
    """The backend and its path as pyproject.toml has them (PEP 518)."""
    path = os.path.join(tree, "pyproject.toml")
    if not os.path.exists(path):
        return LEGACY, []
    try:
        import tomllib
    except ImportError:
        stop(1, "this Python cannot read pyproject.toml: name the backend in SYSTEM")
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file).get("build-system", {})
    except ValueError as error:
        stop(1, "pyproject.toml cannot be read: %s" % error)
    return table.get("build-backend") or LEGACY, table.get("backend-path") or []


def write(out, name, value):
    with open(os.path.join(out, name), "w", encoding="utf-8") as file:
        json.dump(value, file)


def main(arguments):
    if len(arguments) not in (4, 5) or arguments[0] not in HOOKS:
        stop(1, "usage: frontend.py %s SOURCE OUT SETTINGS [SYSTEM]" % "|".join(HOOKS))
    action, source, out = arguments[:3]
    settings = read_json(arguments[3]) or None
    tree = os.path.realpath(source)
    if len(arguments) == 5:
        system = read_json(arguments[4])
        name, path = system["backend"], system.get("backend-path") or []
    else:
        name, path = build_system(tree)
    os.chdir(tree)
    # Setuptools looks at it, and so do the setup.py files of old packages.
    sys.argv[:] = ["setup.py"]
    backend = load(name, path, tree)

    hook_name, builds = HOOKS[action]
    hook = getattr(backend, hook_name, None)
    if hook is None:
        if not builds:
            # The hook is optional: nothing more is required.
            write(out, "requires.json", [])
            return 0
        stop(NO_HOOK, "the build backend %s has no %s" % (name, hook_name))
    try:
        if builds:
            result = hook(out, settings, None)
        else:
            result = hook(settings)
    except SystemExit as error:
        stop(HOOK_FAILED, "%s of %s gave up" % (hook_name, name), error)
    except BaseException as error:
        stop(HOOK_FAILED, "%s of %s failed" % (hook_name, name), error)

    if not builds:
        if not isinstance(result, (list, tuple)) or not all(isinstance(item, str) for item in result):
            stop(HOOK_FAILED, "%s of %s did not return a list of texts: %r" % (hook_name, name, result))
        write(out, "requires.json", list(result))
        return 0
    if not isinstance(result, str):
        stop(HOOK_FAILED, "%s of %s did not return the name of a wheel: %r" % (hook_name, name, result))
    wheel = os.path.basename(result)
    if not wheel.endswith(".whl") or not os.path.isfile(os.path.join(out, wheel)):
        stop(HOOK_FAILED, "%s of %s returned %r, which it did not write" % (hook_name, name, result))
    write(out, "result.json", {"wheel": wheel})
    return 0


if __name__ == "__main__":
    finish(main(sys.argv[1:]))

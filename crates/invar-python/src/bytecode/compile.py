"""Compiles the files of LIST into the folder OUT, see the documentation of COMPILER.

Only modules that are part of the interpreter itself are imported: for a short list, imports would be most of the time.
"""
import sys

# The compiler imports the encodings that sources name, and unicodedata; but not from beside this script.
sys.path[:] = [folder for folder in sys.path if folder != __file__.rpartition("/")[0]]

import _imp
import gc
import marshal
import posix
from _frozen_importlib_external import MAGIC_NUMBER

UNCHECKED_HASH = (1).to_bytes(4, "little")
HASH_KEY = int.from_bytes(MAGIC_NUMBER, "little")


def read(path):
    descriptor = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    try:
        pieces = []
        while piece := posix.read(descriptor, max(posix.fstat(descriptor).st_size, 0) + 1):
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        posix.close(descriptor)


def write(path, content):
    descriptor = posix.open(path, posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_CLOEXEC, 0o644)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[posix.write(descriptor, rest) :]
    finally:
        posix.close(descriptor)


def compiled(path):
    """The content of the compiled file, or the reason why there is none."""
    source = read(path)
    try:
        # Given bytes, the compiler finds the encoding itself.
        code = compile(source, path, "exec", dont_inherit=True, optimize=0)
        data = marshal.dumps(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        # A SyntaxError's text would hold the path again.
        message = getattr(error, "msg", None) or str(error)
        line = getattr(error, "lineno", None)
        where = f" (line {line})" if line else ""
        return None, " ".join(f"{type(error).__name__}: {message}{where}".split())
    return MAGIC_NUMBER + UNCHECKED_HASH + _imp.source_hash(HASH_KEY, source) + data, None


def work(indexes, paths, out):
    """Compiles the files whose numbers come from the pipe `indexes`."""
    skipped = []
    # A pipe gives four bytes to one reader if they were written together, so each number goes to one worker.
    while index := posix.read(indexes, 4):
        index = int.from_bytes(index, "little")
        content, reason = compiled(paths[index])
        if content is None:
            skipped.append(b"%d\t%s\n" % (index, reason.encode("utf-8", "backslashreplace")))
        else:
            write(f"{out}/{index}.pyc", content)
    return b"".join(skipped)


def main(listing, out, workers):
    lines = read(listing).removesuffix(b"\n")
    paths = [line.decode("utf-8", "surrogateescape") for line in lines.split(b"\n")] if lines else []
    gc.disable()
    indexes, numbers = posix.pipe()
    children = []
    for worker in range(workers):
        child = posix.fork()
        if child == 0:
            status = 1
            try:
                posix.close(numbers)
                write(f"{out}/skipped.{worker}", work(indexes, paths, out))
                status = 0
            except BaseException as error:
                posix.write(2, f"{type(error).__name__}: {error}\n".encode("utf-8", "backslashreplace"))
            finally:
                posix._exit(status)
        children.append(child)
    posix.close(indexes)
    try:
        for index in range(len(paths)):
            posix.write(numbers, index.to_bytes(4, "little"))
    except BrokenPipeError:
        pass  # No worker is left, and the exit codes say so.
    posix.close(numbers)
    failed = False
    for child in children:
        status = posix.waitstatus_to_exitcode(posix.waitpid(child, 0)[1])
        if status < 0:
            posix.write(2, b"a worker was ended by signal %d\n" % -status)
        failed = failed or status != 0
    if failed:
        return 1
    skipped = []
    for worker in range(workers):
        path = f"{out}/skipped.{worker}"
        skipped += read(path).splitlines(True)
        posix.unlink(path)
    skipped.sort(key=lambda line: int(line.split(b"\t", 1)[0]))
    write(f"{out}/skipped", b"".join(skipped))
    return 0


if __name__ == "__main__":
    # The command line's "-W ignore" would import a module of the image for the same effect.
    import _warnings

    _warnings.filters.insert(0, ("ignore", None, Warning, None, 0))
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

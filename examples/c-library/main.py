"""A cat that says what you say: Python calls a library written in C."""

import ctypes
import sys
from pathlib import Path

HERE = Path(__file__).parent
# The image has it in `lib`, where the step puts it; `make -C native` leaves it in `native`.
FOLDERS = [HERE / "lib", HERE / "native"]


def load() -> ctypes.CDLL:
    for folder in FOLDERS:
        if (folder / "libcat.so").exists():
            library = ctypes.CDLL(folder / "libcat.so")
            library.cat_says.argtypes = [ctypes.c_char_p]
            # Not c_char_p: Python would make bytes of it and forget the address, which cat_free needs.
            library.cat_says.restype = ctypes.c_void_p
            library.cat_free.argtypes = [ctypes.c_void_p]
            library.cat_free.restype = None
            return library
    raise SystemExit("there is no libcat.so: run `make -C native`")


def cat_says(library: ctypes.CDLL, text: str) -> str:
    picture = library.cat_says(text.encode(errors="replace"))
    if picture is None:
        raise MemoryError
    try:
        return ctypes.string_at(picture).decode()
    finally:
        library.cat_free(picture)


if __name__ == "__main__":
    print(cat_says(load(), " ".join(sys.argv[1:]) or "Meow!"), end="")

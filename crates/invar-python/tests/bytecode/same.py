"""Whether the files of two folders load as equal code: same.py ONE OTHER. Prints how many were compared."""
import marshal
import os
import struct
import sys
import types

DERIVED = {"co_lines", "co_positions", "co_branches", "co_lnotab"}


def form(value):
    """Something that is equal only for values of the same type and bits, all the way down."""
    kind = type(value)
    if kind is types.CodeType:
        names = [name for name in dir(value) if name.startswith("co_") and name not in DERIVED]
        fields = tuple((name, form(getattr(value, name))) for name in names)
        if hasattr(value, "co_positions"):
            fields += (tuple(value.co_lines()), tuple(value.co_positions()))
        return ("code", fields)
    if kind is tuple:
        return ("tuple", tuple(map(form, value)))
    if kind is frozenset:
        return ("frozenset", frozenset(map(form, value)))
    if kind is slice:
        return ("slice", form((value.start, value.stop, value.step)))
    if kind is float:
        return ("float", struct.pack("<d", value))
    if kind is complex:
        return ("complex", struct.pack("<dd", value.real, value.imag))
    return (kind, value)


def check_identity(one, other, known):
    """What is one object in `one` has to be one in `other`."""
    if known.setdefault(id(one), other) is not other:
        sys.exit(f"{one!r} became several objects")
    if type(one) is tuple:
        for pair in zip(one, other):
            check_identity(*pair, known)
    elif type(one) is types.CodeType:
        for name in ("co_consts", "co_names", "co_name", "co_filename"):
            check_identity(getattr(one, name), getattr(other, name), known)


def check_names(code):
    """An interpreter compares names by identity first: all of them have to be interned."""
    for name in code.co_names + code.co_varnames + code.co_freevars + code.co_cellvars:
        if sys.intern(name) is not name:
            sys.exit(f"{name!r} is not interned")
    for constant in code.co_consts:
        if type(constant) is types.CodeType:
            check_names(constant)


def load(folder, name):
    with open(os.path.join(folder, name), "rb") as file:
        return marshal.loads(file.read()[16:])


names = sorted(name for name in os.listdir(sys.argv[1]) if name.endswith(".pyc"))
for name in names:
    one, other = load(sys.argv[1], name), load(sys.argv[2], name)
    if one != other or form(one) != form(other):
        sys.exit(f"{name} does not load as equal code")
    check_identity(one, other, {})
    check_names(other)
print(len(names))

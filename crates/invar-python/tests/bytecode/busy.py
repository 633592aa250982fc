"""Compiles the files of LIST into OUT as the tested script does, but late in an eventful life: busy.py LIST OUT."""
import _imp
import argparse
import asyncio
import email.mime.text
import http.client
import json
import marshal
import sys
import unittest
import warnings
from importlib.util import MAGIC_NUMBER

warnings.simplefilter("ignore")
with open(sys.argv[1], encoding="utf-8") as file:
    paths = file.read().splitlines()
kept = []
for index in sorted(range(len(paths)), key=lambda index: hash(paths[index])):
    with open(paths[index], "rb") as file:
        source = file.read()
    # What was compiled before stays alive, with all its strings.
    kept.append(compile(source, paths[index], "exec", dont_inherit=True, optimize=0))
    key = int.from_bytes(MAGIC_NUMBER, "little")
    with open(f"{sys.argv[2]}/{index}.pyc", "wb") as file:
        file.write(MAGIC_NUMBER + b"\x01\0\0\0" + _imp.source_hash(key, source) + marshal.dumps(kept[-1]))

/// A script that an image's own interpreter (3.9 or newer) runs to compile many files.
///
/// It is run as `python -s -S -B -X utf8 compile.py LIST OUT WORKERS`. `LIST` is a file with the absolute path of one
/// source on each line (a path with a line feed cannot be given), `OUT` an empty folder, `WORKERS` a decimal number
/// of processes, at least 1, which changes nothing in what they write.
///
/// The source on line n, counted from 0, becomes `OUT/n.pyc`: optimization level 0, hash-based and unchecked
/// (PEP 552), ready for [`canonical_pyc`](super::canonical_pyc). The code knows its source by the path in `LIST`.
/// Files that are not valid source of this Python are no error: they are listed in `OUT/skipped`, which always
/// exists, one line each, in the order of `LIST`: the number n, a tab, and the reason.
///
/// The exit code is 0 if every file was compiled or skipped. Otherwise it is 1, and the standard error says why: a
/// file cannot be read or written, or an interpreter died.
///
/// The environment should hold nothing but `PYTHONHASHSEED=0`: CPython before 3.13.1 orders the attributes that it
/// lists for a class by their hashes, and these differ from process to process otherwise. The option `-I` would make
/// the interpreter ignore the variable, so the script itself sees to it that nothing is imported from its folder.
pub const COMPILER: &str = include_str!("compile.py");

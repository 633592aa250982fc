//! What runs in a Python of the host: the compiler of its files, and the build front end.
mod bytecode;
mod frontend;

//! What is done with values that are known only by how they came about.
mod describe;
mod rules;

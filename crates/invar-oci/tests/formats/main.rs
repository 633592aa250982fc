//! The formats that reach an image, pinned for one small sample, and read by independent readers.
#![expect(clippy::unwrap_used, reason = "a helper of a test that panics is a test that fails")]
mod archive;
mod gzip;
mod image;
mod sample;
mod segment;

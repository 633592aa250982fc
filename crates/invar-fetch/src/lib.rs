//! Downloads: parallel, resumed, retried, checked while they stream.
//!
//! # Goals
//! * What arrives in the store has the requested digest; every other outcome is an error that reports what happened at
//!   each URL.
//! * Nothing is downloaded twice: an interrupted download is resumed, in this process or a later one, and two processes
//!   that need the same file share one download.
//! * A hostile or broken server costs time and bounded space, never correctness: bodies are cut off at the expected
//!   size, and redirects are limited, never leave TLS and never lead to a local file.
//!
//! # Non-goals
//! * No environment: proxies and timeouts are [`Settings`]. Certificates are the system's.
//! * No authentication: credentials in URLs are not sent, and not shown in errors.
//! * No decisions about what to fetch: URLs and digests come from a lock.
//!
//! # Retries
//!
//! URLs are tried in order. An attempt is repeated, with doubling pauses, if the connection failed or ended early, if
//! the server was too slow, and if it reports a temporary error (408, 425, 429, 5xx). Nothing else is repeated: a file
//! that is missing, too long, or has a different digest will not get better. There is one exception, which the digest
//! makes safe: a resumed file with the wrong digest is fetched once more from its first byte, because either part may
//! be wrong.
mod attempt;
mod download;
mod error;
mod fetcher;
mod location;
mod observer;
mod range;
mod request;
mod resolver;
mod settings;
mod small;
mod transport;

pub use error::{Failure, FetchError, UrlFailure};
pub use fetcher::Fetcher;
pub use location::follow;
pub use observer::{Observer, SilentObserver};
pub use request::Request;
pub use settings::Settings;
pub use small::FetchedFile;

//! Downloads: parallel, resumed, retried, checked while they stream.
//!
//! # Goals
//! * What arrives in the store has the digest that was asked for; every other outcome is an error that says, for each
//!   address, what happened there.
//! * Nothing is downloaded twice: what was received before an interruption is the beginning of the next attempt, in
//!   this process or a later one, and two processes that need the same file share one download.
//! * A hostile or broken server costs time and bounded space, never correctness: bodies are cut off at the expected
//!   size, redirects are counted, and neither leave TLS nor lead to a local file.
//!
//! # Non-goals
//! * No environment: proxies and time limits are [`Settings`]. Certificates are the system's.
//! * No authentication: names and passwords in addresses are not sent, and not shown in errors.
//! * No decisions about what to fetch: addresses and digests come from a lock.
//!
//! # What is tried again
//!
//! Addresses are tried in their order. At one address an attempt is repeated, with pauses that double, when the
//! connection failed or ended early, when the server was too slow, and when it says that it has trouble (408, 425,
//! 429, 5xx). Nothing else is repeated: a file that is missing, is too long, or has another digest will not get
//! better. There is one exception, which the digest makes safe: a file whose beginning came from an earlier attempt
//! and which has the wrong digest is fetched once more from its first byte, since either part may be at fault.
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
pub use observer::{Observer, Unobserved};
pub use request::Request;
pub use settings::Settings;
pub use small::Fetched;

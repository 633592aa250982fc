use std::fmt;
use std::io;
use std::path::PathBuf;

use invar_diagnostic::{Diagnostic, Hint, Kind};
use invar_store::StoreError;
use invar_tree::Digest;

use crate::resolver::LookupError;

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It is not in the store, and the network may not be used.
    #[error("{label} is not in the store, and --offline is set: run once without --offline")]
    Offline {
        /// What was to be fetched.
        label: String,
    },
    /// No address gave it.
    #[error("{}", Exhausted(label, failures))]
    Exhausted {
        /// What was to be fetched.
        label: String,
        /// What happened at each address, in the order in which they were tried.
        failures: Vec<UrlFailure>,
    },
    /// No address is known.
    #[error("cannot fetch {label}: it has no known URL")]
    NoUrls {
        /// What was to be fetched.
        label: String,
    },
    /// The observer asked to give up. What was received is kept for the next attempt.
    #[error("fetching {label} was canceled")]
    Cancelled {
        /// What was to be fetched.
        label: String,
    },
    /// The store does not take it.
    #[error("cannot store {label}")]
    Store {
        /// What was to be fetched.
        label: String,
        /// What the store said.
        #[source]
        source: StoreError,
    },
}

impl Diagnostic for FetchError {
    fn kind(&self) -> Kind {
        let wrong = |failed: &UrlFailure| {
            matches!(
                failed.failure,
                Failure::Digest { .. } | Failure::Length { .. } | Failure::TooLong { .. }
            )
        };
        match self {
            Self::Store { .. } => Kind::Disk,
            Self::Exhausted { failures, .. } if failures.iter().any(wrong) => Kind::Verification,
            _ => Kind::Network,
        }
    }

    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Offline { .. } => Some("run this once without --offline".into()),
            _ if self.is_without_network() => Some(
                "connect to the network, or set https_proxy if it needs a proxy; --offline uses only what is in the store"
                    .into(),
            ),
            _ => None,
        }
    }
}

impl FetchError {
    /// Whether every URL says that the file does not exist, as opposed to trouble in asking.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Exhausted { failures, .. } => failures.iter().all(|failed| failed.failure.is_absent()),
            _ => false,
        }
    }

    /// Whether no host could be reached that was to be asked, which is this machine's trouble and not theirs.
    pub fn is_without_network(&self) -> bool {
        matches!(self, Self::Exhausted { failures, .. } if all_unreachable(failures))
    }
}

/// What happened at one address.
#[derive(Debug, thiserror::Error)]
#[error("{url}: {failure}")]
pub struct UrlFailure {
    /// The address, without names, passwords and queries, which may be secret.
    pub url: String,
    /// What happened in the last attempt there.
    pub failure: Failure,
}

/// Why an attempt to fetch from one address failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The server has no such file.
    #[error("no such file (status {status})")]
    Absent {
        /// 404 or 410.
        status: u16,
    },
    /// The server answered with another status than those that have a meaning here.
    #[error("the server answered with status {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// The server was silent for too long.
    #[error("timed out ({phase})")]
    Timeout {
        /// What took too long.
        phase: String,
    },
    /// The host's name has no address, no network leads to it, or it does not answer at all.
    #[error("cannot reach {host} ({reason})")]
    Unreachable {
        /// The host, or the proxy on the way to it.
        host: String,
        /// What the system said.
        reason: String,
    },
    /// The connection could not be made, or broke.
    #[error("the connection failed: {error}")]
    Connection {
        /// What the system said.
        error: io::Error,
    },
    /// No trusted connection could be made.
    #[error(
        "no trusted TLS connection: {error} (if this network uses its own certificate authority, add it to \
         the system's certificates)"
    )]
    Tls {
        /// What the TLS library said.
        error: io::Error,
    },
    /// What the server says is not HTTP.
    #[error("invalid response from the server: {error}")]
    Protocol {
        /// What the HTTP library said.
        error: io::Error,
    },
    /// The proxy's address cannot be used.
    #[error("{proxy:?} is not the URL of a proxy: expected, for example, http://127.0.0.1:3128")]
    Proxy {
        /// The address, without name and password.
        proxy: String,
    },
    /// The file there has another size; it was not read.
    #[error("expected {expected} bytes, but the file has {found}")]
    Length {
        /// The size that it should have, in bytes.
        expected: u64,
        /// The size that is announced, in bytes.
        found: u64,
    },
    /// The body did not end where it should; it was not read further.
    #[error("it is longer than {limit} bytes")]
    TooLong {
        /// The most that is taken, in bytes.
        limit: u64,
    },
    /// The body ended early.
    #[error("expected {expected} bytes, but it ended after {found}")]
    Short {
        /// The size that it should have, in bytes.
        expected: u64,
        /// How many bytes there were.
        found: u64,
    },
    /// The content is another one.
    #[error("expected {expected}, found {found}: the file was replaced or damaged")]
    Digest {
        /// The digest that it should have.
        expected: Digest,
        /// The digest that it has.
        found: Digest,
    },
    /// One redirect followed another.
    #[error("more than {limit} redirects")]
    Redirects {
        /// How many are followed.
        limit: u32,
    },
    /// A redirect leads from https to http.
    #[error("it redirects to {location}, which does not use TLS")]
    Downgrade {
        /// Where it leads, without name, password and query.
        location: String,
    },
    /// A redirect leads to something that is no http or https address, or does not say where it leads.
    #[error("it redirects to {location:?}, which is not a web URL")]
    Redirect {
        /// Where it leads.
        location: String,
    },
    /// The address itself cannot be used.
    #[error("not a URL: expected https://, http://, file:// or an absolute path")]
    Url,
    /// The network may not be used.
    #[error("not tried, because --offline is set")]
    Offline,
    /// A local file does not exist.
    #[error("no file {}", path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
    },
    /// A local file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl Failure {
    /// The same, at `host` where it is not known yet which host could not be reached.
    pub(crate) fn at(self, host: &str) -> Self {
        match self {
            Self::Unreachable { host: unknown, reason } if unknown.is_empty() => {
                Self::Unreachable { host: host.to_owned(), reason }
            }
            other => other,
        }
    }

    /// Whether the address has no such file.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent { .. } | Self::NoFile { .. })
    }

    /// Whether another attempt may end better.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Status { status } => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::Timeout { .. }
            | Self::Unreachable { .. }
            | Self::Connection { .. }
            | Self::Protocol { .. }
            | Self::Short { .. } => true,
            _ => false,
        }
    }
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        use ureq::{Error, Timeout};
        match error {
            Error::Timeout(phase @ (Timeout::Resolve | Timeout::Connect)) => {
                Self::Unreachable { host: String::new(), reason: format!("timed out: {phase}") }
            }
            Error::Timeout(phase) => Self::Timeout { phase: phase.to_string() },
            Error::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<LookupError>()) => {
                let lookup = error.get_ref().and_then(|inner| inner.downcast_ref::<LookupError>());
                let LookupError { host, reason } = lookup.expect("it was just looked at").clone();
                Self::Unreachable { host, reason }
            }
            Error::Io(error) if has_no_route(&error) => {
                Self::Unreachable { host: String::new(), reason: error.to_string() }
            }
            Error::Http(_) | Error::BadUri(_) => Self::Url,
            // rustls reports a bad certificate as invalid data on the connection.
            Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => Self::Tls { error },
            error @ (Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) | Error::TlsRequired) => {
                Self::Tls { error: error.into_io() }
            }
            error @ (Error::Io(_)
            | Error::HostNotFound
            | Error::ConnectionFailed
            | Error::ConnectProxyFailed(_)) => Self::Connection { error: error.into_io() },
            error => Self::Protocol { error: error.into_io() },
        }
    }
}

/// Whether no network leads to the host.
fn has_no_route(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrNotAvailable, HostUnreachable, NetworkDown, NetworkUnreachable};
    matches!(error.kind(), NetworkUnreachable | HostUnreachable | NetworkDown | AddrNotAvailable)
}

fn all_unreachable(failures: &[UrlFailure]) -> bool {
    let unreachable = |failed: &UrlFailure| matches!(failed.failure, Failure::Unreachable { .. });
    !failures.is_empty() && failures.iter().all(unreachable)
}

/// One line for each address; one in all where none could be reached.
struct Exhausted<'a>(&'a str, &'a [UrlFailure]);

impl fmt::Display for Exhausted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(label, failures) = self;
        if !all_unreachable(failures) {
            write!(f, "cannot fetch {label}")?;
            return failures.iter().try_for_each(|failed| write!(f, "\n  {failed}"));
        }
        let mut hosts: Vec<&str> = Vec::new();
        let mut first = "";
        for failed in *failures {
            if let Failure::Unreachable { host, reason } = &failed.failure
                && !hosts.contains(&host.as_str())
            {
                hosts.push(host);
                first = if first.is_empty() { reason } else { first };
            }
        }
        write!(f, "no network: cannot reach {} ({first})", hosts.join(" or "))
    }
}

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// A host's name has no address, or nobody can be asked for it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot look up {host}: {reason}")]
pub(crate) struct LookupError {
    /// The host.
    pub(crate) host: String,
    /// What the system said.
    pub(crate) reason: String,
}

/// What is known of a host.
#[derive(Debug, Default)]
struct Slot {
    addresses: Option<ResolvedSocketAddrs>,
    /// When it was last looked up in vain, and what the system said.
    failed: Option<(Instant, LookupError)>,
}

/// Looks each host up once, however many threads want it at the same time.
///
/// Many downloads begin together, nearly all from two or three hosts. Name servers drop some of a burst of questions,
/// and the system's resolver waits five seconds before it asks again; measured on one network, every other cold build
/// took those five seconds.
#[derive(Debug, Default)]
pub(crate) struct OncePerHost {
    system: DefaultResolver,
    hosts: Mutex<BTreeMap<String, Arc<Mutex<Slot>>>>,
}

impl Resolver for OncePerHost {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let host = match (uri.scheme(), uri.authority()) {
            (Some(scheme), Some(authority)) => DefaultResolver::host_and_port(scheme, authority),
            _ => None,
        };
        let Some(host) = host else { return self.system.resolve(uri, config, timeout) };
        let name = uri.host().unwrap_or(&host).to_owned();
        let slot =
            Arc::clone(self.hosts.lock().unwrap_or_else(PoisonError::into_inner).entry(host).or_default());
        let asked = Instant::now();
        // Held while the question is asked: the others wait for the answer.
        let mut known = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(addresses) = &known.addresses {
            return Ok(addresses.clone());
        }
        // A failure is the answer to all who waited for it, but is not kept, so each may ask again.
        if let Some((when, error)) = &known.failed
            && *when >= asked
        {
            return Err(Error::Io(io::Error::other(error.clone())));
        }
        match self.system.resolve(uri, config, timeout) {
            Ok(addresses) => {
                known.addresses = Some(addresses.clone());
                Ok(addresses)
            }
            Err(error) => {
                let reason = match &error {
                    Error::Io(error) => error.to_string(),
                    Error::HostNotFound => "no such host".to_owned(),
                    other => other.to_string(),
                };
                // The resolver's own introduction says nothing.
                let reason = reason.trim_start_matches("failed to lookup address information: ").to_owned();
                let error = LookupError { host: name, reason };
                known.failed = Some((Instant::now(), error.clone()));
                Err(Error::Io(io::Error::other(error)))
            }
        }
    }
}

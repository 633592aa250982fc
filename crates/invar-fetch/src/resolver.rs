use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Looks each host up once, however many threads want it at the same time.
///
/// Many downloads begin together, nearly all from two or three hosts. Name servers drop some of a burst of questions,
/// and the system's resolver waits five seconds before it asks again; measured on one network, every other cold build
/// took those five seconds.
#[derive(Debug, Default)]
pub(crate) struct OncePerHost {
    system: DefaultResolver,
    hosts: Mutex<BTreeMap<String, Arc<Mutex<Option<ResolvedSocketAddrs>>>>>,
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
        let slot =
            Arc::clone(self.hosts.lock().unwrap_or_else(PoisonError::into_inner).entry(host).or_default());
        // Held while the question is asked: the others wait for the answer. A failure is not kept, so each may retry.
        let mut known = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(addresses) = &*known {
            return Ok(addresses.clone());
        }
        let addresses = self.system.resolve(uri, config, timeout)?;
        *known = Some(addresses.clone());
        Ok(addresses)
    }
}

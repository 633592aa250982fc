use std::time::Duration;

/// How to fetch. Nothing here can change what is fetched, but everything decides how long that takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How often an attempt at one address is repeated after trouble that may pass.
    pub retries: u32,
    /// The pause before the first repetition; it doubles each time, up to ten seconds.
    pub backoff: Duration,
    /// The longest time to make a connection, TLS included.
    pub connect_timeout: Duration,
    /// The longest time that a server may be silent.
    pub read_timeout: Duration,
    /// How many redirects are followed from one address.
    pub redirects: u32,
    /// The most bytes that are taken of a file whose size is not known.
    pub size_limit: u64,
    /// What the program calls itself in requests.
    pub user_agent: String,
    /// Whether the network may not be used; local files still are.
    pub offline: bool,
    /// The address of a proxy, for both http and https.
    pub proxy: Option<String>,
    /// Hosts to connect to without the proxy: `host`, `.domain`, or `*`.
    pub no_proxy: Vec<String>,
}

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use invar_formats::url::redacted;
use ureq::http::header;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Proxy};

use crate::location::{Location, follow};
use crate::range::ContentRange;
use crate::resolver::OncePerHost;
use crate::{Failure, Settings};

/// Opens addresses for reading.
#[derive(Debug)]
pub(crate) struct Transport {
    /// What speaks HTTP, or why there is none.
    agent: Result<Agent, String>,
    redirects: u32,
    offline: bool,
    /// The host of the proxy, if there is one.
    proxy: Option<String>,
}

/// Where to go on reading.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resume<'a> {
    /// How many bytes are there.
    pub(crate) offset: u64,
    /// The `ETag` of the file that they came from, if they came from this address just now.
    pub(crate) validator: Option<&'a str>,
}

/// An opened address.
pub(crate) struct Body {
    pub(crate) reader: Box<dyn Read>,
    /// The number of the first byte: the offset that was asked for, or 0 where the server knows only whole files.
    pub(crate) start: u64,
    /// The size of the whole in bytes, if the server says it.
    pub(crate) size: Option<u64>,
    /// What distinguishes this file from another at the same address.
    pub(crate) validator: Option<String>,
}

impl Transport {
    pub(crate) fn new(settings: &Settings) -> Self {
        let proxy = settings.proxy.as_deref().and_then(|url| Some(Proxy::new(url).ok()?.host().to_owned()));
        Self { agent: agent(settings), redirects: settings.redirects, offline: settings.offline, proxy }
    }

    pub(crate) fn open(&self, url: &str, resume: Resume<'_>) -> Result<Body, Failure> {
        match Location::parse(url)? {
            Location::File(path) => open_file(&path, resume.offset),
            Location::Web(_) if self.offline => Err(Failure::Offline),
            Location::Web(url) => match self.agent.as_ref() {
                Ok(agent) => {
                    let host = self.proxy.clone().or_else(|| host(&url)).unwrap_or_else(|| redacted(&url));
                    self.open_web(agent, url, resume).map_err(|failure| failure.at(&host))
                }
                Err(proxy) => Err(Failure::Proxy { proxy: proxy.clone() }),
            },
        }
    }

    fn open_web(&self, agent: &Agent, mut url: String, resume: Resume<'_>) -> Result<Body, Failure> {
        let mut offset = resume.offset;
        let mut redirects = 0;
        loop {
            let mut request = agent.get(&url);
            if offset > 0 {
                request = request.header(header::RANGE, format!("bytes={offset}-"));
                if let Some(validator) = resume.validator {
                    request = request.header(header::IF_RANGE, validator);
                }
            }
            let response = request.call()?;
            let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
            // A weak one does not say that the bytes are the same.
            let validator = text(header::ETAG).filter(|tag| tag.starts_with('"')).map(str::to_owned);
            let (start, size) = match response.status().as_u16() {
                200 => (0, text(header::CONTENT_LENGTH).and_then(|length| length.trim().parse().ok())),
                206 if offset > 0 => match text(header::CONTENT_RANGE).and_then(ContentRange::parse) {
                    Some(range) if range.first == offset => (offset, range.size),
                    // Not the part that we asked for: ask for the whole.
                    _ => {
                        offset = 0;
                        continue;
                    }
                },
                // There is no such part. The whole may be of another size, or what we have is all of it.
                416 if offset > 0 => {
                    offset = 0;
                    continue;
                }
                status @ (404 | 410) => return Err(Failure::Absent { status }),
                301 | 302 | 303 | 307 | 308 => {
                    if redirects == self.redirects {
                        return Err(Failure::Redirects { limit: self.redirects });
                    }
                    redirects += 1;
                    let location = response.headers().get(header::LOCATION);
                    url = follow(&url, location.map_or(b"", |location| location.as_bytes()))?;
                    continue;
                }
                status => return Err(Failure::Status { status }),
            };
            let reader = response.into_body().into_with_config().limit(u64::MAX).reader();
            return Ok(Body { reader: Box::new(reader), start, size, validator });
        }
    }
}

/// The host that a URL names.
fn host(url: &str) -> Option<String> {
    url.parse::<ureq::http::Uri>().ok()?.host().map(str::to_owned)
}

/// The failure that ended the reading of a [`Body`].
pub(crate) fn reading(error: io::Error) -> Failure {
    ureq::Error::from(error).into()
}

fn open_file(path: &Path, offset: u64) -> Result<Body, Failure> {
    let failure = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Failure::NoFile { path: path.to_owned() },
        _ => Failure::File { path: path.to_owned(), error },
    };
    let open = || {
        // Asked before it is opened: a pipe would wait for its writer.
        if !path.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        let start = if offset <= size { offset } else { 0 };
        file.seek(SeekFrom::Start(start))?;
        Ok(Body { reader: Box::new(file), start, size: Some(size), validator: None })
    };
    open().map_err(failure)
}

fn agent(settings: &Settings) -> Result<Agent, String> {
    let Settings { connect_timeout, read_timeout, user_agent, proxy, no_proxy, .. } = settings;
    let proxy = match proxy {
        Some(url) => Some(self::proxy(url, no_proxy).ok_or_else(|| redacted(url))?),
        None => None,
    };
    let config = Agent::config_builder()
        // Named even if there is none: the default reads the environment.
        .proxy(proxy)
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
        .http_status_as_error(false)
        // Redirects are followed here, where it is known what may follow what.
        .max_redirects(0)
        .max_redirects_will_error(false)
        // A digest is that of the file, not of what a server makes of it on the way.
        .accept_encoding("identity")
        .user_agent(user_agent.as_str())
        .timeout_resolve(Some(*connect_timeout))
        .timeout_connect(Some(*connect_timeout))
        .timeout_send_request(Some(*read_timeout))
        .timeout_recv_response(Some(*read_timeout))
        .timeout_per_read(Some(*read_timeout))
        .timeout_per_write(Some(*read_timeout))
        .input_buffer_size(BUFFER)
        // As many as the caller has threads, whatever that is; files come from few hosts.
        .max_idle_connections(64)
        .max_idle_connections_per_host(32)
        .build();
    Ok(Agent::with_parts(config, DefaultConnector::default(), OncePerHost::default()))
}

const BUFFER: usize = 128 * 1024;

fn proxy(url: &str, no_proxy: &[String]) -> Option<Proxy> {
    // Parsed for its parts, because only the builder takes exceptions.
    let parts = Proxy::new(url).ok()?;
    let mut builder = Proxy::builder(parts.protocol()).host(parts.host()).port(parts.port());
    if let Some(name) = parts.username() {
        builder = builder.username(name);
    }
    if let Some(password) = parts.password() {
        builder = builder.password(password);
    }
    for host in no_proxy {
        builder = builder.no_proxy(host);
    }
    builder.build().ok()
}

//! Fortune Cat: a picture of a cat that says what your fortune is.
//!
//! Settings, all from the environment:
//!
//! ```text
//! FORTUNE_EXEC  the program that prints a fortune (default: fortune)
//! CAT_API_URL   the base URL of the cat-as-a-service picture API
//! HOST, PORT    where to listen (default: 0.0.0.0, 8000)
//! ```
mod wrap;

use std::collections::BTreeMap;
use std::error::Error;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{ALLOW, CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

const CAT_API_URL: &str = "https://cataas.com";
const WIDTH: usize = 40;
const PATIENCE: Duration = Duration::from_secs(20);
/// What cannot stand for itself in a URL's path (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = Router::new()
        .route("/cat", get(cat).head(wrong_method).fallback(wrong_method))
        .route("/healthz", get(healthz).head(wrong_method).fallback(wrong_method))
        .fallback(not_found)
        .with_state(Cats::new());
    let (host, port) = (setting("HOST", "0.0.0.0"), setting("PORT", "8000"));
    let port: u16 =
        port.parse().map_err(|_| format!("PORT is {port:?}, which is not the number of a port"))?;
    let listener = TcpListener::bind((host.as_str(), port)).await?;
    eprintln!("Fortune Cat is at http://{}", listener.local_addr()?);
    // The kernel ends the first process of a container by no signal that it does not handle.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let end = async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    };
    Ok(axum::serve(listener, app).with_graceful_shutdown(end).await?)
}

async fn cat(State(cats): State<Cats>) -> Result<Response, Failure> {
    let text = fortune().await?;
    let picture = timeout(PATIENCE, cats.picture(&text)).await;
    picture.unwrap_or_else(|slow| Err(slow.into())).map_err(|error| {
        Failure(StatusCode::BAD_GATEWAY, format!("no picture of a cat can be had: {}", reasons(&*error)))
    })
}

async fn healthz() -> Json<BTreeMap<&'static str, &'static str>> {
    Json(BTreeMap::from([("status", "ok")]))
}

async fn not_found() -> Failure {
    Failure(StatusCode::NOT_FOUND, "Not Found".to_owned())
}

async fn wrong_method() -> impl IntoResponse {
    ([(ALLOW, "GET")], Failure(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed".to_owned()))
}

/// Runs the fortune program and wraps what it says to a picture's width.
async fn fortune() -> Result<String, Failure> {
    let program = setting("FORTUNE_EXEC", "fortune");
    let failure = |text: String| Failure(StatusCode::INTERNAL_SERVER_ERROR, text);
    let process = Command::new(&program).arg("-s").stdout(Stdio::piped()).kill_on_drop(true).spawn();
    let said = match process {
        Ok(process) => process.wait_with_output().await,
        Err(error) => Err(error),
    };
    let said = said.map_err(|error| failure(format!("cannot run {program}: {}", without_number(&error))))?;
    if !said.status.success() {
        let signal = || said.status.signal().map(|signal| -signal);
        let status = said.status.code().or_else(signal).unwrap_or_default();
        return Err(failure(format!("{program} ended with status {status}")));
    }
    Ok(wrap::wrap(&String::from_utf8_lossy(&said.stdout), WIDTH).join("\n"))
}

/// The cat-as-a-service picture API.
#[derive(Clone)]
struct Cats {
    base_url: String,
    client: Client<HttpsConnector<HttpConnector>, Body>,
}

impl Cats {
    fn new() -> Self {
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        let base_url = setting("CAT_API_URL", CAT_API_URL).trim_end_matches('/').to_owned();
        Self { base_url, client: Client::builder(TokioExecutor::new()).build(connector) }
    }

    /// A picture of a cat that says `text`.
    async fn picture(&self, text: &str) -> Result<Response, Box<dyn Error + Send + Sync>> {
        let text = utf8_percent_encode(text, RESERVED);
        let url = format!("{}/cat/cute/says/{text}?html=true&fontSize=22", self.base_url);
        let request = Request::get(url).header(USER_AGENT, "fortune-cat").body(Body::empty())?;
        let answer = self.client.request(request).await?;
        if !answer.status().is_success() {
            return Err(format!("{} answers {}", self.base_url, answer.status()).into());
        }
        let (head, body) = answer.into_parts();
        let mut picture = Response::new(to_bytes(Body::new(body), usize::MAX).await?.into());
        if let Some(content_type) = head.headers.get(CONTENT_TYPE) {
            picture.headers_mut().insert(CONTENT_TYPE, with_charset(content_type)?);
        }
        Ok(picture)
    }
}

/// Text without a named encoding is given as UTF-8.
fn with_charset(content_type: &HeaderValue) -> Result<HeaderValue, Box<dyn Error + Send + Sync>> {
    let text = content_type.to_str()?;
    if text.starts_with("text/") && !text.to_ascii_lowercase().contains("charset=") {
        return Ok(format!("{text}; charset=utf-8").try_into()?);
    }
    Ok(content_type.clone())
}

/// An answer that says what went wrong.
struct Failure(StatusCode, String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(BTreeMap::from([("detail", self.1)]))).into_response()
    }
}

/// An error and what caused it, down to the first cause.
fn reasons(error: &(dyn Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The system's words for an error, without its number.
fn without_number(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words).to_owned()
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

//! An HTTP server on a thread that answers as a test wants it to.
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    /// By lower-case name.
    headers: BTreeMap<String, String>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The first byte that was asked for.
    pub(crate) fn offset(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The connection stays open for more.
    Complete,
    /// The connection is closed.
    Close,
    /// Nothing more comes, but the connection stays open until the other side closes it.
    Stall,
    /// It does not.
    Endless,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    end: End,
    silent: bool,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: vec![], body: vec![], end: End::Complete, silent: false }
            .header("Content-Length", 0)
    }

    /// The whole of `body`, with its length.
    pub(crate) fn whole(body: &[u8]) -> Self {
        Self::bare(body).header("Content-Length", body.len())
    }

    /// `body` and then the end of the connection, which is all that says that it is complete.
    pub(crate) fn unmeasured(body: &[u8]) -> Self {
        Self { end: End::Close, ..Self::bare(body) }
    }

    /// What follows `offset` in `body`.
    pub(crate) fn part(body: &[u8], offset: usize) -> Self {
        let (last, size) = (body.len() - 1, body.len());
        let mut answer =
            Self::whole(&body[offset..]).header("Content-Range", format!("bytes {offset}-{last}/{size}"));
        answer.status = 206;
        answer
    }

    /// What a good server answers.
    pub(crate) fn good(asked: &Asked, body: &[u8]) -> Self {
        match asked.offset() {
            Some(offset) => Self::part(body, offset),
            None => Self::whole(body),
        }
    }

    /// Nothing at all: the connection is closed at once.
    pub(crate) fn reset() -> Self {
        Self { silent: true, ..Self::unmeasured(b"") }
    }

    fn bare(body: &[u8]) -> Self {
        Self { status: 200, headers: vec![], body: body.to_vec(), end: End::Complete, silent: false }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Only the first `length` bytes are sent, whatever is announced, and then the connection is closed.
    pub(crate) fn cut(mut self, length: usize) -> Self {
        self.body.truncate(length);
        Self { end: End::Close, ..self }
    }

    /// Only the first `length` bytes are sent, and then nothing.
    pub(crate) fn stall(mut self, length: usize) -> Self {
        self.body.truncate(length);
        Self { end: End::Stall, ..self }
    }

    /// The body again and again.
    pub(crate) fn endless(self) -> Self {
        Self { end: End::Endless, ..self }
    }
}

/// A server on 127.0.0.1 that lives as long as this.
pub(crate) struct Server {
    address: String,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    asked: Mutex<Vec<Asked>>,
    connections: AtomicUsize,
    ended: AtomicBool,
}

impl Server {
    /// Starts a server. `answer` gets the number of the request, from 0, and what was asked.
    pub(crate) fn start(answer: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let log = Arc::new(Log::default());
        let server = Self { address, log: Arc::clone(&log) };
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if log.ended.load(Ordering::SeqCst) {
                    break;
                }
                log.connections.fetch_add(1, Ordering::SeqCst);
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                // The other side may go at any time; that is what many of these tests are about.
                std::thread::spawn(move || serve(stream.unwrap(), &log, &*answer).unwrap_or_default());
            }
        });
        server
    }

    pub(crate) fn host(&self) -> &str {
        &self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.log.asked.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.log.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.log.ended.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect(&self.address);
    }
}

fn serve(
    mut stream: TcpStream,
    log: &Log,
    answer: &(dyn Fn(usize, &Asked) -> Answer + Send + Sync),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(asked) = read_request(&mut reader)? {
        let number = {
            let mut all = log.asked.lock().unwrap();
            all.push(asked.clone());
            all.len() - 1
        };
        let Answer { status, headers, body, end, silent } = answer(number, &asked);
        if silent {
            return Ok(());
        }
        let mut head = format!("HTTP/1.1 {status} -\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if end == End::Close {
            head.push_str("Connection: close\r\n");
        }
        stream.write_all((head + "\r\n").as_bytes())?;
        stream.write_all(&body)?;
        match end {
            End::Complete => {}
            End::Close => return Ok(()),
            End::Stall => return reader.read(&mut [0]).map(|_| ()),
            // Ends when the other side has gone.
            End::Endless => loop {
                stream.write_all(&body)?;
            },
        }
    }
    Ok(())
}

fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<Asked>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
            None => return Ok(Some(Asked { method, path, headers })),
        };
    }
}

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// How the server misbehaves for one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The file does not exist.
    NotFound,
    /// The connection is closed after so many bytes of the body, each time.
    CutAt(usize),
    /// The connection is closed after so many bytes of the body, the first time only.
    CutOnceAt(usize),
    /// The bit 0 of the byte at this offset is flipped.
    FlipBitAt(usize),
}

/// An HTTP server on a loopback port, for as long as it lives.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    files: BTreeMap<String, Vec<u8>>,
    faults: BTreeMap<String, Fault>,
    requests: Vec<String>,
    stopped: bool,
}

impl Server {
    /// Serves `files` by path, without a leading slash.
    pub fn start(files: BTreeMap<String, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared { files, faults: BTreeMap::new(), requests: Vec::new(), stopped: false };
        let shared = Arc::new(Mutex::new(shared));
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if served.lock().unwrap().stopped {
                    return;
                }
                let (Ok(stream), served) = (stream, Arc::clone(&served)) else { continue };
                thread::spawn(move || {
                    // A client that goes away is the client's business.
                    let _ = serve(stream, &served);
                });
            }
        });
        Self { address, shared }
    }

    /// The base URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds files, or puts them in others' place.
    pub fn put(&self, files: BTreeMap<String, Vec<u8>>) {
        self.shared.lock().unwrap().files.extend(files);
    }

    /// The paths of its files.
    pub fn paths(&self) -> Vec<String> {
        self.shared.lock().unwrap().files.keys().cloned().collect()
    }

    /// Makes the server misbehave for `path`.
    pub fn fault(&self, path: &str, fault: Fault) {
        self.shared.lock().unwrap().faults.insert(path.to_owned(), fault);
    }

    /// Lets the server behave again.
    pub fn behave(&self) {
        self.shared.lock().unwrap().faults.clear();
    }

    /// The paths that were asked for so far, in order.
    pub fn requests(&self) -> Vec<String> {
        self.shared.lock().unwrap().requests.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.lock().unwrap().stopped = true;
        // Wakes the listener, so that its thread ends and the port is free again.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut request = String::new();
        if reader.by_ref().take(8192).read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut from = 0;
        loop {
            let mut line = String::new();
            reader.by_ref().take(8192).read_line(&mut line)?;
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(range) = line.strip_prefix("range: bytes=") {
                from = range.trim_end_matches('-').parse().unwrap_or(0);
            }
        }
        let path = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
        let (file, fault) = {
            let mut shared = shared.lock().unwrap();
            shared.requests.push(path.clone());
            let fault = shared.faults.get(&path).cloned();
            if matches!(fault, Some(Fault::CutOnceAt(_))) {
                shared.faults.remove(&path);
            }
            (shared.files.get(&path).cloned(), fault)
        };
        let Some(mut file) = file.filter(|_| fault != Some(Fault::NotFound)) else {
            stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        };
        if let Some(Fault::FlipBitAt(offset)) = fault {
            file[offset] ^= 1;
        }
        let from = from.min(file.len());
        let status = if from > 0 {
            format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{}", file.len() - 1, file.len())
        } else {
            "200 OK".to_owned()
        };
        let body = &file[from..];
        // What ends in a slash is a page of a package index.
        let kind = if path.ends_with('/') { "text/html" } else { "application/octet-stream" };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Type: {kind}\r\nAccept-Ranges: bytes\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        if request.starts_with("HEAD ") {
            continue;
        }
        if let Some(Fault::CutAt(length) | Fault::CutOnceAt(length)) = fault
            && length < body.len()
        {
            stream.write_all(&body[..length])?;
            return stream.shutdown(std::net::Shutdown::Both);
        }
        stream.write_all(body)?;
    }
}

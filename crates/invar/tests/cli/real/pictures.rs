//! The picture service that fortune cats ask, stood in for over TLS on this machine's own address.
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use crate::support::Ran;

/// The name that the apps ask for.
pub const HOST: &str = "cataas.com";

/// What it answers with.
pub const PICTURE: &str = "<img alt=\"a cat\">";

/// Serves one picture to everyone on port 443, and prints the path of each request.
const PROGRAM: &str = r#"
import http.server, ssl, sys
class Pictures(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = sys.argv[3].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        print(self.path, flush=True)
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 443), Pictures)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print("ready", flush=True)
server.serve_forever()
"#;

/// The service, ended when it is dropped.
pub struct Pictures {
    server: Child,
    certificate: PathBuf,
    asked: Receiver<String>,
}

impl Pictures {
    /// Starts it; its certificate is written to `folder`. Needs root, `openssl` and `python3`.
    pub fn start(folder: &Path) -> Self {
        let (certificate, key) = (folder.join("pictures.pem"), folder.join("pictures.key"));
        Ran::of(
            Command::new("openssl")
                .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj"])
                .arg(format!("/CN={HOST}"))
                .args(["-addext", &format!("subjectAltName=DNS:{HOST}"), "-keyout"])
                .arg(&key)
                .arg("-out")
                .arg(&certificate),
        )
        .success();
        let program = folder.join("pictures.py");
        fs::write(&program, PROGRAM).expect("the folder is writable");
        let mut server = Command::new("/usr/bin/python3")
            .arg(&program)
            .args([&certificate, &key])
            .arg(PICTURE)
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 can be started");
        let output = server.stdout.take().expect("it is piped");
        let (sender, asked) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let ready = asked.recv_timeout(Duration::from_secs(60));
        assert_eq!(ready.as_deref(), Ok("ready"), "port 443 of this machine cannot be used");
        Self { server, certificate, asked }
    }

    /// The certificate that a client has to trust.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The path that was asked for next.
    pub fn asked(&self) -> String {
        self.asked.recv_timeout(Duration::from_secs(60)).expect("the picture service is asked")
    }
}

impl Drop for Pictures {
    fn drop(&mut self) {
        // Infallible in practice: it is this process's own child, and waiting for it leaves no zombie.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

//! Programs that listen by themselves: by which call, at which port, and whether others can reach it.
use crate::project::code::Code;
use crate::project::python_file::{Call, PythonFile, quoted};
use crate::project::values::{Value, value};

/// A call after which a program listens.
#[derive(Debug, Clone)]
pub(super) struct Listener {
    /// The port, if it is known.
    pub port: Option<i64>,
    /// The address that it listens at: the author's, or what the framework does on its own.
    pub host: Value,
    /// Whether only the container itself can reach it, as it is started without options.
    pub is_local: bool,
    /// The variable that changes the address of what is told none.
    variable: Option<&'static str>,
    /// Whether it restarts when files change, or shows what is inside: for authors only.
    pub is_debug: bool,
    /// The line of the call.
    pub line: usize,
}

/// A call of a framework.
struct Kind {
    /// The modules of which one has to be imported; none where the name is enough.
    modules: &'static [&'static str],
    /// The ends of its name.
    names: &'static [&'static str],
    /// Where the host and the port are: their names, and their places without a name.
    host: (&'static str, Option<usize>),
    port: (&'static str, Option<usize>),
    default: i64,
    /// Whether it only listens for the machine itself if it is told nothing.
    is_local: bool,
    /// The variable that it takes the address from if it is told none.
    variable: Option<&'static str>,
}

const fn kind(
    modules: &'static [&'static str],
    names: &'static [&'static str],
    default: i64,
    is_local: bool,
) -> Kind {
    Kind { modules, names, host: ("host", None), port: ("port", None), default, is_local, variable: None }
}

/// The calls, in the order in which they are looked for.
const KINDS: [Kind; 18] = [
    kind(&["uvicorn"], &["uvicorn.run", "uvicorn.Config", "Config"], 8000, true),
    Kind { host: ("address", None), ..kind(&["granian"], &["Granian"], 8000, true) },
    Kind {
        variable: Some("GRADIO_SERVER_NAME"),
        host: ("server_name", None),
        port: ("server_port", None),
        ..kind(&["gradio"], &[".launch"], 7860, true)
    },
    kind(&["nicegui"], &["ui.run"], 8080, false),
    kind(&["flask_socketio"], &["socketio.run", ".run"], 5000, true),
    Kind { variable: Some("HOST"), ..kind(&["dash"], &[".run", ".run_server"], 8050, true) },
    Kind {
        host: ("host", Some(0)),
        port: ("port", Some(1)),
        ..kind(&["flask", "apiflask", "quart"], &[".run"], 5000, true)
    },
    Kind { host: ("host", Some(0)), port: ("port", Some(1)), ..kind(&["sanic"], &[".run"], 8000, true) },
    kind(&["bottle"], &["run", ".run"], 8080, true),
    Kind { variable: Some("ROBYN_HOST"), ..kind(&["robyn"], &[".start"], 8080, true) },
    kind(&["aiohttp"], &["run_app"], 8080, false),
    Kind {
        host: ("host", Some(1)),
        port: ("port", Some(2)),
        ..kind(&["aiohttp"], &["TCPSite"], 8080, false)
    },
    kind(&["waitress"], &["serve"], 8080, false),
    Kind {
        host: ("address", Some(1)),
        port: ("port", Some(0)),
        ..kind(&["tornado"], &[".listen"], 8888, false)
    },
    Kind {
        host: ("host", Some(1)),
        port: ("port", Some(2)),
        ..kind(&["websockets"], &["websockets.serve", "serve"], 8765, false)
    },
    Kind {
        host: ("host", Some(1)),
        port: ("port", Some(2)),
        ..kind(&["asyncio"], &["start_server"], 8888, false)
    },
    kind(
        &["http.server", "socketserver", "http", "wsgiref"],
        &["HTTPServer", "ThreadingHTTPServer", "TCPServer", "ThreadingTCPServer"],
        8000,
        false,
    ),
    kind(&["grpc"], &["add_insecure_port"], 50051, false),
];

/// What an MCP server is told to speak, where others are to reach it.
const TRANSPORTS: [&str; 3] = ["http", "sse", "streamable-http"];

/// The first call of `file` after which it listens.
pub(super) fn listener(code: &Code<'_>, file: &PythonFile<'_>) -> Option<Listener> {
    let found = KINDS.iter().find_map(|kind| {
        let is_used = kind.modules.iter().any(|module| file.uses(module));
        let call = file.calls(kind.names).find(|call| is_used && starts(kind, call))?;
        Some((kind, call))
    });
    let Some((kind, call)) = found else { return mcp(code, file) };
    if kind.names.contains(&"add_insecure_port") {
        let port = quoted(call.at(0)?)?.rsplit_once(':')?.1.parse().ok()?;
        return Some(Listener::of(Some(port), Value::default(), kind, &call));
    }
    if kind.names.contains(&"HTTPServer") {
        let (host, port) = call.at(0)?.trim_matches(['(', ')']).split_once(',')?;
        let (host, port) = (value(code, file, host), value(code, file, port.trim_end_matches(',')));
        return Some(Listener::of(port.port(), host, kind, &call));
    }
    // Several may be put into one table.
    let argument = |(name, at): (&str, Option<usize>)| call.named(name).or_else(|| call.at(at?));
    let host = argument(kind.host).map(|host| value(code, file, host)).unwrap_or_default();
    let port = match argument(kind.port) {
        Some(port) => value(code, file, port).port(),
        None if call.arguments.iter().any(|(_, value)| value.starts_with("**")) => None,
        None => Some(kind.default),
    };
    let mut found = Listener::of(port, host, kind, &call);
    if argument(kind.host).is_some() {
        found.variable = None;
    }
    Some(found)
}

/// Whether `call` is one of `kind` that listens: `subprocess.run` is none of Flask's.
fn starts(kind: &Kind, call: &Call<'_>) -> bool {
    let owner = call.name.rsplit_once('.').map_or("", |(owner, _)| owner);
    let others = ["asyncio", "subprocess", "anyio", "trio", "mcp", "bot", "client", "loop", "self"];
    !(kind.names.contains(&".run") && others.contains(&owner.rsplit('.').next().unwrap_or(owner)))
}

/// An MCP server that is not told to use its standard input.
fn mcp(code: &Code<'_>, file: &PythonFile<'_>) -> Option<Listener> {
    if !file.uses("fastmcp") && !file.uses("mcp") {
        return None;
    }
    let kind = kind(&[], &[], 8000, true);
    let transport = |call: &Call<'_>| {
        let transport = call.named("transport").or(call.at(0)).map(|text| value(code, file, text));
        transport.and_then(|value| value.text).unwrap_or_else(|| "stdio".to_owned())
    };
    let servers = ["server", "mcp", "app", "self.mcp", "self.server"];
    let calls = || {
        let calls = file.calls(&[".run", ".run_async", ".run_http_async"]);
        calls.filter(|call| {
            servers.contains(&call.name.rsplit_once('.').map_or("", |(owner, _)| owner))
                || call.named("transport").is_some()
        })
    };
    // One that can do both does not listen unless it is asked to.
    if calls().any(|call| transport(&call) == "stdio") {
        return None;
    }
    let calls: Vec<Call<'_>> =
        calls().filter(|call| TRANSPORTS.contains(&transport(call).as_str())).collect();
    // Of several ways to listen, the one for others names an address.
    let call = calls.iter().find(|call| call.named("host").is_some()).or(calls.first())?;
    // The one library takes them here, the other where the server is created.
    let created = file.calls(&["FastMCP"]).next();
    let argument = |name: &str| call.named(name).or_else(|| created.as_ref()?.named(name));
    let host = argument("host").map(|host| value(code, file, host)).unwrap_or_default();
    let port = match argument("port") {
        Some(port) => value(code, file, port).port(),
        None => Some(kind.default),
    };
    Some(Listener::of(port, host, &kind, call))
}

impl Listener {
    fn of(port: Option<i64>, host: Value, kind: &Kind, call: &Call<'_>) -> Self {
        let is_true = |name: &str| call.named(name).is_some_and(|value| value == "True");
        let is_local = match &host.text {
            Some(_) => host.is_local(),
            // What only a variable says is unknown.
            None => kind.is_local && host.variable.is_none() && host.option.is_none(),
        };
        Self {
            port,
            is_local,
            variable: kind.variable,
            is_debug: is_true("reload") || is_true("debug"),
            line: call.line.number,
            host,
        }
    }

    /// What makes others reach it: arguments of the program, or a variable. `None` where nothing does.
    pub fn opened(&self) -> Option<Opening> {
        const ALL: &str = "0.0.0.0";
        if !self.is_local {
            return Some(Opening::default());
        }
        if let Some(option) = &self.host.option {
            return Some(Opening { arguments: vec![option.clone(), ALL.to_owned()], variable: None });
        }
        let variable = self.host.variable.clone().or(self.variable.map(str::to_owned))?;
        Some(Opening { arguments: Vec::new(), variable: Some((variable, ALL.to_owned())) })
    }
}

/// What makes others reach a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Opening {
    /// Further arguments.
    pub arguments: Vec<String>,
    /// A variable with its value.
    pub variable: Option<(String, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_listen_where_their_calls_say() {
        let check = |text: &str, expected: &str| {
            let files = [("main.py".to_owned(), Some(text.to_owned()))].into();
            let none = Default::default();
            let code = Code::of(&files, &none);
            let found = listener(&code, &code.files[0]);
            let shown = found.map(|found| {
                let opening = match found.opened() {
                    Some(Opening { arguments, variable }) => {
                        let variable =
                            variable.map(|(name, value)| format!("{name}={value}")).unwrap_or_default();
                        format!("{}{variable}", arguments.join(" "))
                    }
                    None => "local".to_owned(),
                };
                format!("{} {opening}{}", found.port.unwrap_or(0), if found.is_debug { " debug" } else { "" })
            });
            assert_eq!(shown.unwrap_or_default().trim_end(), expected, "{text}");
        };
        check("import uvicorn\nuvicorn.run(app, host=\"0.0.0.0\", port=8001)\n", "8001");
        check("import uvicorn\nuvicorn.run(app, reload=True)\n", "8000 local debug");
        check("import uvicorn\nuvicorn.run(app, **o)\n", "0 local");
        check(
            "import uvicorn\np.add_argument('--host', default='localhost')\nuvicorn.run(a, host=args.host)\n",
            "8000 --host 0.0.0.0",
        );
        check(
            "import uvicorn\nuvicorn.run(a, host=os.getenv('H', '127.0.0.1'), port=int(os.environ['P']))\n",
            "0 H=0.0.0.0",
        );
        check("from flask import Flask\napp.run('0.0.0.0', 80)\n", "80");
        check("from flask import Flask\napp.run(debug=True)\n", "5000 local debug");
        check("import flask, subprocess\nsubprocess.run(['a'])\n", "");
        check("from dash import Dash\napp.run(port=81)\n", "81 HOST=0.0.0.0");
        check("import gradio as gr\ndemo.queue().launch()\n", "7860 GRADIO_SERVER_NAME=0.0.0.0");
        check("import gradio as gr\ndemo.launch(server_name='0.0.0.0')\n", "7860");
        check("from aiohttp import web\nweb.run_app(app)\n", "8080");
        check("from http.server import HTTPServer\nHTTPServer(('', 8005), H).serve_forever()\n", "8005");
        check(
            "import http.server\nPORT = 82\nhttp.server.HTTPServer((\"localhost\", PORT), H)\n",
            "82 local",
        );
        check("import grpc\ns.add_insecure_port('[::]:50052')\n", "50052");
        check("import asyncio, websockets\nasync with websockets.serve(h, '0.0.0.0', 9000): pass\n", "9000");
        check("import tornado.web\napp.listen(8889)\n", "8889");
        check("from fastmcp import FastMCP\nmcp = FastMCP('a')\nmcp.run()\n", "");
        check("from fastmcp import FastMCP\nmcp.run(transport='http', host='0.0.0.0', port=9001)\n", "9001");
        check(
            "from mcp.server.fastmcp import FastMCP\nm = FastMCP('a', host='0.0.0.0', port=9002)\nm.run(transport='sse')\n",
            "9002",
        );
        check(
            "from mcp.server.fastmcp import FastMCP\nt = os.getenv('T', 'sse')\nif t == 'stdio': mcp.run(transport=t)\n\
             else: mcp.run(transport=t, host='0.0.0.0', port=9003)\n",
            "9003",
        );
        check("print(1)\n", "");
    }
}

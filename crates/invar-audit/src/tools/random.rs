//! Random values, and the machine that builds.
use crate::calls::{Call, OutputUse};
use crate::finding::Finding;
use crate::findings::Findings;
use crate::rule::Rule;

pub(super) fn check(call: &Call, found: &mut Findings) {
    if let Some(what) = random(call) {
        let message = format!("{what} differs in every build");
        found.push(Finding::new(Rule::RandomInBuild, call.span, message));
    } else if let Some(what) = machine(call) {
        let message = format!("{what} is the build machine's");
        found.push(Finding::new(Rule::MachineInBuild, call.span, message));
    }
}

fn random(call: &Call) -> Option<&'static str> {
    let line = call.line();
    let verb = call.arguments.first().map(|argument| argument.text.as_str()).unwrap_or_default();
    let reads_random = |text: &str| text.contains("/dev/urandom") || text.contains("/dev/random");
    match call.program.as_str() {
        "uuidgen" | "dbus-uuidgen" | "systemd-machine-id-setup" => Some("the ID generated here"),
        "openssl" => match verb {
            "rand" => Some("the value generated here"),
            "genrsa" | "genpkey" | "gendsa" | "dhparam" | "ecparam" => Some("the key generated here"),
            "req" if call.has(&["-x509", "-newkey", "-new"]) => Some("the certificate generated here"),
            _ => None,
        },
        "ssh-keygen" if !call.has(&["-R", "-F", "-l", "-y", "-H"]) => Some("the key generated here"),
        "keytool" if verb.starts_with("-genkey") || verb == "-genkeypair" => Some("the key generated here"),
        "make-ssl-cert" | "mkcert" => Some("the certificate generated here"),
        "pwgen" | "mcookie" => Some("the value generated here"),
        "php" if line.contains("key:generate") => Some("the key generated here"),
        "shuf" if !shuffles_servers(call) => Some("the order generated here"),
        // A link to the device is none of its values.
        "ln" | "cp" | "mount" | "chmod" => None,
        _ if reads_random(&line) || call.inputs.iter().any(|input| reads_random(input)) => {
            Some("the data read here")
        }
        _ => None,
    }
}

/// Whether nothing but names of servers is shuffled: which one answers makes no difference to what is built.
fn shuffles_servers(call: &Call) -> bool {
    let operands = call.operands(&["-n", "-i", "-o"]);
    let is_server = |name: &str| {
        let name = name.split_once("://").map_or(name, |(_, rest)| rest);
        name.contains('.') && !name.contains('/')
    };
    call.has(&["-e", "--echo"]) && !operands.is_empty() && operands.iter().all(|name| is_server(&name.text))
}

fn machine(call: &Call) -> Option<&'static str> {
    let line = call.line();
    let kept = call.inside != OutputUse::Nothing || !call.outputs.is_empty();
    if ["march=native", "mtune=native", "mcpu=native", "target-cpu=native"]
        .iter()
        .any(|flag| line.contains(flag))
    {
        return Some("the CPU");
    }
    match call.program.as_str() {
        "hostname" if kept && call.arguments.is_empty() => Some("the host name"),
        "uname" if kept && call.has(&["-r", "-a", "-n", "-v", "--all", "--kernel-release"]) => {
            Some("the kernel version")
        }
        "lscpu" if kept => Some("the CPU"),
        "cat" | "grep" if kept && (line.contains("/proc/cpuinfo") || line.contains("/proc/version")) => {
            Some("the CPU")
        }
        _ => None,
    }
}

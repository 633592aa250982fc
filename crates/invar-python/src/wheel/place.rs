use super::WheelFault;
use super::archive::Member;
use crate::layout::EnvironmentLayout;
use crate::select::Chosen;

/// Where a member lands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Below site-packages.
    Library { below: String },
    /// In `bin`, as a script.
    Script { name: String },
    /// Below the environment's own folder.
    Data { below: String },
    /// Below the include folder.
    Header { below: String },
}

impl Place {
    /// The path relative to the environment.
    pub(super) fn relative(&self, layout: &EnvironmentLayout) -> String {
        match self {
            Self::Library { below } => format!("{}/{below}", layout.site_packages()),
            Self::Script { name } => format!("bin/{name}"),
            Self::Data { below } => below.clone(),
            Self::Header { below } => format!("{}/{below}", layout.include()),
        }
    }
}

/// Where a member lands; nothing for the folders of `.data` themselves.
pub(super) fn place(member: &Member, data: &str, chosen: &Chosen) -> Result<Option<Place>, WheelFault> {
    let path = member.path.as_str();
    let Some(inner) = path.strip_prefix(data).filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
        return Ok(Some(Place::Library { below: path.to_owned() }));
    };
    let inner = inner.trim_start_matches('/');
    let outside = || WheelFault::Scheme { path: path.to_owned() };
    let (scheme, below) = match inner.split_once('/') {
        Some((scheme, below)) => (scheme, below.to_owned()),
        None if member.directory => return Ok(None),
        None => return Err(outside()),
    };
    let place = match scheme {
        "purelib" | "platlib" => Place::Library { below },
        "headers" => Place::Header { below: format!("{}/{below}", chosen.name) },
        "data" => {
            // lib64 is a link to lib.
            let below = match below.split_once('/') {
                Some(("lib64", rest)) => format!("lib/{rest}"),
                _ => below,
            };
            if member.directory && below == "lib64" {
                return Ok(None);
            }
            check_data(path, &below)?;
            Place::Data { below }
        }
        // A folder in bin is no script; `uv` refuses it too.
        "scripts" if member.directory || below.contains('/') => return Err(outside()),
        "scripts" => {
            check_script(path, &below)?;
            Place::Script { name: below }
        }
        _ => return Err(outside()),
    };
    Ok(Some(place))
}

fn check_data(path: &str, below: &str) -> Result<(), WheelFault> {
    match below.strip_prefix("bin/") {
        Some(name) => check_script(path, name),
        None if matches!(below, "pyvenv.cfg" | "lib64") => {
            Err(WheelFault::Reserved { path: path.to_owned(), reserved: below.to_owned() })
        }
        None => Ok(()),
    }
}

/// The names of interpreters are the environment's, on every platform, as `uv` has it.
pub(super) fn check_script(path: &str, name: &str) -> Result<(), WheelFault> {
    let lower = name.to_ascii_lowercase();
    let plain = lower.strip_suffix(".exe").unwrap_or(&lower);
    let plain = plain.strip_suffix(".py").unwrap_or(plain);
    let minor = |prefix: &str| {
        plain.strip_prefix(prefix).is_some_and(|minor| {
            let minor = minor.strip_suffix('t').unwrap_or(minor);
            !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let reserved = ["python", "pythonw", "python3", "graalpy", "pypy", "pypy2", "pypy3"].contains(&plain)
        || minor("python3.")
        || minor("pythonw3.");
    if reserved {
        return Err(WheelFault::Reserved { path: path.to_owned(), reserved: format!("bin/{plain}") });
    }
    Ok(())
}

/// The launcher that an old script stands for: build tools have made both, and only the launcher is installed.
pub(super) fn launcher_name(script: &str) -> &str {
    [".exe", "-script.py", ".pya"].iter().find_map(|suffix| script.strip_suffix(suffix)).unwrap_or(script)
}

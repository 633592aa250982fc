//! The name that an image goes by.
//!
//! ```text
//! reference  = [ domain "/" ] path [ ":" tag ]
//! domain     = component *( "." component ) [ ":" 1*5digit ]
//! component  = letter or digit, then letters, digits and "-", not "-" at the end
//! path       = name *( "/" name )
//! name       = 1*( a-z or digit ), separated by "." or "_" or "__" or 1*"-"
//! tag        = letter, digit or "_", then at most 127 letters, digits, "_", "." and "-"
//! ```
//!
//! This is the grammar of the Distribution project's `reference` package, without digests and without IPv6 addresses,
//! and names are normalized as Docker does: what precedes the first slash is a domain only if it has a `.`, a `:` or
//! an upper-case letter, or is `localhost`; else the domain is `docker.io`, where a path of one name is below
//! `library/`. The tag is `latest` where none is given.
use std::fmt;
use std::str::FromStr;

const DOCKER: &str = "docker.io";
const OFFICIAL: &str = "library/";

/// A repository and a tag: `registry.example:5000/team/app:1.0`. It is shown with its domain and tag in full.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    domain: String,
    path: String,
    tag: String,
}

/// Why a text is not a [`Reference`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The text names a digest, which an image that is yet to be made cannot have.
    #[error("{text:?} names a digest: give a name and a tag, such as \"app:1.0\"")]
    Digest {
        /// The text as given.
        text: String,
    },
    /// What precedes the first slash is not the name of a host.
    #[error("{domain:?} in {text:?} is not a registry host, such as \"registry.example:5000\"")]
    Domain {
        /// The text as given.
        text: String,
        /// The part at fault.
        domain: String,
    },
    /// A part of the path is not a name.
    #[error(
        "{name:?} in {text:?} is not part of a repository name: use lower-case letters and digits, \
         separated by \".\", \"_\" or \"-\""
    )]
    Name {
        /// The text as given.
        text: String,
        /// The part at fault.
        name: String,
    },
    /// What follows the colon is not a tag.
    #[error(
        "{tag:?} in {text:?} is not a tag: use at most 128 letters, digits, \"_\", \".\" and \"-\", \
         not starting with \".\" or \"-\""
    )]
    Tag {
        /// The text as given.
        text: String,
        /// The part at fault.
        tag: String,
    },
    /// The repository's name is 64 hexadecimal digits, which Docker takes for an image's ID.
    #[error("{text:?} looks like the ID of an image")]
    Id {
        /// The text as given.
        text: String,
    },
    /// The repository's name in full is longer than 255 bytes.
    #[error("the full repository name has {length} bytes; the limit is 255: {text:?}")]
    Long {
        /// The text as given.
        text: String,
        /// The length in bytes.
        length: usize,
    },
}

impl Reference {
    /// Reads a reference as a user writes it; see the module's documentation for the grammar.
    ///
    /// # Errors
    /// [`ReferenceError`].
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let own = |part: &str| part.to_owned();
        if text.contains('@') {
            return Err(ReferenceError::Digest { text: own(text) });
        }
        let (name, tag) = match text.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (text, "latest"),
        };
        if !is_tag(tag) {
            return Err(ReferenceError::Tag { text: own(text), tag: own(tag) });
        }
        if name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(ReferenceError::Id { text: own(text) });
        }
        let (domain, path) = match name.split_once('/') {
            Some((domain, path)) if looks_like_domain(domain) => (domain, path),
            _ => (DOCKER, name),
        };
        if !is_domain(domain) {
            return Err(ReferenceError::Domain { text: own(text), domain: own(domain) });
        }
        if let Some(name) = path.split('/').find(|name| !is_name(name)) {
            return Err(ReferenceError::Name { text: own(text), name: own(name) });
        }
        let domain = if domain == "index.docker.io" { DOCKER } else { domain };
        let official = if domain == DOCKER && !path.contains('/') { OFFICIAL } else { "" };
        let reference = Self { domain: own(domain), path: format!("{official}{path}"), tag: own(tag) };
        let length = reference.repository().len();
        if length > 255 {
            return Err(ReferenceError::Long { text: own(text), length });
        }
        Ok(reference)
    }

    /// The registry's host: `docker.io`, `registry.example:5000`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The path of the repository in its registry: `library/app`, `team/app`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The repository in full: `docker.io/library/app`.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.domain, self.path)
    }

    /// The tag: `latest`.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The shortest form that means the same to Docker, with the tag: `app:latest`.
    pub fn familiar(&self) -> String {
        let full = self.to_string();
        if self.domain != DOCKER {
            return full;
        }
        let path = self.path.strip_prefix(OFFICIAL).unwrap_or(&self.path);
        // Some names mean another registry without their domain, such as docker.io/a.b/app.
        [path, &self.path]
            .into_iter()
            .map(|path| format!("{path}:{}", self.tag))
            .find(|short| Self::parse(short).as_ref() == Ok(self))
            .unwrap_or(full)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.domain, self.path, self.tag)
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        Self::parse(text)
    }
}

fn looks_like_domain(text: &str) -> bool {
    text == "localhost"
        || text.bytes().any(|byte| matches!(byte, b'.' | b':')) // A host's name, or its port.
        || text.chars().any(char::is_uppercase)
}

fn is_domain(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    let is_component = |component: &str| {
        !component.is_empty()
            && !component.starts_with('-')
            && !component.ends_with('-')
            && component.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(is_component)
        && (1..=5).contains(&port.len())
        && port.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (Some(first), Some(last)) = (text.bytes().next(), text.bytes().last()) else {
        return false;
    };
    is_word(first)
        && is_word(last)
        && text.as_bytes().split(|byte| is_word(*byte)).all(|separator| {
            matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|byte| *byte == b'-')
        })
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&text.len())
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, full: &str, familiar: &str) {
        let reference = Reference::parse(text).unwrap();
        assert_eq!(reference.to_string(), full);
        assert_eq!(reference.familiar(), familiar);
        assert_eq!(full.parse(), Ok(reference));
    }

    #[test]
    fn names_are_normalised_as_docker_does() {
        check("app", "docker.io/library/app:latest", "app:latest");
        check("app:1.0", "docker.io/library/app:1.0", "app:1.0");
        check("team/app", "docker.io/team/app:latest", "team/app:latest");
        check("docker.io/app", "docker.io/library/app:latest", "app:latest");
        check("index.docker.io/team/app:x", "docker.io/team/app:x", "team/app:x");
        check("localhost/app", "localhost/app:latest", "localhost/app:latest");
        check("registry.example/app", "registry.example/app:latest", "registry.example/app:latest");
        check("Host/app:x", "Host/app:x", "Host/app:x");
        check("10.0.0.1:5000/a/b_c/d--e:V_1.2-3", "10.0.0.1:5000/a/b_c/d--e:V_1.2-3", {
            "10.0.0.1:5000/a/b_c/d--e:V_1.2-3"
        });
        check("docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest");
        check("docker.io/a.b/app", "docker.io/a.b/app:latest", "docker.io/a.b/app:latest");
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        assert_eq!(
            Reference::parse(text).unwrap_err().to_string().split(':').next(),
            Some(expected),
            "{text}"
        );
    }

    #[test]
    fn other_texts_are_refused() {
        check_error(&format!("app@sha256:{}", "0".repeat(64)), "\"app@sha256");
        let error = Reference::parse("app@sha256").unwrap_err();
        assert_eq!(error, ReferenceError::Digest { text: "app@sha256".into() });
        check_error("", "\"\" in \"\" is not part of a repository name");
        check_error("App", "\"App\" in \"App\" is not part of a repository name");
        check_error("team/../app", "\"..\" in \"team/../app\" is not part of a repository name");
        check_error("team//app", "\"\" in \"team//app\" is not part of a repository name");
        check_error("a___b", "\"a___b\" in \"a___b\" is not part of a repository name");
        check_error("a.-b", "\"a.-b\" in \"a.-b\" is not part of a repository name");
        check_error("-a", "\"-a\" in \"-a\" is not part of a repository name");
        for text in ["app:", "app:.x", "app:a b", &format!("app:{}", "a".repeat(129))] {
            assert!(matches!(Reference::parse(text), Err(ReferenceError::Tag { .. })), "{text}");
        }
        for text in ["-a.b/app", "a..b/app", "a.b:/app", "a.b:x/app", "a.b:123456/app", "a.b:1:2/app"] {
            assert!(matches!(Reference::parse(text), Err(ReferenceError::Domain { .. })), "{text}");
        }
        assert!(matches!(Reference::parse(&"ab".repeat(32)), Err(ReferenceError::Id { .. })));
        let long = "a".repeat(255 - "docker.io/library/".len());
        assert!(Reference::parse(&long).is_ok());
        let error = Reference::parse(&format!("{long}a")).unwrap_err();
        assert!(matches!(error, ReferenceError::Long { length: 256, .. }), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = Reference::parse(&text);
        }

        #[test]
        fn both_forms_mean_the_same(text in "([a-zA-Z.:-]{1,8}/)?[a-z0-9._/-]{1,12}(:[a-zA-Z0-9._-]{1,6})?") {
            if let Ok(reference) = Reference::parse(&text) {
                prop_assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference.clone());
                prop_assert_eq!(reference.familiar().parse::<Reference>().unwrap(), reference);
            }
        }
    }
}

//! Names of images: `[registry/]repository[:tag][@digest]`, by the grammar of `distribution/reference`.
use std::fmt;

/// An image's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageReference {
    /// The registry, where the first part looks like one: it has a dot or a port, or is `localhost`.
    pub registry: Option<String>,
    /// The repository, as it is written.
    pub repository: String,
    /// The tag.
    pub tag: Option<String>,
    /// The digest, with its algorithm.
    pub digest: Option<String>,
}

/// A text that names no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an image name")]
pub struct InvalidReference(pub String);

impl ImageReference {
    /// Reads a name.
    ///
    /// # Errors
    /// [`InvalidReference`] for what no registry would take.
    pub fn parse(text: &str) -> Result<Self, InvalidReference> {
        Self::read(text).ok_or_else(|| InvalidReference(text.to_owned()))
    }

    fn read(text: &str) -> Option<Self> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        let last_part = name.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match name[last_part..].split_once(':') {
            Some((before, tag)) => (&name[..last_part + before.len()], Some(tag)),
            None => (name, None),
        };
        // With capitals it can be nothing else.
        let looks_like_registry = |part: &str| {
            part.contains(['.', ':'])
                || part == "localhost"
                || part.contains(|c: char| c.is_ascii_uppercase())
        };
        let (registry, repository) = match name.split_once('/') {
            Some((first, rest)) if looks_like_registry(first) => (Some(first), rest),
            _ => (None, name),
        };
        let in_set = |text: &str, more: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        let digest_is_good = digest.is_none_or(|digest| {
            digest.split_once(':').is_some_and(|(algorithm, hex)| {
                in_set(algorithm, "+._-")
                    && hex.len() >= 32
                    && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
        });
        let good = repository.split('/').all(|part| in_set(part, "._-"))
            && !repository.contains(|c: char| c.is_ascii_uppercase())
            && registry.is_none_or(|registry| in_set(registry, ".-:[]"))
            && tag.is_none_or(|tag| in_set(tag, "._-") && tag.len() <= 128)
            && digest_is_good;
        good.then(|| Self {
            registry: registry.map(str::to_owned),
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }

    /// The last part of the repository: `python` of `registry.test/library/python`.
    pub fn short_name(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or(&self.repository)
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(registry) = &self.registry {
            write!(out, "{registry}/")?;
        }
        out.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(out, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(out, "@{digest}")?;
        }
        Ok(())
    }
}

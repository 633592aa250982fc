use invar_tree::Digest;

/// A file to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What it is, for people: `libc6 2.41-12 (amd64)`.
    pub label: String,
    /// Where it is, tried in order: `https://…`, `http://…`, `file:///…`, or an absolute path.
    pub urls: Vec<String>,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes, if it is known. A longer body is cut off.
    pub size: Option<u64>,
}

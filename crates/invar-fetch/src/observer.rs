/// What is reported about the progress of downloads, from the threads that they run on.
pub trait Observer: Sync {
    /// The download of `label` begins, or begins again from its first byte: its progress is 0. The size is in bytes,
    /// if it is known.
    fn started(&self, label: &str, size: Option<u64>);

    /// `bytes` more of `label` are there. What an earlier run has left counts too, right after the start.
    fn advanced(&self, label: &str, bytes: u64);

    /// An attempt failed for the reason `why`; `attempt` is the number of the one that follows, from 2.
    fn retrying(&self, label: &str, why: &str, attempt: u32);

    /// `label` is complete and correct.
    fn finished(&self, label: &str);

    /// Whether to give up. Asked between the parts of a download, and several times a second while waiting; a server
    /// that is silent delays it by at most the time limits of [`Settings`](crate::Settings).
    fn cancelled(&self) -> bool;
}

/// The observer that does not care and does not cancel.
#[derive(Debug, Clone, Copy)]
pub struct SilentObserver;

impl Observer for SilentObserver {
    fn started(&self, _: &str, _: Option<u64>) {}

    fn advanced(&self, _: &str, _: u64) {}

    fn retrying(&self, _: &str, _: &str, _: u32) {}

    fn finished(&self, _: &str) {}

    fn cancelled(&self) -> bool {
        false
    }
}

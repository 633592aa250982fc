//! One attempt at one address: what ends it, and the pauses between several.
use std::time::{Duration, Instant};

use invar_store::StoreError;

use crate::{Failure, Observer};

/// How long to sleep before asking again whether to give up.
const MOMENT: Duration = Duration::from_millis(50);

/// What ends an attempt.
#[derive(Debug)]
pub(crate) enum AttemptError {
    /// It failed at this address; another may do.
    Here(Failure),
    /// No address would do.
    Store(StoreError),
    /// The observer asked to give up.
    Cancelled,
}

impl From<Failure> for AttemptError {
    fn from(failure: Failure) -> Self {
        Self::Here(failure)
    }
}

impl From<StoreError> for AttemptError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Sleeps for `pause`, or until the observer asks to give up.
pub(crate) fn wait(pause: Duration, observer: &dyn Observer) -> Result<(), AttemptError> {
    let start = Instant::now();
    loop {
        if observer.cancelled() {
            return Err(AttemptError::Cancelled);
        }
        let left = pause.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(MOMENT));
    }
}

/// How long to wait before looking again whether another download of the same file has ended.
pub(crate) const OTHERS: Duration = MOMENT;

//! How much of the thread's stack may be used.
use std::cell::Cell;

/// Bytes of the stack that [`on_deep_stack`] gives.
const DEEP: usize = 192 << 20;

/// Bytes that are left for what is called at the deepest point, and for what the caller had already used.
const RESERVE: usize = 4 << 20;

/// Bytes that are used on a thread which was not started here: half of what a thread has at least.
const SHALLOW: usize = 1 << 20;

thread_local! {
    /// Bytes below the thread's first frame that may be used.
    static BUDGET: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Runs `work` on a thread with a stack that is deep enough for [`Limits::depth`](crate::Limits).
///
/// Elsewhere an evaluation stops by [`ErrorKind::Limit`](crate::ErrorKind) as soon as it has used a mebibyte of stack.
///
/// If the system has no room for such a thread, `work` runs on this one.
///
/// # Panics
/// If `work` panics.
pub fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let mut work = Some(work);
    let result = std::thread::scope(|scope| {
        let run = || {
            BUDGET.set(Some(DEEP - RESERVE));
            work.take().map(|work| work())
        };
        let thread = std::thread::Builder::new().stack_size(DEEP).spawn_scoped(scope, run).ok()?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    match (result, work) {
        (Some(result), _) => result,
        (None, Some(work)) => work(),
        (None, None) => unreachable!("work that ran has a result"),
    }
}

/// The part of the stack that one evaluation may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stack {
    start: usize,
    size: usize,
}

impl Stack {
    /// From here on.
    pub(crate) fn here() -> Self {
        Self { start: address(), size: BUDGET.get().unwrap_or(SHALLOW) }
    }

    /// Whether more than the budget is used.
    pub(crate) fn is_exhausted(&self) -> bool {
        // An evaluator may also be used from a frame above the one that made it.
        self.start.abs_diff(address()) > self.size
    }
}

/// Where the stack is now.
#[inline(never)]
fn address() -> usize {
    let marker = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&marker)) as usize
}

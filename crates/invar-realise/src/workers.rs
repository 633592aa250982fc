//! Work on many things at once, with results in the order of the things.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Gives each of `items` to `work`, at most `threads` at once, and returns the results in the order of the items.
///
/// Items are begun in their order. After a failure no more are begun; those that are at work are waited for.
///
/// # Errors
/// Of the failures, that of the first item.
pub fn each<I: Sync, T: Send, E: Send>(
    threads: usize,
    items: &[I],
    work: impl Fn(&I) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let next = AtomicUsize::new(0);
    let done: Mutex<BTreeMap<usize, Result<T, E>>> = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..threads.max(1).min(items.len()) {
            scope.spawn(|| {
                while let index = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(item) = items.get(index)
                {
                    let result = work(item);
                    if result.is_err() {
                        next.store(items.len(), Ordering::Relaxed);
                    }
                    done.lock().unwrap_or_else(PoisonError::into_inner).insert(index, result);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        for threads in [0, 1, 7] {
            let results: Result<Vec<usize>, ()> = each(threads, &items, |item| Ok(item * 2));
            assert_eq!(results.unwrap(), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
        assert_eq!(each(4, &[] as &[u8], |_| Err::<u8, ()>(())), Ok(Vec::new()));
    }

    #[test]
    fn a_failure_ends_the_work() {
        let begun = AtomicUsize::new(0);
        let items: Vec<usize> = (0..1000).collect();
        let result = each(1, &items, |&item| {
            begun.fetch_add(1, Ordering::Relaxed);
            if item < 5 { Ok(()) } else { Err(item) }
        });
        assert_eq!((result, begun.into_inner()), (Err(5), 6));
        // With an item for each thread all are begun, and it is the first one's failure that is reported.
        let barrier = std::sync::Barrier::new(3);
        let result: Result<Vec<()>, usize> = each(3, &[1, 2, 3], |&item| {
            barrier.wait();
            Err(item)
        });
        assert_eq!(result, Err(1));
    }
}

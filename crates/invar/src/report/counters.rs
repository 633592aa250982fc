//! How far the work is, as numbers that never exceed their totals.
use indicatif::{HumanBytes, HumanCount};

/// Packages: how many there are, and how many are done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Packages {
    done: u64,
    total: u64,
}

impl Packages {
    /// So many more are to be done. A build learns of them in several parts.
    pub fn announce(&mut self, more: usize) {
        self.total += more as u64;
    }

    /// One is done, also if nobody announced it.
    pub fn finish_one(&mut self) {
        self.done += 1;
        self.total = self.total.max(self.done);
    }

    /// The counter as text.
    pub fn text(self) -> String {
        format!("{}/{}", HumanCount(self.done), HumanCount(self.total))
    }

    /// The part that is done, from 0 to 1.
    pub fn part(self) -> f64 {
        if self.total == 0 { 1.0 } else { self.done as f64 / self.total as f64 }
    }
}

/// A download: how many bytes are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    received: u64,
    size: Option<u64>,
}

impl Transfer {
    /// A download of `size` bytes that begins.
    pub fn new(size: Option<u64>) -> Self {
        Self { received: 0, size }
    }

    /// `bytes` more arrived. A file that is longer than the lock says is refused elsewhere.
    pub fn advance(&mut self, bytes: u64) {
        self.received = self.received.saturating_add(bytes);
        if let Some(size) = self.size {
            self.received = self.received.min(size);
        }
    }

    /// The counter as text.
    pub fn text(self) -> String {
        match self.size {
            Some(size) => format!("{}/{}", HumanBytes(self.received), HumanBytes(size)),
            None => HumanBytes(self.received).to_string(),
        }
    }

    /// The part that is there, from 0 to 1; `None` if the size is not known.
    pub fn part(self) -> Option<f64> {
        let size = self.size.filter(|size| *size > 0)?;
        Some(self.received as f64 / size as f64)
    }
}

/// A bar of `width` columns of which `part` is done.
pub fn bar(part: f64, width: usize) -> String {
    let done = ((part * width as f64).floor() as usize).min(width);
    format!("{}{}", "█".repeat(done), "░".repeat(width - done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_stays_within_its_total() {
        let mut packages = Packages::default();
        packages.announce(2);
        for _ in 0..3 {
            packages.finish_one();
        }
        assert_eq!(packages.text(), "3/3");
        packages.announce(1);
        assert_eq!(packages.text(), "3/4");
    }

    #[test]
    fn more_bytes_than_there_are_do_not_count() {
        let mut transfer = Transfer::new(Some(1024));
        transfer.advance(1000);
        transfer.advance(1000);
        assert_eq!((transfer.text().as_str(), transfer.part()), ("1.00 KiB/1.00 KiB", Some(1.0)));
        let mut unknown = Transfer::new(None);
        unknown.advance(2048);
        assert_eq!((unknown.text().as_str(), unknown.part()), ("2.00 KiB", None));
        assert_eq!(Transfer::new(Some(0)).part(), None);
    }

    #[test]
    fn a_bar_is_as_wide_as_asked() {
        for (part, expected) in [(0.0, "░░░░"), (0.5, "██░░"), (0.99, "███░"), (1.0, "████"), (2.0, "████")]
        {
            assert_eq!(bar(part, 4), expected);
        }
    }
}

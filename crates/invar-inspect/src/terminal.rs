//! Sizes as a terminal shows them.
use std::fmt;

/// A number of bytes, shown as `512 B` or `1.50 MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let mut unit = None;
        #[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
        let mut size = self.0 as f64;
        for next in UNITS {
            if size < 1024.0 {
                break;
            }
            size /= 1024.0;
            unit = Some(next);
        }
        match unit {
            Some(unit) => write!(f, "{size:.2} {unit}"),
            None => write!(f, "{size} B"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_two_decimals_from_a_kibibyte_on() {
        for (size, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (1536, "1.50 KiB"),
            (5 << 20, "5.00 MiB"),
            ((1 << 40) - 1, "1024.00 GiB"),
            (u64::MAX, "16.00 EiB"),
        ] {
            assert_eq!(ByteSize(size).to_string(), expected);
        }
    }
}

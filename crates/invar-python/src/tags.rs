//! Which wheels fit a target, and which fits best.
//!
//! The order, the best first, is the one of pypa/packaging and `uv` ("Platform compatibility tags", PEP 425; PEP 600
//! for `manylinux`). `PLATFORM` stands for every platform tag in order:
//!
//! ```text
//! cpXY-cpXY-PLATFORM
//! cpXY-abi3-PLATFORM
//! cpXY-none-PLATFORM
//! cpXZ-abi3-PLATFORM     Z from Y-1 down to 2
//! pyXY-none-PLATFORM
//! pyX-none-PLATFORM
//! pyXZ-none-PLATFORM     Z from Y-1 down to 0
//! cpXY-none-any
//! pyXY-none-any
//! pyX-none-any
//! pyXZ-none-any          Z from Y-1 down to 0
//! ```
//!
//! A platform tag is `manylinux_2_N_MACHINE` for each glibc from the target's down to 2.5 (2.17 on `aarch64`, which
//! has had none before), with its old name, if it has one, right after it; `linux_MACHINE` comes last. `musllinux`
//! (PEP 656) never fits: the images have glibc.
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use invar_tree::Machine;

use crate::filename::WheelFilename;
use crate::target::Target;

/// One compatibility tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    /// The Python, such as `cp313`.
    pub python: String,
    /// The binary interface, such as `abi3`.
    pub abi: String,
    /// The platform, such as `manylinux_2_17_x86_64`.
    pub platform: String,
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.python, self.abi, self.platform)
    }
}

/// The newest minor version of glibc that tags are created for; one larger than any that exists.
const NEWEST_GLIBC: u32 = 199;

/// The platform tags that fit, the best first.
fn platforms(target: &Target) -> Vec<String> {
    let machine = target.machine;
    let oldest = match machine {
        Machine::X86_64 => 5,
        Machine::Aarch64 => 17,
    };
    let mut platforms = Vec::new();
    let (major, newest) = target.glibc;
    if major == 2 {
        for minor in (oldest..=newest.min(NEWEST_GLIBC)).rev() {
            platforms.push(format!("manylinux_2_{minor}_{machine}"));
            match minor {
                17 => platforms.push(format!("manylinux2014_{machine}")),
                12 => platforms.push(format!("manylinux2010_{machine}")),
                5 => platforms.push(format!("manylinux1_{machine}")),
                _ => {}
            }
        }
    }
    platforms.push(format!("linux_{machine}"));
    platforms
}

/// The tags that fit the target, the best first.
pub fn compatible_tags(target: &Target) -> Vec<Tag> {
    let platforms = platforms(target);
    let (major, minor) = target.python.series();
    let mut tags = Vec::new();
    let mut add = |python: String, abi: &str| {
        for platform in &platforms {
            tags.push(Tag { python: python.clone(), abi: abi.to_owned(), platform: platform.clone() });
        }
    };
    let exact = format!("cp{major}{minor}");
    add(exact.clone(), &exact);
    add(exact.clone(), "abi3");
    add(exact.clone(), "none");
    for older in (2..minor).rev() {
        add(format!("cp{major}{older}"), "abi3");
    }
    let mut generic = vec![format!("py{major}{minor}"), format!("py{major}")];
    generic.extend((0..minor).rev().map(|older| format!("py{major}{older}")));
    for python in &generic {
        add(python.clone(), "none");
    }
    for python in std::iter::once(exact).chain(generic) {
        tags.push(Tag { python, abi: "none".to_owned(), platform: "any".to_owned() });
    }
    tags
}

impl WheelFilename {
    /// Whether the wheel can be installed on `target`.
    pub fn fits(&self, target: &Target) -> bool {
        Tags::of(target).rank(self).is_some()
    }
}

/// The tags of a target with their ranks.
#[derive(Debug)]
pub(crate) struct Tags(BTreeMap<(String, String, String), usize>);

impl Tags {
    pub(crate) fn of(target: &Target) -> Self {
        let tags = compatible_tags(target).into_iter().enumerate();
        Self(tags.map(|(rank, Tag { python, abi, platform })| ((python, abi, platform), rank)).collect())
    }

    /// The rank of the best tag of a wheel, 0 being the best of all.
    fn rank(&self, wheel: &WheelFilename) -> Option<usize> {
        let mut best = None;
        for python in &wheel.python {
            for abi in &wheel.abi {
                for platform in &wheel.platform {
                    let tag = (python.clone(), abi.clone(), platform.clone());
                    if let Some(&rank) = self.0.get(&tag) {
                        best = Some(best.map_or(rank, |best: usize| best.min(rank)));
                    }
                }
            }
        }
        best
    }

    /// The best wheel: by its tags, then the highest build tag, then the first.
    pub(crate) fn best<'a, T>(
        &self,
        wheels: impl IntoIterator<Item = T>,
        filename: impl Fn(&T) -> &'a WheelFilename,
    ) -> Option<T> {
        let ranked = wheels.into_iter().enumerate().filter_map(|(index, wheel)| {
            let name = filename(&wheel);
            let rank = self.rank(name)?;
            Some(((rank, Reverse(name.build.clone()), index), wheel))
        });
        ranked.min_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, wheel)| wheel)
    }
}

#[cfg(test)]
mod tests {
    use invar_tree::Digest;

    use super::*;

    fn target(python: &str, machine: Machine, glibc: u32) -> Target {
        Target { python: python.parse().unwrap(), machine, glibc: (2, glibc) }
    }

    /// The tags that pypa/packaging gives, as the digest of its list: one tag a line.
    #[track_caller]
    fn check(target: &Target, count: usize, digest: &str) {
        let lines: String = compatible_tags(target).iter().map(|tag| format!("{tag}\n")).collect();
        assert_eq!(lines.lines().count(), count);
        assert_eq!(Digest::of(lines.as_bytes()).hex(), digest, "{lines}");
    }

    include!("../fixtures/tags.in");

    #[test]
    fn the_order_is_that_of_pypa_packaging() {
        let lines: Vec<String> =
            compatible_tags(&target("3.13.5", Machine::X86_64, 41)).iter().map(Tag::to_string).collect();
        let expected: Vec<&str> = include_str!("../fixtures/tags-cp313-x86_64-2.41.txt").lines().collect();
        assert_eq!(lines, expected);
    }

    #[track_caller]
    fn best(target: &Target, wheels: &[&str], expected: Option<&str>) {
        let names: Vec<WheelFilename> = wheels.iter().map(|name| name.parse().unwrap()).collect();
        assert_eq!(Tags::of(target).best(&names, |name| name).map(WheelFilename::as_str), expected);
    }

    #[test]
    fn the_best_wheel_is_chosen() {
        let amd64 = target("3.13.5", Machine::X86_64, 41);
        let arm64 = target("3.13.5", Machine::Aarch64, 41);
        let any = "foo-1.0-py3-none-any.whl";
        let abi3 = "foo-1.0-cp38-abi3-manylinux2014_x86_64.whl";
        let exact = "foo-1.0-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl";
        let newer = "foo-1.0-cp313-cp313-manylinux_2_28_x86_64.whl";
        let free_threaded = "foo-1.0-cp313-cp313t-manylinux_2_28_x86_64.whl";
        let musl = "foo-1.0-cp313-cp313-musllinux_1_2_x86_64.whl";
        let too_new = "foo-1.0-cp313-cp313-manylinux_2_42_x86_64.whl";
        best(&amd64, &[any, abi3, exact, newer, free_threaded, musl, too_new], Some(newer));
        best(&amd64, &[any, abi3, exact, free_threaded, musl], Some(exact));
        best(&amd64, &[any, abi3], Some(abi3));
        best(&arm64, &[any, abi3, exact, newer], Some(any));
        best(&amd64, &[free_threaded, musl, too_new], None);
        let (one, two) = ("foo-1.0-1-py3-none-any.whl", "foo-1.0-10-py3-none-any.whl");
        best(&amd64, &[any, one, two], Some(two));
        best(&amd64, &["foo-1.0-py2.py3-none-any.whl", any], Some("foo-1.0-py2.py3-none-any.whl"));
    }
}

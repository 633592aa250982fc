//! The report of `verify`: a table of perturbations and verdicts, and what differs, with its cause and remedy.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use invar_diff::{Inside, of_inside};
use serde_json::{Value, json};

use crate::analysis::{Cause, Difference, Evidence, Fact, Moments};
use crate::changes::{Change, Detail, Finding};
use crate::perturbation::Perturbation;

/// How many differences are reported in full.
const SHOWN: usize = 20;

/// What came of it all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// Nothing differs.
    Same,
    /// Something differs.
    Differs,
    /// Nothing differs, but not all could be tried.
    Incomplete,
}

/// What came of a perturbation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The image is the same.
    Same,
    /// This differs.
    Differs(BTreeSet<Finding>),
    /// It could not be tried here, and why.
    NotTried(String),
}

/// A perturbation, and what came of it.
#[derive(Debug)]
pub struct Tried {
    /// The perturbation.
    pub perturbation: Perturbation,
    /// What came of it.
    pub verdict: Verdict,
}

/// All that is reported.
pub struct Report {
    /// The image's digest.
    pub digest: String,
    /// The image's name.
    pub reference: String,
    /// Whether it is for several platforms, so that one has to be named with what differs.
    pub several: bool,
    /// The perturbations.
    pub tried: Vec<Tried>,
    /// All that differs.
    pub changed: BTreeSet<Finding>,
    /// What differs though nothing is perturbed.
    pub anyway: BTreeSet<Finding>,
    /// What is known of each.
    pub details: BTreeMap<Finding, Detail>,
    /// When the two builds ran.
    pub moments: Moments,
    /// How many rebuilds there were.
    pub builds: usize,
}

impl Report {
    fn untried(&self) -> usize {
        self.tried.iter().filter(|tried| matches!(tried.verdict, Verdict::NotTried(_))).count()
    }

    /// What came of it all.
    pub fn conclusion(&self) -> Conclusion {
        if !self.changed.is_empty() {
            Conclusion::Differs
        } else if self.untried() > 0 {
            Conclusion::Incomplete
        } else {
            Conclusion::Same
        }
    }

    /// The result as text; with `quiet`, only what differs and the digest.
    pub fn text(&self, quiet: bool) -> String {
        let mut text = String::new();
        if !quiet {
            text.push_str(&self.table());
        }
        let findings: Vec<(&Finding, Vec<Perturbation>)> =
            self.changed.iter().map(|finding| (finding, self.under(finding))).collect();
        for (finding, under) in findings.iter().take(SHOWN) {
            text.push('\n');
            text.push_str(&self.tell(finding, under));
        }
        if findings.len() > SHOWN {
            let _ = write!(text, "\n… and {} more; use --json to list all\n", findings.len() - SHOWN);
        }
        if !text.is_empty() && !quiet {
            text.push('\n');
        }
        let _ = writeln!(text, "{}", self.digest);
        text
    }

    /// What must not be overlooked: that something could not be tried.
    pub fn warning(&self) -> Option<String> {
        (self.untried() > 0).then(|| {
            format!(
                "warning: {} of {} variations could not be run on this machine, so they are not covered",
                self.untried(),
                self.tried.len()
            )
        })
    }

    /// The result in one sentence.
    pub fn summary(&self) -> String {
        let count = |count: usize, noun: &str| match count {
            1 => format!("1 {noun}"),
            count => format!("{count} {noun}s"),
        };
        let rebuilds = count(self.builds, "rebuild");
        if self.changed.is_empty() {
            let variations = count(self.tried.len() - self.untried(), "variation");
            return format!("{} is reproducible: {rebuilds}, {variations}, same digest", self.reference);
        }
        let differences = count(self.changed.len(), "difference");
        format!("{} is not reproducible: {differences} in {rebuilds}", self.reference)
    }

    fn table(&self) -> String {
        let mut text = String::new();
        for Tried { perturbation, verdict } in &self.tried {
            let (word, why) = match verdict {
                Verdict::Same => ("same", perturbation.describe().to_owned()),
                Verdict::Differs(findings) if findings.contains(&Finding::Build) => {
                    ("FAILS", "the build fails".to_owned())
                }
                Verdict::Differs(findings) => {
                    let count = findings.len();
                    ("DIFFERS", format!("{count} {}", if count == 1 { "difference" } else { "differences" }))
                }
                Verdict::NotTried(why) => ("NOT TRIED", why.replace('\n', " ")),
            };
            let _ = writeln!(text, "{:<16} {word:<9}  {why}", perturbation.name());
        }
        if !self.anyway.is_empty() {
            let count = self.anyway.len();
            let _ = writeln!(
                text,
                "{:<16} {:<9}  {count} of the differences also appear without it",
                "(nothing)", "DIFFERS"
            );
        }
        text
    }

    /// The perturbations that change `finding`.
    fn under(&self, finding: &Finding) -> Vec<Perturbation> {
        let changes =
            |tried: &&Tried| matches!(&tried.verdict, Verdict::Differs(all) if all.contains(finding));
        self.tried.iter().filter(changes).map(|tried| tried.perturbation).collect()
    }

    fn tell(&self, finding: &Finding, under: &[Perturbation]) -> String {
        let detail = self.details.get(finding);
        let when = when(self.anyway.contains(finding), under);
        match finding {
            Finding::Build => {
                let message = detail.map(|detail| detail.message.as_str()).unwrap_or_default();
                let message = message.replace('\n', "\n    ");
                format!("the build fails {when}:\n    {message}\n")
            }
            Finding::Configuration => format!("the image's configuration differs {when}\n"),
            Finding::Packing { platform, layer } => format!(
                "layer {layer} ({platform}) has different bytes {when}, although its files are the same: this is a bug \
                 in Invar, please report it\n"
            ),
            Finding::Path { platform, path } => {
                let of_platform = if self.several { format!(", {platform}") } else { String::new() };
                let Some(change) = detail.and_then(|detail| detail.change.as_ref()) else {
                    return format!("{path} ({platform}) differs {when}\n");
                };
                let facts = detail.map(|detail| detail.facts.as_slice()).unwrap_or_default();
                let layer =
                    change.layer.map(|layer| format!("layer {}, ", layer.as_str())).unwrap_or_default();
                let head = format!(
                    "{path} ({layer}{}{of_platform}) differs {when}: {}\n",
                    change.origin,
                    change.describe()
                );
                head + &tell_change(change, cause(change, facts, under, self.moments))
            }
        }
    }

    /// The result for programs.
    pub fn to_json(&self) -> Value {
        let tried = self.tried.iter().map(|Tried { perturbation, verdict }| {
            let (word, why) = match verdict {
                Verdict::Same => ("same", None),
                Verdict::Differs(all) if all.contains(&Finding::Build) => ("fails", None),
                Verdict::Differs(_) => ("differs", None),
                Verdict::NotTried(why) => ("skipped", Some(why)),
            };
            json!({"variation": perturbation.name(), "verdict": word, "reason": why})
        });
        let differences = self.changed.iter().map(|finding| {
            let under = self.under(finding);
            let names: Vec<&str> = under.iter().map(|one| one.name()).collect();
            let detail = self.details.get(finding);
            let mut value = json!({"variations": names, "always": self.anyway.contains(finding)});
            let mut set = |name: &str, new: Value| value[name] = new;
            match finding {
                Finding::Build => {
                    set("kind", "build".into());
                    set("message", detail.map(|detail| detail.message.clone()).into());
                }
                Finding::Configuration => set("kind", "configuration".into()),
                Finding::Packing { platform, layer } => {
                    set("kind", "packing".into());
                    set("platform", platform.as_str().into());
                    set("layer", layer.as_str().into());
                }
                Finding::Path { platform, path } => {
                    set("kind", "path".into());
                    set("platform", platform.as_str().into());
                    set("path", path.as_str().into());
                    let change = detail.and_then(|detail| Some((detail.change.as_ref()?, &detail.facts)));
                    if let Some((change, facts)) = change {
                        set("change", change_json(change, cause(change, facts, &under, self.moments)));
                    }
                }
            }
            value
        });
        json!({
            "digest": self.digest,
            "reference": self.reference,
            "reproducible": self.changed.is_empty(),
            "skipped": self.untried(),
            "builds": self.builds,
            "variations": tried.collect::<Vec<_>>(),
            "differences": differences.collect::<Vec<_>>(),
        })
    }
}

/// When something differs, as the end of a sentence.
pub(crate) fn when(always: bool, under: &[Perturbation]) -> String {
    if always {
        return "in every rebuild, without any variation".to_owned();
    }
    match under {
        [] => "only under several variations at once".to_owned(),
        all => format!("under {}", all.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ")),
    }
}

/// What a change looks like.
pub(crate) fn cause(change: &Change, facts: &[Fact], under: &[Perturbation], moments: Moments) -> Cause {
    let (first, second) = change.contents.as_ref().map_or((&[][..], &[][..]), |(a, b)| (a, b));
    Cause::of(&Evidence { under, first, second, facts, moments })
}

/// The lines below the first of a change.
pub(crate) fn tell_change(change: &Change, cause: Cause) -> String {
    let mut text = String::new();
    if let Some(Difference { place, first, second }) =
        change.contents.as_ref().and_then(|(first, second)| Difference::between(first, second))
    {
        let _ = writeln!(text, "    {place}, first: {first}");
        let _ = writeln!(text, "    {:>width$} {second}", "again:", width = place.to_string().len() + 8);
    }
    for line in inside(change).iter().flat_map(of_inside) {
        let _ = writeln!(text, "    {line}");
    }
    let _ = writeln!(text, "    looks like {cause}:\n      {}", cause.remedy());
    text
}

/// How two files differ inside, where that says more than the first difference does.
fn inside(change: &Change) -> Option<Inside> {
    let (first, second) = change.contents.as_ref()?;
    let inside = invar_diff::inside(change.path.name(), first, second)?;
    let says_more = !matches!(inside, Inside::Text { .. } | Inside::Bytes { .. } | Inside::TooLarge);
    says_more.then_some(inside)
}

/// A change for programs.
pub(crate) fn change_json(change: &Change, cause: Cause) -> Value {
    let difference = change.contents.as_ref().and_then(|(first, second)| Difference::between(first, second));
    let difference = difference.map(|Difference { place, first, second }| {
        json!({"location": place.to_string(), "first": first.to_string(), "second": second.to_string()})
    });
    json!({
        "layer": change.layer.map(|layer| layer.as_str()),
        "origin": change.origin,
        "description": change.describe(),
        "difference": difference,
        "content": inside(change),
        "cause": cause.name(),
        "remedy": cause.remedy(),
    })
}

#[cfg(test)]
mod tests {
    use invar_tree::ImagePath;

    use super::*;

    #[test]
    fn a_difference_names_its_platform_where_there_are_several() {
        let path = "/app/out/month".to_owned();
        let finding = |platform: &str| Finding::Path { platform: platform.to_owned(), path: path.clone() };
        let change = Change {
            layer: None,
            path: ImagePath::parse("app/out/month").expect("it is a path"),
            origin: "step stamp".into(),
            first: None,
            second: None,
            contents: Some((b"2026-11\n".to_vec(), b"2027-12\n".to_vec())),
        };
        let detail =
            Detail { change: Some(change), message: String::new(), under: Vec::new(), facts: Vec::new() };
        let all = ["linux/amd64", "linux/arm64"].map(finding);
        let mut report = Report {
            digest: "sha256:00".into(),
            reference: "x:1".into(),
            several: true,
            tried: Vec::new(),
            changed: all.iter().cloned().collect(),
            anyway: BTreeSet::new(),
            details: all.iter().map(|one| (one.clone(), detail.clone())).collect(),
            moments: Moments { first: 0, second: 1 },
            builds: 1,
        };
        let heads = |report: &Report| {
            let told = all.iter().map(|one| report.tell(one, &[Perturbation::Clock]));
            told.map(|text| text.split(" differs").next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        let named = ["/app/out/month (step stamp, linux/amd64)", "/app/out/month (step stamp, linux/arm64)"];
        assert_eq!(heads(&report), named);
        report.several = false;
        assert_eq!(heads(&report), ["/app/out/month (step stamp)"; 2]);
    }
}

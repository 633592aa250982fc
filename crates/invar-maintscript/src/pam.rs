//! `/etc/pam.d/common-*`, as `pam-auth-update` writes them on a fresh installation.
//!
//! A template `/usr/share/pam/common-TYPE` has two blocks, each from a comment to a comment; a block gets the lines of
//! the profiles in `/usr/share/pam-configs` that are on by default, those of the highest priority first. In a line
//! `end` stands for the number of lines from there to the end of the block, for modules that jump over the others.
//!
//! ```text
//! # here are the per-package modules (the "Primary" block)
//! # here's the fallback if no module succeeds
//! # and here are more per-package modules (the "Additional" block)
//! # end of pam-auth-update config
//! ```
use std::collections::BTreeMap;

use invar_tree::{Mode, Owner};

use crate::context::Context;
use crate::output::known;
use crate::{ConfigureError, Output};

/// The files, the field of a profile that each takes its lines from, and what such a line starts with.
const FILES: [(&str, &str, &str); 5] = [
    ("account", "Account", "account"),
    ("auth", "Auth", "auth"),
    ("password", "Password", "password"),
    ("session", "Session", "session"),
    ("session-noninteractive", "Session", "session"),
];

/// For each block: the comment it starts after, the comment it ends before, its name in profiles.
const BLOCKS: [(&str, &str, &str); 2] = [
    (
        "# here are the per-package modules (the \"Primary\" block)",
        "# here's the fallback if no module succeeds",
        "Primary",
    ),
    (
        "# and here are more per-package modules (the \"Additional\" block)",
        "# end of pam-auth-update config",
        "Additional",
    ),
];

/// A profile: its fields; lines that continue one are joined by line feeds, without the white space around them.
type Profile = BTreeMap<String, String>;

pub(crate) fn handle(context: &Context<'_>, out: &mut Output) -> Result<(), ConfigureError> {
    if !context.has("libpam-runtime") {
        return Ok(());
    }
    let mut profiles = Vec::new();
    for (path, _) in context.view.children("usr/share/pam-configs") {
        if let Some(text) = context.view.read_text(path.as_str())? {
            profiles.push(parse(&text));
        }
    }
    profiles.retain(|profile| profile.get("Default").is_some_and(|default| default == "yes"));
    // Profiles of one priority stay in the order of their files' names.
    profiles.sort_by_key(|profile| std::cmp::Reverse(priority(profile)));
    for (kind, field, word) in FILES {
        let path = format!("etc/pam.d/common-{kind}");
        if context.view.is_present(&path) {
            continue;
        }
        if let Some(template) = context.view.read_text(&format!("usr/share/pam/common-{kind}"))? {
            let chosen: Vec<&Profile> = profiles
                .iter()
                .filter(|profile| {
                    let interactive =
                        profile.get("Session-Interactive-Only").is_some_and(|only| only == "yes");
                    !(kind == "session-noninteractive" && interactive)
                })
                .collect();
            out.file(known(&path), Mode::FILE, Owner::ROOT, fill(&template, &chosen, field, word));
        }
    }
    Ok(())
}

fn priority(profile: &Profile) -> i64 {
    profile.get("Priority").and_then(|priority| priority.parse().ok()).unwrap_or(0)
}

fn parse(text: &str) -> Profile {
    let mut profile = Profile::new();
    let mut last: Option<String> = None;
    for line in text.lines() {
        let head = line.split_once(':').filter(|(name, value)| {
            !name.is_empty()
                && !name.contains(char::is_whitespace)
                && (value.is_empty() || value.starts_with([' ', '\t']))
        });
        match head {
            Some((name, value)) => {
                let name = name.strip_suffix("-Final").unwrap_or(name).to_owned();
                profile.insert(name.clone(), value.trim().to_owned());
                last = Some(name);
            }
            None => {
                if let Some(value) = last.as_ref().and_then(|last| profile.get_mut(last))
                    && !line.trim().is_empty()
                {
                    if !value.is_empty() {
                        value.push('\n');
                    }
                    value.push_str(line.trim());
                }
            }
        }
    }
    profile
}

/// Writes the template with its blocks filled.
fn fill(template: &str, profiles: &[&Profile], field: &str, word: &str) -> String {
    let mut text = String::new();
    let mut blocks = BLOCKS.iter();
    let mut block = blocks.next();
    let mut skip_to = None;
    for line in template.lines() {
        if let Some(end) = skip_to {
            if !line.starts_with(end) {
                continue;
            }
            skip_to = None;
        }
        text.push_str(line);
        text.push('\n');
        if let Some((start, end, name)) = block
            && line.starts_with(start)
        {
            text.push_str(&lines(profiles, field, word, name));
            skip_to = Some(*end);
            block = blocks.next();
        }
    }
    text
}

/// The lines of one block.
fn lines(profiles: &[&Profile], field: &str, word: &str, block: &str) -> String {
    let in_block =
        |profile: &&&Profile| profile.get(&format!("{field}-Type")).is_some_and(|kind| kind == block);
    let mut lines: Vec<&str> = Vec::new();
    for (index, profile) in profiles.iter().filter(in_block).enumerate() {
        // The first profile of a block has no earlier one whose password it could take.
        let initial = profile.get(&format!("{field}-Initial")).filter(|text| index == 0 && !text.is_empty());
        lines.extend(initial.or_else(|| profile.get(field)).into_iter().flat_map(|text| text.lines()));
    }
    if lines.is_empty() && block == "Primary" {
        return format!("{word}\t[default=1]\t\t\tpam_permit.so\n");
    }
    // Jumps of the first block go past its last line, those of the second to it: below it is nothing.
    let mut left = if block == "Primary" { lines.len() } else { lines.len().saturating_sub(1) };
    let mut text = String::new();
    for line in lines {
        let (rule, options) = split(line);
        let rule = rule.replace("end", &left.to_string());
        let options: Vec<&str> = options.split_whitespace().collect();
        text.push_str(&format!("{word}\t{rule} {}\n", options.join(" ")));
        left = left.saturating_sub(1);
    }
    text
}

/// Splits a line after the control, which may be in brackets, and the module.
fn split(line: &str) -> (&str, &str) {
    let control = match line.starts_with('[') {
        true => line.find(']').map_or(line.len(), |end| end + 1),
        false => line.find(char::is_whitespace).unwrap_or(line.len()),
    };
    let gap = line[control..].len() - line[control..].trim_start().len();
    let module =
        line[control + gap..].find(char::is_whitespace).map_or(line.len(), |end| control + gap + end);
    line.split_at(module)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Image, check};

    const TEMPLATE: &str = "\
# here are the per-package modules (the \"Primary\" block)
$auth_primary
# here's the fallback if no module succeeds
auth\trequisite\t\t\tpam_deny.so
# and here are more per-package modules (the \"Additional\" block)
$auth_additional
# end of pam-auth-update config
";

    #[test]
    fn profiles_fill_the_blocks() {
        let unix = "Name: Unix authentication\nDefault: yes\nPriority: 256\nAuth-Type: Primary\nAuth:\n\
                    \t[success=end default=ignore]\tpam_unix.so nullok try_first_pass\nAuth-Initial:\n\
                    \t[success=end default=ignore]\tpam_unix.so nullok\n";
        let other = unix.replace("256", "10").replace("unix", "other");
        let cap = "Name: Capabilities\nDefault: yes\nPriority: 0\nAuth-Type: Additional\nAuth:\n\toptional\tpam_cap.so\n";
        let off = cap.replace("yes", "no");
        let image = Image::new()
            .package("libpam-runtime", "pam-auth-update")
            .file("usr/share/pam/common-auth", TEMPLATE)
            .file("usr/share/pam-configs/another", &other)
            .file("usr/share/pam-configs/cap", cap)
            .file("usr/share/pam-configs/off", &off)
            .file("usr/share/pam-configs/unix", unix);
        let expected = "\
# here are the per-package modules (the \"Primary\" block)
auth\t[success=2 default=ignore]\tpam_unix.so nullok
auth\t[success=1 default=ignore]\tpam_other.so nullok try_first_pass
# here's the fallback if no module succeeds
auth\trequisite\t\t\tpam_deny.so
# and here are more per-package modules (the \"Additional\" block)
auth\toptional\tpam_cap.so 
# end of pam-auth-update config
";
        check(handle, &image, &format!("f 0644 0:0 /etc/pam.d/common-auth {expected:?}\n"));
    }

    #[test]
    fn without_a_profile_everything_is_permitted_on_to_the_rest() {
        let image = Image::new()
            .package("libpam-runtime", "pam-auth-update")
            .file("usr/share/pam/common-account", TEMPLATE);
        let expected = TEMPLATE
            .replace("$auth_primary", "account\t[default=1]\t\t\tpam_permit.so")
            .replace("$auth_additional\n", "");
        check(handle, &image, &format!("f 0644 0:0 /etc/pam.d/common-account {expected:?}\n"));
    }
}

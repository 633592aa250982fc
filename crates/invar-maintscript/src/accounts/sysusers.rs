//! Declarations of accounts, `/usr/lib/sysusers.d/*.conf` (sysusers.d(5)).
//!
//! A line has up to six fields, separated by white space and quoted where they hold some:
//!
//! ```text
//! u NAME ID COMMENT HOME SHELL   a user, and a group of the same name unless ID is "UID:GID"
//! g NAME ID                      a group
//! m USER GROUP                   the user becomes a member of the group
//! r - RANGE                      a range of IDs: not followed here
//! ```
//!
//! `-` stands for a default; `u!` is a user whose account is locked, which every account is here. As
//! `systemd-sysusers` does, users come before groups and groups before memberships, and an ID that is not given is the
//! highest free one below 1000, free as a user's and as a group's; users get the same ID twice.
use super::database::{AccountError, Lock, MOST_LINES, Table};

/// What one line declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Declaration {
    User {
        name: String,
        uid: Option<u32>,
        group: Option<String>,
        comment: String,
        home: String,
        shell: String,
    },
    Group {
        name: String,
        gid: Option<u32>,
    },
    Member {
        user: String,
        group: String,
    },
}

/// Reads one file.
pub(super) fn parse(text: &str) -> Result<Vec<Declaration>, AccountError> {
    let mut declared = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if index == MOST_LINES {
            return Err(AccountError::TooMany { most: MOST_LINES });
        }
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let error = || AccountError::Declaration { line: index + 1, text: line.to_owned() };
        let fields = fields(line).ok_or_else(error)?;
        let field = |index: usize| fields.get(index).map(String::as_str).filter(|field| *field != "-");
        let name =
            |index: usize| field(index).filter(|name| is_name(name)).map(str::to_owned).ok_or_else(error);
        let plain = |index: usize, default: &str| match field(index) {
            Some(text) if text.contains(':') => Err(error()),
            text => Ok(text.unwrap_or(default).to_owned()),
        };
        declared.push(match fields[0].as_str() {
            "u" | "u!" => {
                let (uid, group) = match field(2) {
                    // A path stands for the owner of that file, which only the running system knows.
                    None => (None, None),
                    Some(path) if path.starts_with('/') => (None, None),
                    Some(id) => {
                        let (uid, group) =
                            id.split_once(':').map_or((id, None), |(uid, group)| (uid, Some(group)));
                        let uid = if uid == "-" { None } else { Some(uid.parse().map_err(|_| error())?) };
                        (uid, group.map(str::to_owned))
                    }
                };
                Declaration::User {
                    name: name(1)?,
                    uid,
                    group,
                    comment: plain(3, "")?,
                    home: plain(4, "/")?,
                    shell: plain(5, "/usr/sbin/nologin")?,
                }
            }
            "g" => {
                let gid = match field(2) {
                    Some(id) if !id.starts_with('/') => Some(id.parse().map_err(|_| error())?),
                    _ => None,
                };
                Declaration::Group { name: name(1)?, gid }
            }
            "m" => Declaration::Member { user: name(1)?, group: name(2)? },
            "r" => continue,
            _ => return Err(error()),
        });
    }
    Ok(declared)
}

/// Splits a line; quotes, single or double, hold a field together. `None` for a quote without an end.
fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (field, after) = if first == '"' || first == '\'' {
            rest[1..].split_once(first)?
        } else {
            rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()))
        };
        fields.push(field.to_owned());
        rest = after.trim_start();
    }
    Some(fields)
}

/// Whether the name can be in the tables.
fn is_name(name: &str) -> bool {
    let start = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    start && plain && name.len() <= 31
}

/// Adds what is declared and not there yet.
pub(super) fn allocate(
    declared: &[Declaration],
    users: &mut Table,
    groups: &mut Table,
) -> Result<(), AccountError> {
    for item in declared {
        if let Declaration::User { name, uid, group, comment, home, shell } = item {
            let gid = match group {
                Some(group) => group.parse().ok().or_else(|| groups.id(group)),
                None => Some(add_group(name, *uid, users, groups)?),
            };
            if users.id(name).is_none() {
                let uid = match uid {
                    Some(uid) if users.name(*uid).is_some() => {
                        return Err(AccountError::Taken { name: name.clone(), id: *uid });
                    }
                    Some(uid) => *uid,
                    None => match gid.filter(|gid| users.name(*gid).is_none()) {
                        Some(gid) => gid,
                        None => last_free(name, users, groups)?,
                    },
                };
                let gid = gid.unwrap_or(uid).to_string();
                users.push(name, uid, &[&gid, comment, home, shell], Lock::Declared);
            }
        }
    }
    for item in declared {
        if let Declaration::Group { name, gid } = item {
            add_group(name, *gid, users, groups)?;
        }
    }
    for item in declared {
        if let Declaration::Member { user, group } = item {
            groups.add_member(group, user);
        }
    }
    Ok(())
}

/// The ID of the group `name`, which is added if it is missing.
fn add_group(
    name: &str,
    wanted: Option<u32>,
    users: &Table,
    groups: &mut Table,
) -> Result<u32, AccountError> {
    if let Some(gid) = groups.id(name) {
        return Ok(gid);
    }
    let own = users.id(name);
    let gid = match wanted.or(own).filter(|id| groups.name(*id).is_none()) {
        Some(id) => id,
        None => last_free(name, users, groups)?,
    };
    groups.push(name, gid, &[""], Lock::Declared);
    Ok(gid)
}

/// The highest ID below 1000 that is free in both tables.
fn last_free(name: &str, users: &Table, groups: &Table) -> Result<u32, AccountError> {
    (1..=999)
        .rev()
        .find(|id| users.name(*id).is_none() && groups.name(*id).is_none())
        .ok_or_else(|| AccountError::Exhausted { name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Database;

    fn tables() -> (Table, Table) {
        let users = Table::parse(Database::Passwd, "root:*:0:0:root:/root:/bin/bash\n").unwrap();
        (users, Table::parse(Database::Group, "root:*:0:\nadm:*:4:\n").unwrap())
    }

    #[test]
    fn ids_go_downwards_users_before_groups() {
        let text = "# note\ng crontab - -\nu messagebus - \"System Message Bus\" /nonexistent\nm messagebus adm\n\
                    u! fixed 200 - - -\nr - 300-400\n";
        let (mut users, mut groups) = tables();
        allocate(&parse(text).unwrap(), &mut users, &mut groups).unwrap();
        assert_eq!(
            users.to_text(false),
            "root:*:0:0:root:/root:/bin/bash\n\
             messagebus:x:999:999:System Message Bus:/nonexistent:/usr/sbin/nologin\n\
             fixed:x:200:200::/:/usr/sbin/nologin\n"
        );
        assert_eq!(
            groups.to_text(false),
            "root:*:0:\nadm:*:4:messagebus\nmessagebus:x:999:\nfixed:x:200:\ncrontab:x:998:\n"
        );
    }

    #[test]
    fn other_lines_are_refused() {
        for text in
            ["u", "u a:b", "u \"open", "x name", "u name abc", "g name 1:2", "u name - a:b", "m a", "u 1a"]
        {
            assert!(matches!(parse(text), Err(AccountError::Declaration { line: 1, .. })), "{text}");
        }
    }

    #[test]
    fn floods_are_refused() {
        assert!(matches!(parse(&"\n".repeat(MOST_LINES + 1)), Err(AccountError::TooMany { .. })));
    }

    #[test]
    fn a_taken_id_is_an_error() {
        let (mut users, mut groups) = tables();
        let error = allocate(&parse("u toor 0").unwrap(), &mut users, &mut groups).unwrap_err();
        assert_eq!(error, AccountError::Taken { name: "toor".into(), id: 0 });
    }
}

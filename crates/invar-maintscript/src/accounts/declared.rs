//! Users that the author of an image adds to it.
use super::database::{AccountError, Database, Lock, Table};

/// A user to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// The name of its group, which is added unless there is a group of this number.
    pub group: String,
    /// Its home directory, an absolute path.
    pub home: String,
    /// Its login shell, an absolute path.
    pub shell: String,
}

/// The texts of the files with accounts; a shadow file is only there if the others refer to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountTexts {
    /// `/etc/passwd`.
    pub passwd: String,
    /// `/etc/group`.
    pub group: String,
    /// `/etc/shadow`.
    pub shadow: Option<String>,
    /// `/etc/gshadow`.
    pub gshadow: Option<String>,
}

/// Adds `users`, in their order, at the ends of the files. Their passwords are locked, as `useradd` leaves them.
///
/// # Errors
/// [`AccountError`]: a name or number is taken, or a file is not a table of accounts.
pub fn add_users(texts: &AccountTexts, users: &[NewUser]) -> Result<AccountTexts, AccountError> {
    let AccountTexts { passwd, group, shadow, gshadow } = texts;
    let mut known = Table::parse(Database::Passwd, passwd)?;
    let mut groups = Table::parse(Database::Group, group)?;
    let mut texts = AccountTexts { passwd: whole(passwd), group: whole(group), shadow: None, gshadow: None };
    (texts.shadow, texts.gshadow) = (shadow.as_deref().map(whole), gshadow.as_deref().map(whole));
    let password = if shadow.is_some() { "x" } else { "*" };
    for NewUser { name, uid, gid, group, home, shell } in users {
        if known.id(name).is_some() {
            return Err(AccountError::Exists { name: name.clone() });
        }
        if known.name(*uid).is_some() {
            return Err(AccountError::Taken { name: name.clone(), id: *uid });
        }
        known.push(name, *uid, &[&gid.to_string(), "", home, shell], Lock::Added);
        texts.passwd.push_str(&format!("{name}:{password}:{uid}:{gid}::{home}:{shell}\n"));
        if let Some(shadow) = &mut texts.shadow {
            shadow.push_str(&format!("{name}:!:::::::\n"));
        }
        if groups.name(*gid).is_some() {
            continue;
        }
        if groups.id(group).is_some() {
            return Err(AccountError::Exists { name: group.clone() });
        }
        groups.push(group, *gid, &[""], Lock::Added);
        texts.group.push_str(&format!("{group}:{password}:{gid}:\n"));
        if let Some(gshadow) = &mut texts.gshadow {
            gshadow.push_str(&format!("{group}:!::\n"));
        }
    }
    Ok(texts)
}

/// `text` with a line feed at its end.
fn whole(text: &str) -> String {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, uid: u32, gid: u32, group: &str) -> NewUser {
        let (home, shell) = (format!("/home/{name}"), "/usr/sbin/nologin".to_owned());
        NewUser { name: name.to_owned(), uid, gid, group: group.to_owned(), home, shell }
    }

    #[test]
    fn users_come_after_those_that_are_there() {
        let before = AccountTexts {
            passwd: "root:x:0:0:root:/root:/bin/bash\n".to_owned(),
            group: "root:x:0:\nstaff:x:50:".to_owned(),
            shadow: Some("root:*::0:99999:7:::\n".to_owned()),
            gshadow: Some("root:*::\n".to_owned()),
        };
        let users =
            [user("app", 1000, 1000, "app"), user("job", 1001, 50, "job"), user("two", 1002, 1000, "app")];
        let after = add_users(&before, &users).unwrap();
        assert_eq!(
            after.passwd,
            "root:x:0:0:root:/root:/bin/bash\napp:x:1000:1000::/home/app:/usr/sbin/nologin\n\
             job:x:1001:50::/home/job:/usr/sbin/nologin\ntwo:x:1002:1000::/home/two:/usr/sbin/nologin\n"
        );
        assert_eq!(after.group, "root:x:0:\nstaff:x:50:\napp:x:1000:\n");
        assert_eq!(
            after.shadow.as_deref(),
            Some("root:*::0:99999:7:::\napp:!:::::::\njob:!:::::::\ntwo:!:::::::\n")
        );
        assert_eq!(after.gshadow.as_deref(), Some("root:*::\napp:!::\n"));
        let plain = add_users(&AccountTexts::default(), &users[..1]).unwrap();
        assert_eq!(plain.passwd, "app:*:1000:1000::/home/app:/usr/sbin/nologin\n");
        assert_eq!((plain.group.as_str(), plain.shadow), ("app:*:1000:\n", None));
    }

    #[test]
    fn names_and_numbers_are_taken_once() {
        let texts = AccountTexts {
            passwd: "www-data:x:33:33::/:/bin/sh\n".to_owned(),
            group: "www-data:x:33:\nstaff:x:50:\n".to_owned(),
            ..AccountTexts::default()
        };
        let check = |user: NewUser, expected: AccountError| {
            assert_eq!(add_users(&texts, &[user]), Err(expected));
        };
        check(user("www-data", 1000, 1000, "app"), AccountError::Exists { name: "www-data".to_owned() });
        check(user("app", 33, 1000, "app"), AccountError::Taken { name: "app".to_owned(), id: 33 });
        check(user("staff", 1000, 1000, "staff"), AccountError::Exists { name: "staff".to_owned() });
        let damaged = AccountTexts { passwd: "x".to_owned(), ..AccountTexts::default() };
        assert!(matches!(add_users(&damaged, &[]), Err(AccountError::Line { line: 1, .. })));
    }
}

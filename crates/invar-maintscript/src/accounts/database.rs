//! `/etc/passwd` and `/etc/group` as tables (passwd(5), group(5)).
//!
//! ```text
//! passwd  name:password:uid:gid:comment:home:shell
//! group   name:password:gid:member,member,…
//! ```

/// How many lines a table or a declaration may have: Debian's have less than a hundred.
pub(crate) const MOST_LINES: usize = 4096;

/// Which of the two tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    /// `/etc/passwd`.
    Passwd,
    /// `/etc/group`.
    Group,
}

impl Database {
    /// How many fields a line has.
    fn fields(self) -> usize {
        match self {
            Self::Passwd => 7,
            Self::Group => 4,
        }
    }

    /// The table's file.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Passwd => "etc/passwd",
            Self::Group => "etc/group",
        }
    }
}

/// Why accounts cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// A line of `/etc/passwd` or `/etc/group` does not have its fields, or its ID is not a number.
    #[error("line {line} is not an account: {text:?}")]
    Line {
        /// The line's number, from 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// A line of a `sysusers.d` file cannot be understood (sysusers.d(5)).
    #[error("line {line} is not a supported sysusers.d line: {text:?}")]
    Declaration {
        /// The line's number, from 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// A file has far more lines than there can be accounts.
    #[error("it has more than {most} lines")]
    TooMany {
        /// The limit.
        most: usize,
    },
    /// No ID is left in the range for system accounts, 100 to 999.
    #[error("no free ID between 100 and 999 for {name:?}")]
    Exhausted {
        /// The account.
        name: String,
    },
    /// A user or group is to be added that is there.
    #[error("{name:?} is in the image already: choose another name, or remove it from `image.users`")]
    Exists {
        /// The user or group.
        name: String,
    },
    /// A declared ID has another owner.
    #[error("the ID {id} of {name:?} is already taken")]
    Taken {
        /// The account.
        name: String,
        /// The ID.
        id: u32,
    },
}

/// How the password of a new account is locked, which shows what made the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    /// From the masters of base-passwd.
    Base,
    /// By `adduser`.
    Added,
    /// By `systemd-sysusers`.
    Declared,
}

impl Lock {
    /// The password field of the shadow file.
    fn password(self) -> &'static str {
        match self {
            Self::Base => "*",
            Self::Added => "!",
            Self::Declared => "!*",
        }
    }

    /// The fields of `/etc/shadow` from the day of the last change on (shadow(5)).
    ///
    /// The day stays empty, as `pwconv` leaves it when the clock is at 1970: no ageing. The other numbers are the
    /// defaults of login.defs; the programs that add system accounts leave them out.
    fn ageing(self) -> &'static str {
        match self {
            Self::Base => ":0:99999:7:::",
            Self::Added | Self::Declared => "::::::",
        }
    }
}

struct Row {
    /// All fields, the name first; the ID is the third of both tables.
    fields: Vec<String>,
    id: u32,
    lock: Lock,
}

/// One of the tables.
pub(crate) struct Table {
    database: Database,
    rows: Vec<Row>,
}

impl Table {
    /// Reads a table.
    pub(crate) fn parse(database: Database, text: &str) -> Result<Self, AccountError> {
        let mut rows = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if index == MOST_LINES {
                return Err(AccountError::TooMany { most: MOST_LINES });
            }
            let fields: Vec<String> = line.split(':').map(str::to_owned).collect();
            let id = fields.get(2).and_then(|id| id.parse().ok());
            match id {
                Some(id) if fields.len() == database.fields() => {
                    rows.push(Row { fields, id, lock: Lock::Base });
                }
                _ => return Err(AccountError::Line { line: index + 1, text: line.to_owned() }),
            }
        }
        Ok(Self { database, rows })
    }

    /// The table's file.
    pub(crate) fn path(&self) -> &'static str {
        self.database.path()
    }

    /// The ID of `name`.
    pub(crate) fn id(&self, name: &str) -> Option<u32> {
        self.rows.iter().find(|row| row.fields[0] == name).map(|row| row.id)
    }

    /// The name that has the ID.
    pub(crate) fn name(&self, id: u32) -> Option<&str> {
        self.rows.iter().find(|row| row.id == id).map(|row| row.fields[0].as_str())
    }

    /// The lowest free ID from 100, where `adduser` begins.
    pub(crate) fn first_free(&self, name: &str) -> Result<u32, AccountError> {
        (100..=999)
            .find(|id| self.name(*id).is_none())
            .ok_or_else(|| AccountError::Exhausted { name: name.to_owned() })
    }

    /// Adds a line; `rest` are the fields after the ID.
    pub(crate) fn push(&mut self, name: &str, id: u32, rest: &[&str], lock: Lock) {
        let head = [name.to_owned(), "x".to_owned(), id.to_string()];
        let fields = head.into_iter().chain(rest.iter().map(|&field| field.to_owned())).collect();
        self.rows.push(Row { fields, id, lock });
    }

    /// Makes `user` a member of the group.
    pub(crate) fn add_member(&mut self, group: &str, user: &str) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.fields[0] == group) {
            let members = row.fields.last_mut().expect("a line has four fields");
            if !members.split(',').any(|member| member == user) {
                if !members.is_empty() {
                    members.push(',');
                }
                members.push_str(user);
            }
        }
    }

    /// The table as text; if the passwords are in a shadow file, they are `x` here.
    pub(crate) fn to_text(&self, shadow: bool) -> String {
        let mut text = String::new();
        for row in &self.rows {
            for (index, field) in row.fields.iter().enumerate() {
                if index > 0 {
                    text.push(':');
                }
                text.push_str(if index == 1 && shadow { "x" } else { field });
            }
            text.push('\n');
        }
        text
    }

    /// The shadow table: `/etc/shadow` (shadow(5)) or `/etc/gshadow` (gshadow(5)).
    pub(crate) fn to_shadow(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let (name, password) = (&row.fields[0], row.lock.password());
            let rest = match self.database {
                Database::Passwd => row.lock.ageing().to_owned(),
                Database::Group => format!(":{}", row.fields[3]),
            };
            text.push_str(&format!("{name}:{password}:{rest}\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_lines_are_refused() {
        for text in ["root", "root:*:x:0:root:/root:/bin/sh", "root:*:0:0", "a:*:1:1:a:b:c:d", "\n"] {
            assert!(Table::parse(Database::Passwd, text).is_err(), "{text}");
        }
    }

    #[test]
    fn floods_are_refused() {
        let text = "a:*:1:\n".repeat(MOST_LINES + 1);
        let error = Table::parse(Database::Group, &text).err();
        assert_eq!(error, Some(AccountError::TooMany { most: MOST_LINES }));
    }

    #[test]
    fn ids_run_out() {
        let mut table = Table::parse(Database::Group, "").unwrap();
        for id in 100..=999 {
            table.push(&format!("g{id}"), id, &[""], Lock::Added);
        }
        assert_eq!(table.first_free("last"), Err(AccountError::Exhausted { name: "last".into() }));
    }
}

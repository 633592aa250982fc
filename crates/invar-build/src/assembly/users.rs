//! The users that the manifest adds: their lines in the files with accounts, and their home directories.
use invar_checkout::SourceTree;
use invar_maintscript::{AccountTexts, NewUser, add_users};
use invar_plan::LayerName;
use invar_project::{Account, AccountName};
use invar_run::{Overlay, RunError};
use invar_store::StoredTree;
use invar_tree::{Contents as _, ImagePath, MemoryTree, Mode, Origin, Owner, Sink as _};

use crate::BuildError;
use crate::image_trees::LayerInput;

/// The files with accounts, each with its mode and group.
const FILES: [(&str, Mode, u32); 4] = [
    ("etc/passwd", Mode::FILE, 0),
    ("etc/group", Mode::FILE, 0),
    ("etc/shadow", Mode::new(0o640), SHADOW),
    ("etc/gshadow", Mode::new(0o640), SHADOW),
];

/// The group of the shadow files: `shadow` (Debian Policy, section 9.2.2).
const SHADOW: u32 = 42;

/// How `why` names what brings these files.
const HANDLER: &str = "users";

/// Takes the files with accounts out of `overlay`, whose contents are `configured`, and of `inputs`, and gives the tree that
/// has them with the users of `accounts`.
pub(super) fn users<'a>(
    accounts: impl Iterator<Item = (&'a AccountName, &'a Account)>,
    overlay: &mut Overlay,
    configured: &StoredTree,
    inputs: &mut [LayerInput],
    source: &SourceTree,
) -> Result<LayerInput, BuildError> {
    let accounts: Vec<(&AccountName, &Account)> = accounts.collect();
    let mut texts = [None, None, None, None];
    for ((path, ..), text) in FILES.iter().zip(&mut texts) {
        let path = ImagePath::parse(path).expect("it is a relative path");
        let failed = |source| BuildError::Read { path: path.to_string().into(), source };
        for input in inputs.iter_mut().filter(|input| input.tree.get(path.as_str()).is_some()) {
            *text = Some(input.contents(source).read(&path).map_err(failed)?);
            input.tree.remove(&path);
            input.whole = false;
        }
        // The handlers' files replace those of packages.
        if overlay.tree.remove(&path).is_some() {
            *text = Some(configured.read(&path).map_err(failed)?);
        }
    }
    let mut texts =
        texts.into_iter().map(|text| text.map(|text| String::from_utf8_lossy(&text).into_owned()));
    let mut next = || texts.next().flatten();
    let (passwd, group) = (next().unwrap_or_default(), next().unwrap_or_default());
    let texts = AccountTexts { passwd, group, shadow: next(), gshadow: next() };
    let new: Vec<NewUser> = accounts.iter().map(|(name, account)| new_user(name, account)).collect();
    let AccountTexts { passwd, group, shadow, gshadow } =
        add_users(&texts, &new).map_err(|source| BuildError::Users { source: Box::new(source) })?;

    let mut made = MemoryTree::new(Origin::Handler { name: HANDLER.to_owned() });
    let kept = |error| BuildError::from(RunError::from(invar_realise::sink_failure(error)));
    for ((path, mode, gid), text) in FILES.iter().zip([Some(passwd), Some(group), shadow, gshadow]) {
        if let Some(text) = text {
            let path = ImagePath::parse(path).expect("it is a relative path");
            let owner = Owner { uid: 0, gid: *gid };
            made.file(path, *mode, owner, &mut text.as_bytes()).map_err(kept)?;
        }
    }
    for (name, account) in accounts {
        let home = ImagePath::parse(account.home(name).trim_start_matches('/'));
        let home = home.expect("the manifest takes absolute paths only");
        let owner = Owner { uid: account.uid, gid: account.gid() };
        made.directory(home, Mode::DIRECTORY, owner).map_err(kept)?;
    }
    Ok(LayerInput::memory(LayerName::System, made))
}

fn new_user(name: &AccountName, account: &Account) -> NewUser {
    let shell = account.shell.as_ref();
    NewUser {
        name: name.to_string(),
        uid: account.uid,
        gid: account.gid(),
        group: account.group.as_ref().unwrap_or(name).to_string(),
        home: account.home(name),
        shell: shell.map_or_else(|| "/usr/sbin/nologin".to_owned(), ToString::to_string),
    }
}

//! Blobs, trees and results on disk: atomic, shared between processes, collectable.
//!
//! A store is a folder that any number of processes may use at once. Everything in it can be rebuilt, so it is safe
//! to delete; but its contents are trusted, so they are never half-written.
//!
//! # Layout
//!
//! ```text
//! format                              "invar-store 1\n"; its lock is held while something damaged is removed
//! .gitignore                          "*\n", so that a store in a checkout is nobody's source
//! tmp/<name>                          what is being written, locked by the process that writes it
//! tmp/<name>.d/                       a tree or checkout that is being written, or a scratch folder; the lock is on
//!                                     tmp/<name>
//! blobs/sha256/<ab>/<hex>             a file whose sha256 is <hex>, which begins with <ab>
//! partial/<hex>                       the beginning of a blob that is being downloaded, or was when a process died
//! trees/<ab>/<key>/tree               the tree as a listing (see `invar_tree`)
//! trees/<ab>/<key>/segment.tar        its part of a layer (see `invar_oci`)
//! trees/<ab>/<key>/segment.tar.gz     the same, compressed
//! trees/<ab>/<key>/attachment.<name>  what belongs to the tree and is not in the image
//! trees/<ab>/<key>/seal               lengths and digests of the files above (see the module `seal`)
//! checkouts/<user>/<ab>/<key>/root/   a tree as real files; <user> is the number of the user whose files they are
//! checkouts/<user>/<ab>/<key>/seal    the number of its files, and a digest of what they are (see `survey`)
//! results/<ab>/<key>.json             a result: compact JSON, ended by a line feed
//! ```
//!
//! Folders appear when something is put into them. A [`Key`] is a digest of everything a tree or result was built from.
//! Results of other versions have different keys, and are neither used nor removed: versions can share a store.
//! It can be removed by hand while nothing uses the store: `trees`, `checkouts` and `results`, or the whole store.
//!
//! # What a crash can do
//!
//! Everything is written below `tmp/` and renamed to its name when it is complete, so a killed process leaves only
//! files below `tmp/` and `partial/`. Its locks die with it, whatever its process number or host was; the next
//! [`Store::open`] removes unlocked files.
//!
//! A machine that loses power may keep a rename and lose the data, which is why a name alone is not trusted:
//! * **Blobs** are synced before the rename. They come from the network, which is slower than the disk, and damage
//!   cannot be detected cheaply: the store exists to avoid hashing gigabytes at each start.
//! * **Trees** are not synced: a package's tree can be rebuilt from its blob. The seal holds the length of
//!   each file and is checked by its own digest, and so is the listing; a file system that lost data shows it as a
//!   wrong length. Every tree is checked so when it is opened.
//! * **Checkouts** are not synced either. The seal covers path, kind, mode, length and time of every file, and
//!   all of them are looked at when a checkout is opened, so one in which something was changed is noticed too.
//! * **Results** are one line that ends in a line feed: what was cut off has none, and zeros are not JSON.
//!
//! Damaged data counts as absent, is removed, and is rebuilt when it is needed.
//!
//! # Permissions
//!
//! Files follow the umask in what it denies to others, but a umask that would deny the owner is overruled; finished
//! files are not writable. Checkouts have the modes of their trees, whatever the umask, but no set-user-ID bits; they
//! and scratch folders are in folders that only their owner can enter, so those modes let nobody in. A store that can
//! only be read works as long as nothing has to be written.
mod blob;
mod checkout;
mod checkout_writer;
mod error;
mod key;
mod open;
mod partial;
mod permission;
mod removal;
mod result;
mod scratch;
mod seal;
mod store;
mod survey;
mod temporary;
mod tree;
mod tree_writer;
mod window;

pub use blob::BlobWriter;
pub use checkout::Checkout;
pub use checkout_writer::CheckoutWriter;
pub use error::StoreError;
pub use key::{Key, KeyWriter, Keyed};
pub use partial::Partial;
pub use scratch::Scratch;
pub use store::Store;
pub use tree::StoredTree;
pub use tree_writer::TreeWriter;

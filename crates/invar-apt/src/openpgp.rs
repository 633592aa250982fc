//! OpenPGP (RFC 9580), as much of it as a signed Release file and the keys that sign it need.
//!
//! ```text
//! packet       header, which has the type and the length, and a body
//! certificate  public key, signatures; user IDs, each with signatures; subkeys, each with signatures
//! signature    version, kind, algorithms, subpackets that it covers, subpackets that it does not, numbers
//! ```
//!
//! This reads packets, and checks the mathematics of one signature by one key with [`ring`]. Which signatures and keys count
//! is decided in [`crate::policy`]. Nothing here writes, decrypts or decompresses, and every packet says its length first.
//! Keys and signatures are of version 4, the keys RSA or Ed25519: what archives sign with.
pub(crate) mod armor;
pub(crate) mod certificate;
pub(crate) mod key;
pub(crate) mod packet;
pub(crate) mod signature;

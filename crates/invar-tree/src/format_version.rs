/// The version of everything that shapes bytes and is no input: tar headers, compressor settings, how layers are cut,
/// what handlers make.
///
/// `invar.lock` states it, and every key of the store has it in it, so what another version made is never found.
///
/// Format break: a change that alters any byte of an image raises it.
pub const FORMAT_VERSION: u64 = 2;

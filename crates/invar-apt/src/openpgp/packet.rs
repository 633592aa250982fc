//! Packets and the fields in them (RFC 9580, section 4).

/// The bytes are not what they should be: they end early, or a field has a value that it cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What is left to read of some bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.bytes(1)?[0])
    }

    /// A number of two bytes.
    pub(crate) fn short(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.bytes(2)?.try_into().expect("it has two bytes")))
    }

    /// A number of four bytes.
    pub(crate) fn long(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.bytes(4)?.try_into().expect("it has four bytes")))
    }

    /// A number of four bytes that counts bytes which follow.
    pub(crate) fn length(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.long()?).map_err(|_| Malformed)
    }

    /// A number of any length (section 3.2), without zeros before it.
    pub(crate) fn number(&mut self) -> Result<&'a [u8], Malformed> {
        let bits = usize::from(self.short()?);
        let bytes = self.bytes(bits.div_ceil(8))?;
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        Ok(&bytes[zeros..])
    }
}

/// A packet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet<'a> {
    /// The type ID (section 5).
    pub(crate) kind: u8,
    pub(crate) body: &'a [u8],
}

pub(crate) const SIGNATURE: u8 = 2;
pub(crate) const PUBLIC_KEY: u8 = 6;
pub(crate) const MARKER: u8 = 10;
pub(crate) const TRUST: u8 = 12;
pub(crate) const USER_ID: u8 = 13;
pub(crate) const PUBLIC_SUBKEY: u8 = 14;
pub(crate) const USER_ATTRIBUTE: u8 = 17;
pub(crate) const PADDING: u8 = 21;

/// Reads the next packet.
pub(crate) fn packet<'a>(reader: &mut Reader<'a>) -> Result<Packet<'a>, Malformed> {
    let header = reader.byte()?;
    let (kind, length) = match header & 0b1100_0000 {
        0b1100_0000 => (header & 0b0011_1111, length(reader)?),
        0b1000_0000 => {
            let length = match header & 0b11 {
                0 => usize::from(reader.byte()?),
                1 => usize::from(reader.short()?),
                2 => reader.length()?,
                // Until the end of the file, whatever that is.
                _ => return Err(Malformed),
            };
            (header >> 2 & 0b1111, length)
        }
        _ => return Err(Malformed),
    };
    Ok(Packet { kind, body: reader.bytes(length)? })
}

/// The length of a packet in the newer format (section 4.2.1). One in parts is only for packets of data.
fn length(reader: &mut Reader<'_>) -> Result<usize, Malformed> {
    match reader.byte()? {
        first @ 0..192 => Ok(usize::from(first)),
        first @ 192..224 => Ok((usize::from(first) - 192 << 8) + usize::from(reader.byte()?) + 192),
        224..255 => Err(Malformed),
        255 => reader.length(),
    }
}

/// The length of a subpacket of a signature (section 5.2.3.7), which has no parts and so more lengths of two bytes.
pub(crate) fn subpacket_length(reader: &mut Reader<'_>) -> Result<usize, Malformed> {
    match reader.byte()? {
        first @ 0..192 => Ok(usize::from(first)),
        first @ 192..255 => Ok((usize::from(first) - 192 << 8) + usize::from(reader.byte()?) + 192),
        255 => reader.length(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<(u8, usize), Malformed> {
        packet(&mut Reader(bytes)).map(|packet| (packet.kind, packet.body.len()))
    }

    #[test]
    fn lengths_are_read_in_both_formats() {
        let with = |header: &[u8], length: usize| [header, &vec![0; length]].concat();
        for (bytes, expected) in [
            (with(&[0xc2, 191], 191), Ok((2, 191))),
            (with(&[0xc2, 192, 0], 192), Ok((2, 192))),
            (with(&[0xc2, 223, 255], 8383), Ok((2, 8383))),
            (with(&[0xcd, 255, 0, 0, 1, 0], 256), Ok((13, 256))),
            (with(&[0x88, 3], 3), Ok((2, 3))),
            (with(&[0x99, 1, 2], 258), Ok((6, 258))),
            (with(&[0xba, 0, 0, 0, 9], 9), Ok((14, 9))),
            // A byte too few, a length in parts, one without an end, and no packet.
            (with(&[0xc2, 191], 190), Err(Malformed)),
            (with(&[0xc2, 224], 300), Err(Malformed)),
            (with(&[0x8b], 300), Err(Malformed)),
            (with(&[0x42, 1], 1), Err(Malformed)),
            (with(&[0xc2, 255, 255, 255, 255, 255], 1), Err(Malformed)),
            (Vec::new(), Err(Malformed)),
        ] {
            assert_eq!(read(&bytes), expected, "{:02x?}", &bytes[..bytes.len().min(6)]);
        }
        let subpacket = |bytes: &[u8]| subpacket_length(&mut Reader(bytes));
        assert_eq!(subpacket(&[254, 255]), Ok(16_319));
        assert_eq!(subpacket(&[255, 0, 0, 0, 7]), Ok(7));
    }

    #[test]
    fn numbers_have_no_zeros_before_them() {
        assert_eq!(Reader(&[0, 9, 1, 2]).number(), Ok(&[1, 2][..]));
        assert_eq!(Reader(&[0, 16, 0, 2]).number(), Ok(&[2][..]));
        assert_eq!(Reader(&[0, 0]).number(), Ok(&[][..]));
        assert_eq!(Reader(&[0, 17, 1, 2]).number(), Err(Malformed));
    }
}

use std::collections::BTreeMap;

/// A place in the executable that something refers to.
///
/// The code of both machines has the same parts, so they share the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Label {
    // Code.
    CountVariables,
    CopyFirst,
    FirstDone,
    CopyArguments,
    ArgumentsDone,
    NextVariable,
    NextName,
    CompareName,
    SkipName,
    Keep,
    ComparePath,
    Store,
    IsPath,
    MeasurePath,
    CopyPrefix,
    CopyPath,
    VariablesDone,
    HasPath,
    CopySet,
    SetDone,
    Say,
    Named,
    MeasureName,
    /// Where a missing name of the caller leaves the program its own.
    OwnName,
    CopyLast,
    LastDone,
    /// Where a variable is handed on as it is.
    HandOn,
    /// Where it goes on if the folder cannot be entered, and the same parts as above for that.
    Outside,
    SayOutside,
    NamedOutside,
    MeasureNameOutside,
    /// A part of the code or the data for the variable with this number.
    Variable(usize, VariablePart),
    // Data.
    First,
    FirstEnd,
    Set,
    SetEnd,
    Names,
    PathName,
    Prefix,
    PrefixEnd,
    PrefixAlone,
    Message,
    Fallback,
    CalledAs,
    Last,
    LastEnd,
    Directory,
    MessageOutside,
    /// The string with this number.
    Text(usize),
}

/// The parts that each variable has which is changed and not just set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum VariablePart {
    // Code.
    Compare,
    Is,
    Other,
    Full,
    Measure,
    CopyStart,
    CopyValue,
    ValueDone,
    CopyEnd,
    Has,
    // Data.
    Name,
    Absent,
    Empty,
    Start,
    StartEnd,
    End,
}

/// How an instruction or a word of data holds the place it refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reference {
    /// x86-64: four bytes, the distance from their end.
    Relative32,
    /// AArch64 `b.cond`, `cbz`, `cbnz`: bits 5 to 23, the distance in words.
    Branch19,
    /// AArch64 `b`: bits 0 to 25, the distance in words.
    Branch26,
    /// AArch64 `adr`: bits 29 and 30 and bits 5 to 23, the distance in bytes.
    Address21,
    /// Data: eight bytes, the address.
    Absolute64,
}

/// Bytes with labels. It knows nothing of instructions but how they refer to a place.
#[derive(Debug)]
pub(crate) struct Assembler {
    /// How many bytes of the file come before these.
    offset: usize,
    bytes: Vec<u8>,
    places: BTreeMap<Label, usize>,
    references: Vec<(usize, Label, Reference)>,
}

impl Assembler {
    pub(crate) fn new(offset: usize) -> Self {
        Self { offset, bytes: Vec::new(), places: BTreeMap::new(), references: Vec::new() }
    }

    /// Gives the place that comes next its label.
    pub(crate) fn label(&mut self, label: Label) {
        let before = self.places.insert(label, self.bytes.len());
        debug_assert_eq!(before, None, "{label:?} is in two places");
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Puts the four or eight bytes of an instruction or a word, which refer to `label`.
    pub(crate) fn refer(&mut self, bytes: &[u8], label: Label, reference: Reference) {
        self.references.push((self.bytes.len(), label, reference));
        self.put(bytes);
    }

    /// Puts zeros until the next place in the file is a multiple of eight.
    pub(crate) fn align(&mut self) {
        let length = (self.offset + self.bytes.len()).next_multiple_of(8) - self.offset;
        self.bytes.resize(length, 0);
    }

    /// The bytes, with every reference filled in. The file will be mapped at the address `base`.
    pub(crate) fn finish(mut self, base: u64) -> Vec<u8> {
        for (at, label, reference) in &self.references {
            let place = self.places.get(label).expect("every label that is referred to is put");
            let distance =
                |from: usize| i64::try_from(*place).unwrap_or(0) - i64::try_from(from).unwrap_or(0);
            let mut field = |bits: u32| {
                let word = &mut self.bytes[*at..*at + 4];
                let old = u32::from_le_bytes(word.try_into().expect("a word has four bytes"));
                word.copy_from_slice(&(old | bits).to_le_bytes());
            };
            // The data is short enough for every field: see the limit in `program`.
            match reference {
                Reference::Relative32 => field(distance(at + 4) as u32),
                Reference::Branch19 => field((((distance(*at) >> 2) as u32) & 0x7_ffff) << 5),
                Reference::Branch26 => field(((distance(*at) >> 2) as u32) & 0x3ff_ffff),
                Reference::Address21 => {
                    let distance = distance(*at) as u32;
                    field(((distance & 3) << 29) | (((distance >> 2) & 0x7_ffff) << 5));
                }
                Reference::Absolute64 => {
                    let address = base + (self.offset + place) as u64;
                    self.bytes[*at..*at + 8].copy_from_slice(&address.to_le_bytes());
                }
            }
        }
        self.bytes
    }
}

//! Objects, and a writer that makes every choice which the format leaves open by chance.
use std::collections::BTreeMap;

use proptest::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Object {
    None,
    True,
    Int(i32),
    /// Always more than 32 bits.
    Long(bool, u16),
    Float(u64),
    Bytes(Vec<u8>),
    Text(String),
    Tuple(Vec<Object>),
    FrozenSet(Vec<Object>),
    Slice(Box<[Object; 3]>),
}

/// Few different leaves, so that many are equal.
pub(super) fn objects() -> impl Strategy<Value = Object> {
    let leaf = prop_oneof![
        Just(Object::None),
        Just(Object::True),
        (-2..3).prop_map(Object::Int),
        (any::<bool>(), 1..4_u16).prop_map(|(negative, digit)| Object::Long(negative, digit)),
        (0..2_u64).prop_map(|sign| Object::Float(sign << 63)),
        prop::collection::vec(0..2_u8, 0..3).prop_map(Object::Bytes),
        "[a_ é]{0,3}".prop_map(Object::Text),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Object::Tuple),
            prop::collection::vec(inner.clone(), 0..4).prop_map(|mut elements| {
                elements.sort();
                elements.dedup();
                Object::FrozenSet(elements)
            }),
            [inner.clone(), inner.clone(), inner].prop_map(|parts| Object::Slice(Box::new(parts))),
        ]
    })
}

/// A writer with choices from a sequence of pseudo-random numbers (SplitMix64).
pub(super) struct Noise {
    state: u64,
    numbers: BTreeMap<Object, Vec<u32>>,
    next: u32,
}

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed, numbers: BTreeMap::new(), next: 0 }
    }

    fn chance(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33
    }

    fn coin(&mut self) -> bool {
        self.chance().is_multiple_of(2)
    }

    pub(super) fn write(&mut self, object: &Object) -> Vec<u8> {
        let earlier = self.numbers.get(object).cloned().unwrap_or_default();
        if !earlier.is_empty() && self.coin() {
            let number = earlier[self.chance() as usize % earlier.len()];
            return [&b"r"[..], &number.to_le_bytes()].concat();
        }
        if let Object::None | Object::True = object {
            return if *object == Object::None { b"N".to_vec() } else { b"T".to_vec() };
        }
        let number = self.coin().then_some(self.next);
        self.next += u32::from(number.is_some());
        let mut bytes = self.body(object);
        if let Some(number) = number {
            bytes[0] |= 0x80;
            self.numbers.entry(object.clone()).or_default().push(number);
        }
        bytes
    }

    fn body(&mut self, object: &Object) -> Vec<u8> {
        let sized = |of: u8, length: usize| [&[of][..], &(length as u32).to_le_bytes()].concat();
        match object {
            Object::None | Object::True => Vec::new(),
            Object::Int(value) => [&b"i"[..], &value.to_le_bytes()].concat(),
            Object::Long(negative, digit) => {
                let count: i32 = if *negative { -4 } else { 4 };
                [&b"l"[..], &count.to_le_bytes(), &[0; 6], &digit.to_le_bytes()].concat()
            }
            Object::Float(bits) => [&b"g"[..], &bits.to_le_bytes()].concat(),
            Object::Bytes(bytes) => [sized(b's', bytes.len()), bytes.clone()].concat(),
            Object::Text(text) => {
                let short = [b"zZ"[self.chance() as usize % 2], text.len() as u8];
                let long = b"aAut"[self.chance() as usize % 4];
                let unicode = b"ut"[self.chance() as usize % 2];
                let head = match (text.is_ascii(), self.coin()) {
                    (true, true) => short.to_vec(),
                    (true, false) => sized(long, text.len()),
                    (false, _) => sized(unicode, text.len()),
                };
                [head, text.clone().into_bytes()].concat()
            }
            Object::Tuple(elements) => {
                let head =
                    if self.coin() { vec![b')', elements.len() as u8] } else { sized(b'(', elements.len()) };
                self.all(head, elements.iter())
            }
            Object::FrozenSet(elements) => {
                let mut elements: Vec<&Object> = elements.iter().collect();
                for index in (1..elements.len()).rev() {
                    elements.swap(index, self.chance() as usize % (index + 1));
                }
                self.all(sized(b'>', elements.len()), elements.into_iter())
            }
            Object::Slice(parts) => self.all(b":".to_vec(), parts.iter()),
        }
    }

    fn all<'o>(&mut self, mut bytes: Vec<u8>, objects: impl Iterator<Item = &'o Object>) -> Vec<u8> {
        for object in objects {
            bytes.extend(self.write(object));
        }
        bytes
    }
}

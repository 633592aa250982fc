//! The code for AArch64. (Arm Architecture Reference Manual for A-profile, C6; the stack of a new process holds the
//! number of arguments, the arguments, a NULL, the variables and a NULL; a system call has its number in `x8`, its
//! arguments from `x0` on, and its result in `x0`.)
//!
//! | register | holds |
//! | --- | --- |
//! | `x19` | what the kernel put on the stack |
//! | `x20` | the caller's next variable |
//! | `x21`, `x22` | the new arguments, the new variables |
//! | `x23` | where the next pointer is put |
//! | `x24` | bit 0: there has been a `PATH`; the bits above: those of the variables that are changed that have been there |
//! | `x25` | how it ends |
use crate::assembler::{Assembler, Label, Reference, VariablePart};
use crate::program::Data;
use crate::variable::Variable;

const EXECVE: u32 = 221;
const WRITEV: u32 = 66;
const EXIT_GROUP: u32 = 94;
const CHDIR: u32 = 49;

/// The number of a register. 31 is the stack pointer or zero, as the instruction has it.
type Register = u32;
const SP: Register = 31;
const XZR: Register = 31;

/// Conditions of `b.cond`.
const EQ: u32 = 0;
const NE: u32 = 1;
const LE: u32 = 13;

/// The instructions that are used, each as one method. `x` registers have 64 bits, `w` registers are their lower 32.
impl Assembler {
    fn word(&mut self, instruction: u32) {
        self.put(&instruction.to_le_bytes());
    }

    fn branch(&mut self, instruction: u32, label: Label, reference: Reference) {
        self.refer(&instruction.to_le_bytes(), label, reference);
    }

    /// `mov xd, xm`, which is `orr xd, xzr, xm`.
    fn mov(&mut self, d: Register, m: Register) {
        self.word(0xaa00_03e0 | m << 16 | d);
    }

    /// `mov xd, number`, which is `movz` and `movk` with the lower and the upper 16 bits.
    fn mov_number(&mut self, d: Register, number: u32) {
        self.word(0xd280_0000 | (number & 0xffff) << 5 | d);
        if number > 0xffff {
            self.word(0xf2a0_0000 | (number >> 16) << 5 | d);
        }
    }

    /// `add xd, xn, #number` for numbers below 4096; here 31 is the stack pointer.
    fn add_number(&mut self, d: Register, n: Register, number: u32) {
        self.word(0x9100_0000 | number << 10 | n << 5 | d);
    }

    /// `sub xd, xn, xm`.
    fn sub(&mut self, d: Register, n: Register, m: Register) {
        self.word(0xcb00_0000 | m << 16 | n << 5 | d);
    }

    /// `and xd, xn, #-16`: 60 ones, moved left by four.
    fn align_down(&mut self, d: Register, n: Register) {
        self.word(0x927c_ec00 | n << 5 | d);
    }

    /// `ldr xt, [xn], #8`: reads a pointer and goes on to the next.
    fn read_pointer(&mut self, t: Register, n: Register) {
        self.word(0xf840_8400 | n << 5 | t);
    }

    /// `str xt, [xn], #8`: puts a pointer and goes on to the next; here 31 is zero.
    fn put_pointer(&mut self, t: Register, n: Register) {
        self.word(0xf800_8400 | n << 5 | t);
    }

    /// `ldr xt, [xn, #offset]`; the offset is a multiple of eight.
    fn load(&mut self, t: Register, n: Register, offset: u32) {
        self.word(0xf940_0000 | (offset / 8) << 10 | n << 5 | t);
    }

    /// `str xt, [xn]`.
    fn store(&mut self, t: Register, n: Register) {
        self.word(0xf900_0000 | n << 5 | t);
    }

    /// `and xd, xn, #(1 << bit)`: one one, moved right around by 64 less the bit.
    fn test_bit(&mut self, d: Register, n: Register, bit: u32) {
        self.word(0x9240_0000 | ((64 - bit) % 64) << 16 | n << 5 | d);
    }

    /// `orr xd, xn, #(1 << bit)`.
    fn set_bit(&mut self, d: Register, n: Register, bit: u32) {
        self.word(0xb240_0000 | ((64 - bit) % 64) << 16 | n << 5 | d);
    }

    /// `ldrb wt, [xn], #1`: reads a byte and goes on to the next.
    fn read_byte(&mut self, t: Register, n: Register) {
        self.word(0x3840_1400 | n << 5 | t);
    }

    /// `strb wt, [xn], #1`: puts a byte and goes on to the next.
    fn put_byte(&mut self, t: Register, n: Register) {
        self.word(0x3800_1400 | n << 5 | t);
    }

    /// `ldrb wt, [xn]`.
    fn load_byte(&mut self, t: Register, n: Register) {
        self.word(0x3940_0000 | n << 5 | t);
    }

    /// `cmp xn, xm`, which is `subs xzr, xn, xm`.
    fn cmp(&mut self, n: Register, m: Register) {
        self.word(0xeb00_001f | m << 16 | n << 5);
    }

    /// `b label`.
    fn b(&mut self, label: Label) {
        self.branch(0x1400_0000, label, Reference::Branch26);
    }

    /// `b.cond label`.
    fn b_if(&mut self, condition: u32, label: Label) {
        self.branch(0x5400_0000 | condition, label, Reference::Branch19);
    }

    /// `cbz xt, label`: if it is zero.
    fn if_zero(&mut self, t: Register, label: Label) {
        self.branch(0xb400_0000 | t, label, Reference::Branch19);
    }

    /// `cbnz xt, label`: if it is not zero.
    fn if_not_zero(&mut self, t: Register, label: Label) {
        self.branch(0xb500_0000 | t, label, Reference::Branch19);
    }

    /// `adr xd, label`.
    fn adr(&mut self, d: Register, label: Label) {
        self.branch(0x1000_0000 | d, label, Reference::Address21);
    }

    /// `stp xt, xu, [sp, #-16]!`: puts two words on the stack.
    fn push(&mut self, t: Register, u: Register) {
        self.word(0xa9bf_0000 | u << 10 | SP << 5 | t);
    }

    /// `mov x8, number` and `svc #0`.
    fn call(&mut self, number: u32) {
        self.mov_number(8, number);
        self.word(0xd400_0001);
    }
}

pub(crate) fn code(a: &mut Assembler, data: &Data) {
    make_room(a, data);
    arguments(a, data);
    variables(a, data);
    start(a, data);
    fail(a, Label::Message, data.message(), [Label::Say, Label::Named, Label::MeasureName]);
    if let Some(length) = data.message_outside() {
        a.label(Label::Outside);
        let labels = [Label::SayOutside, Label::NamedOutside, Label::MeasureNameOutside];
        fail(a, Label::MessageOutside, length, labels);
    }
}

/// Finds the variables, and makes room on the stack for the new arrays.
fn make_room(a: &mut Assembler, data: &Data) {
    a.add_number(19, SP, 0); // what the kernel put there
    a.load(0, 19, 0); // how many arguments
    a.word(0x8b00_0e74); // add x20, x19, x0, lsl #3
    a.add_number(20, 20, 16); // behind them and their NULL
    a.mov(1, 20);
    a.label(Label::CountVariables);
    a.read_pointer(2, 1);
    a.if_not_zero(2, Label::CountVariables); // until the NULL
    a.sub(1, 1, 19); // the bytes of the old arrays
    a.add_number(21, SP, 0);
    a.sub(21, 21, 1); // as many
    a.mov_number(2, data.excess());
    a.sub(21, 21, 2); // and what comes on top
    a.align_down(21, 21); // the new arguments, aligned as the stack must be
    a.add_number(SP, 21, 0);
    a.mov(23, 21); // put them there
}

/// The program, its first arguments, those of the caller except for its name, NULL.
fn arguments(a: &mut Assembler, data: &Data) {
    table(a, [Label::First, Label::FirstEnd], [Label::CopyFirst, Label::FirstDone]);
    if data.is_called_as_the_caller_says() {
        a.load(1, 19, 8); // how this was called
        a.if_zero(1, Label::OwnName); // without any argument, not even that is known
        a.store(1, 21);
        a.label(Label::OwnName);
    }
    a.add_number(1, 19, 16); // the caller's second argument
    a.load(2, 19, 0); // how many arguments, perhaps none at all
    a.label(Label::CopyArguments);
    a.word(0xf100_0442); // subs x2, x2, #1
    a.b_if(LE, Label::ArgumentsDone); // the first one is not copied
    a.read_pointer(3, 1);
    a.put_pointer(3, 23);
    a.b(Label::CopyArguments);
    a.label(Label::ArgumentsDone);
    if data.last() > 0 {
        table(a, [Label::Last, Label::LastEnd], [Label::CopyLast, Label::LastDone]);
    }
    a.put_pointer(XZR, 23); // NULL ends the arguments
}

/// Copies a table of pointers.
fn table(a: &mut Assembler, [from, to]: [Label; 2], [again, done]: [Label; 2]) {
    a.adr(1, from);
    a.adr(2, to);
    a.label(again);
    a.cmp(1, 2);
    a.b_if(EQ, done); // perhaps at once
    a.read_pointer(3, 1);
    a.put_pointer(3, 23);
    a.b(again);
    a.label(done);
}

/// The caller's variables except for some, those that are set, NULL.
fn variables(a: &mut Assembler, data: &Data) {
    a.mov(22, 23); // the new variables
    a.mov_number(24, 0); // no PATH yet
    a.label(Label::NextVariable);
    a.read_pointer(0, 20);
    a.if_zero(0, Label::VariablesDone); // NULL: that was all
    a.adr(1, Label::Names); // the names that are not handed on
    a.label(Label::NextName);
    a.load_byte(2, 1);
    a.if_zero(2, Label::Keep); // the empty name: it is none of these
    a.mov(3, 0); // compare from its start
    a.label(Label::CompareName);
    a.read_byte(2, 1); // a byte of the name
    a.if_zero(2, Label::NextVariable); // the end: all were the same, so it is left out
    a.read_byte(4, 3); // the variable's byte; NUL at its end differs from all in a name
    a.cmp(2, 4);
    a.b_if(EQ, Label::CompareName);
    a.label(Label::SkipName);
    a.read_byte(2, 1); // the rest of the name
    a.if_not_zero(2, Label::SkipName); // to behind its NUL
    a.b(Label::NextName);
    a.label(Label::Keep);
    if let Some(length) = data.prefix() {
        path(a, length);
    }
    for (number, variable) in data.changed() {
        change(a, number, variable);
    }
    a.label(Label::HandOn);
    a.put_pointer(0, 23); // hand it on
    a.b(Label::NextVariable);
    a.label(Label::VariablesDone);
    if data.prefix().is_some() {
        a.if_not_zero(24, Label::HasPath); // the caller had a PATH
        a.adr(0, Label::PrefixAlone);
        a.put_pointer(0, 23); // PATH is the folders alone
        a.label(Label::HasPath);
    }
    for (number, _) in data.changed() {
        a.test_bit(2, 24, bit(number));
        a.if_not_zero(2, Label::Variable(number, VariablePart::Has)); // the caller had it
        a.adr(0, Label::Variable(number, VariablePart::Absent));
        a.put_pointer(0, 23);
        a.label(Label::Variable(number, VariablePart::Has));
    }
    table(a, [Label::Set, Label::SetEnd], [Label::CopySet, Label::SetDone]);
    a.put_pointer(XZR, 23); // NULL ends the variables
}

/// If the variable in `x0` is `PATH`, a new one is put together below the arrays. Otherwise the code goes on after it.
fn path(a: &mut Assembler, length: u32) {
    a.adr(1, Label::PathName);
    a.mov(3, 0); // compare from its start
    a.label(Label::ComparePath);
    a.read_byte(2, 1);
    a.if_zero(2, Label::IsPath); // the end: all were the same
    a.read_byte(4, 3);
    a.cmp(2, 4);
    a.b_if(EQ, Label::ComparePath);
    a.b(Label::Store); // another variable
    a.label(Label::IsPath);
    a.if_not_zero(24, Label::NextVariable); // a second PATH is left out
    a.load_byte(2, 3); // what comes behind the "="
    a.if_zero(2, Label::NextVariable); // an empty one is none: a colon before it would mean the current folder
    a.mov_number(24, 1);
    a.mov(4, 3);
    a.label(Label::MeasurePath);
    a.read_byte(2, 4);
    a.if_not_zero(2, Label::MeasurePath);
    a.sub(4, 4, 3); // its bytes, with the NUL
    a.add_number(5, SP, 0);
    a.sub(5, 5, 4); // room for them
    a.mov_number(6, length);
    a.sub(5, 5, 6); // and for the folders
    a.align_down(5, 5);
    a.add_number(SP, 5, 0);
    a.put_pointer(5, 23); // the new PATH is there
    a.adr(1, Label::Prefix);
    a.adr(2, Label::PrefixEnd);
    a.label(Label::CopyPrefix);
    a.read_byte(4, 1); // copy the folders
    a.put_byte(4, 5);
    a.cmp(1, 2);
    a.b_if(NE, Label::CopyPrefix);
    a.label(Label::CopyPath);
    a.read_byte(4, 3); // and the old PATH behind them, with its NUL
    a.put_byte(4, 5);
    a.if_not_zero(4, Label::CopyPath);
    a.b(Label::NextVariable);
    a.label(Label::Store);
}

/// The bit of the variable with this number. The lowest is that of `PATH`.
fn bit(number: usize) -> u32 {
    u32::try_from(number + 1).expect("there are at most 63 of them")
}

/// If the variable in `x0` is this one, a new one is put together below the arrays. Otherwise the code goes on after
/// it.
fn change(a: &mut Assembler, number: usize, variable: &Variable) {
    let label = |part| Label::Variable(number, part);
    a.adr(1, label(VariablePart::Name));
    a.mov(3, 0); // compare from its start
    a.label(label(VariablePart::Compare));
    a.read_byte(2, 1);
    a.if_zero(2, label(VariablePart::Is)); // the end: all were the same
    a.read_byte(4, 3);
    a.cmp(2, 4);
    a.b_if(EQ, label(VariablePart::Compare));
    a.b(label(VariablePart::Other)); // another variable
    a.label(label(VariablePart::Is));
    a.test_bit(2, 24, bit(number));
    a.if_not_zero(2, Label::NextVariable); // a second one is left out
    a.set_bit(24, 24, bit(number));
    let Some(change) = &variable.change else {
        a.b(Label::HandOn);
        a.label(label(VariablePart::Other));
        return;
    };
    a.load_byte(2, 3); // what comes behind the "="
    a.if_not_zero(2, label(VariablePart::Full));
    a.adr(0, label(VariablePart::Empty)); // an empty one has no separator
    a.put_pointer(0, 23);
    a.b(Label::NextVariable);
    a.label(label(VariablePart::Full));
    a.mov(4, 3);
    a.label(label(VariablePart::Measure));
    a.read_byte(2, 4);
    a.if_not_zero(2, label(VariablePart::Measure));
    a.sub(4, 4, 3); // its bytes, with a NUL
    a.add_number(5, SP, 0);
    a.sub(5, 5, 4); // room for them
    let around = change.start.len() + change.end.len();
    a.mov_number(6, u32::try_from(around).expect("the data has less than a mebibyte"));
    a.sub(5, 5, 6); // and for what is around them
    a.align_down(5, 5);
    a.add_number(SP, 5, 0);
    a.put_pointer(5, 23); // the new variable is there
    a.adr(1, label(VariablePart::Start));
    a.adr(2, label(VariablePart::StartEnd));
    a.label(label(VariablePart::CopyStart));
    a.read_byte(4, 1); // copy what comes before
    a.put_byte(4, 5);
    a.cmp(1, 2);
    a.b_if(NE, label(VariablePart::CopyStart));
    a.label(label(VariablePart::CopyValue));
    a.read_byte(4, 3);
    a.if_zero(4, label(VariablePart::ValueDone)); // the value, without its NUL
    a.put_byte(4, 5);
    a.b(label(VariablePart::CopyValue));
    a.label(label(VariablePart::ValueDone));
    a.adr(1, label(VariablePart::End));
    a.label(label(VariablePart::CopyEnd));
    a.read_byte(4, 1); // and what comes after, with a NUL
    a.put_byte(4, 5);
    a.if_not_zero(4, label(VariablePart::CopyEnd));
    a.b(Label::NextVariable);
    a.label(label(VariablePart::Other));
}

/// Becomes the program.
fn start(a: &mut Assembler, data: &Data) {
    if data.message_outside().is_some() {
        a.adr(0, Label::Directory);
        a.call(CHDIR);
        a.if_not_zero(0, Label::Outside); // the negative error number
    }
    a.adr(0, Label::Text(0)); // the program
    a.mov(1, 21); // its arguments
    a.mov(2, 22); // its variables
    a.call(EXECVE); // returns only if it fails, with the negative error number
}

/// Says what cannot be done, and ends.
fn fail(a: &mut Assembler, message: Label, length: u32, [say, named, measure]: [Label; 3]) {
    a.mov_number(25, 127);
    a.word(0xb100_341f); // cmn x0, #13: whether it is -13, EACCES
    a.b_if(NE, say);
    a.mov_number(25, 126);
    a.label(say);
    a.load(1, 19, 8); // how this was called
    a.if_not_zero(1, named);
    a.adr(1, Label::Fallback); // without any argument, not even that is known
    a.label(named);
    a.mov(2, 1);
    a.label(measure);
    a.read_byte(3, 2);
    a.if_not_zero(3, measure);
    a.sub(2, 2, 1);
    a.word(0xd100_0442); // sub x2, x2, #1: its length, without the NUL
    a.adr(3, message);
    a.mov_number(4, length);
    a.push(3, 4); // the second part and its length
    a.push(1, 2); // the first part and its length, which is the first in memory
    a.mov_number(0, 2); // the standard error
    a.add_number(1, SP, 0); // the parts
    a.mov_number(2, 2); // two of them, in one call, so that nothing comes between
    a.call(WRITEV); // if it fails, nobody can be told
    a.mov(0, 25);
    a.call(EXIT_GROUP); // does not return
}

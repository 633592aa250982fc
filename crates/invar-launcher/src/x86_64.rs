//! The code for x86-64. (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2; System V Application
//! Binary Interface, AMD64 supplement, 3.4.1: the stack of a new process holds the number of arguments, the arguments,
//! a NULL, the variables and a NULL; a system call has its number in `rax`, its arguments in `rdi`, `rsi` and `rdx`,
//! and destroys `rcx` and `r11`.)
//!
//! | register | holds |
//! | --- | --- |
//! | `rbx` | what the kernel put on the stack |
//! | `r12` | the caller's next variable |
//! | `rbp`, `r14` | the new arguments, the new variables |
//! | `rdi` | where the next pointer is put |
//! | `r15` | bit 0: there has been a `PATH`; the bits above: those of the variables that are changed that have been there |
use crate::assembler::{Assembler, Label, Reference, VariablePart};
use crate::program::Data;
use crate::variable::Variable;

const EXECVE: u32 = 59;
const WRITEV: u32 = 20;
const EXIT_GROUP: u32 = 231;
const CHDIR: u32 = 80;

impl Assembler {
    /// An instruction that ends in a distance of four bytes.
    fn to(&mut self, instruction: &[u8], label: Label) {
        self.put(instruction);
        self.refer(&[0; 4], label, Reference::Relative32);
    }

    /// An instruction that ends in a number of four bytes.
    fn number(&mut self, instruction: &[u8], number: u32) {
        self.put(instruction);
        self.put(&number.to_le_bytes());
    }

    /// `bt r15, bit`, whose result is the carry.
    fn test_flag(&mut self, bit: u8) {
        self.put(&[0x49, 0x0f, 0xba, 0xe7, bit]);
    }

    /// `bts r15, bit`.
    fn set_flag(&mut self, bit: u8) {
        self.put(&[0x49, 0x0f, 0xba, 0xef, bit]);
    }
}

const JMP: &[u8] = &[0xe9]; // jmp
const JE: &[u8] = &[0x0f, 0x84]; // je, also jz
const JNE: &[u8] = &[0x0f, 0x85]; // jne, also jnz
const JC: &[u8] = &[0x0f, 0x82]; // jc
const JLE: &[u8] = &[0x0f, 0x8e]; // jle, signed
const LEA_RAX: &[u8] = &[0x48, 0x8d, 0x05]; // lea rax, [rip + distance]
const LEA_RDX: &[u8] = &[0x48, 0x8d, 0x15]; // lea rdx, [rip + distance]
const LEA_RSI: &[u8] = &[0x48, 0x8d, 0x35]; // lea rsi, [rip + distance]
const LEA_RDI: &[u8] = &[0x48, 0x8d, 0x3d]; // lea rdi, [rip + distance]
const MOV_EAX: &[u8] = &[0xb8]; // mov eax, number
const MOV_ECX: &[u8] = &[0xb9]; // mov ecx, number
const MOV_EDX: &[u8] = &[0xba]; // mov edx, number
const MOV_EDI: &[u8] = &[0xbf]; // mov edi, number
const SUB_RSP: &[u8] = &[0x48, 0x81, 0xec]; // sub rsp, number

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
    a.put(&[0x48, 0x89, 0xe3]); // mov rbx, rsp: what the kernel put there
    a.put(&[0x48, 0x8b, 0x03]); // mov rax, [rbx]: how many arguments
    a.put(&[0x4c, 0x8d, 0x64, 0xc3, 0x10]); // lea r12, [rbx + rax * 8 + 16]: behind them and their NULL
    a.put(&[0x4c, 0x89, 0xe1]); // mov rcx, r12
    a.label(Label::CountVariables);
    a.put(&[0x48, 0x83, 0x39, 0x00]); // cmp qword [rcx], 0
    a.put(&[0x48, 0x8d, 0x49, 0x08]); // lea rcx, [rcx + 8]: leaves the flags alone
    a.to(JNE, Label::CountVariables); // until the NULL
    a.put(&[0x48, 0x29, 0xd9]); // sub rcx, rbx: the bytes of the old arrays
    a.put(&[0x48, 0x29, 0xcc]); // sub rsp, rcx: as many
    a.number(SUB_RSP, data.excess()); // and what comes on top
    a.put(&[0x48, 0x83, 0xe4, 0xf0]); // and rsp, -16: aligned as the stack always is
    a.put(&[0x48, 0x89, 0xe5]); // mov rbp, rsp: the new arguments
    a.put(&[0x48, 0x89, 0xe7]); // mov rdi, rsp: put them there
}

/// The program, its first arguments, those of the caller except for its name, NULL.
fn arguments(a: &mut Assembler, data: &Data) {
    a.to(LEA_RSI, Label::First); // the table of the first ones
    a.number(MOV_ECX, data.arguments()); // how many
    a.put(&[0xf3, 0x48, 0xa5]); // rep movsq: copy the pointers
    if data.is_called_as_the_caller_says() {
        a.put(&[0x48, 0x8b, 0x43, 0x08]); // mov rax, [rbx + 8]: how this was called
        a.put(&[0x48, 0x85, 0xc0]); // test rax, rax
        a.to(JE, Label::OwnName); // without any argument, not even that is known
        a.put(&[0x48, 0x89, 0x45, 0x00]); // mov [rbp], rax
        a.label(Label::OwnName);
    }
    a.put(&[0x48, 0x8d, 0x73, 0x10]); // lea rsi, [rbx + 16]: the caller's second argument
    a.put(&[0x48, 0x8b, 0x0b]); // mov rcx, [rbx]: how many arguments, perhaps none at all
    a.label(Label::CopyArguments);
    a.put(&[0x48, 0x83, 0xe9, 0x01]); // sub rcx, 1
    a.to(JLE, Label::ArgumentsDone); // the first one is not copied
    a.put(&[0x48, 0xa5]); // movsq: copy one pointer
    a.to(JMP, Label::CopyArguments);
    a.label(Label::ArgumentsDone);
    if data.last() > 0 {
        a.to(LEA_RSI, Label::Last); // the table of the last ones
        a.number(MOV_ECX, data.last());
        a.put(&[0xf3, 0x48, 0xa5]); // rep movsq: copy the pointers
    }
    a.put(&[0x31, 0xc0]); // xor eax, eax
    a.put(&[0x48, 0xab]); // stosq: NULL ends the arguments
}

/// The caller's variables except for some, those that are set, NULL.
fn variables(a: &mut Assembler, data: &Data) {
    a.put(&[0x49, 0x89, 0xfe]); // mov r14, rdi: the new variables
    a.put(&[0x45, 0x31, 0xff]); // xor r15d, r15d: no PATH yet
    a.label(Label::NextVariable);
    a.put(&[0x49, 0x8b, 0x34, 0x24]); // mov rsi, [r12]
    a.put(&[0x49, 0x83, 0xc4, 0x08]); // add r12, 8
    a.put(&[0x48, 0x85, 0xf6]); // test rsi, rsi
    a.to(JE, Label::VariablesDone); // NULL: that was all
    a.to(LEA_RDX, Label::Names); // the names that are not handed on
    a.label(Label::NextName);
    a.put(&[0x80, 0x3a, 0x00]); // cmp byte [rdx], 0
    a.to(JE, Label::Keep); // the empty name: it is none of these
    a.put(&[0x48, 0x89, 0xf1]); // mov rcx, rsi: compare from its start
    a.label(Label::CompareName);
    a.put(&[0x8a, 0x02]); // mov al, [rdx]: a byte of the name
    a.put(&[0x84, 0xc0]); // test al, al
    a.to(JE, Label::NextVariable); // the end: all were the same, so it is left out
    a.put(&[0x48, 0xff, 0xc2]); // inc rdx
    a.put(&[0x3a, 0x01]); // cmp al, [rcx]: the variable's byte; NUL at its end differs from all in a name
    a.put(&[0x48, 0x8d, 0x49, 0x01]); // lea rcx, [rcx + 1]: leaves the flags alone
    a.to(JE, Label::CompareName);
    a.label(Label::SkipName);
    a.put(&[0x8a, 0x02]); // mov al, [rdx]: the rest of the name
    a.put(&[0x48, 0xff, 0xc2]); // inc rdx
    a.put(&[0x84, 0xc0]); // test al, al
    a.to(JNE, Label::SkipName); // to behind its NUL
    a.to(JMP, Label::NextName);
    a.label(Label::Keep);
    if let Some(length) = data.prefix() {
        path(a, length);
    }
    for (number, variable) in data.changed() {
        change(a, number, variable);
    }
    a.label(Label::HandOn);
    a.put(&[0x48, 0x89, 0xf0]); // mov rax, rsi
    a.put(&[0x48, 0xab]); // stosq: hand it on
    a.to(JMP, Label::NextVariable);
    a.label(Label::VariablesDone);
    if data.prefix().is_some() {
        a.put(&[0x45, 0x85, 0xff]); // test r15d, r15d
        a.to(JNE, Label::HasPath); // the caller had a PATH
        a.to(LEA_RAX, Label::PrefixAlone);
        a.put(&[0x48, 0xab]); // stosq: PATH is the folders alone
        a.label(Label::HasPath);
    }
    for (number, _) in data.changed() {
        a.test_flag(flag(number));
        a.to(JC, Label::Variable(number, VariablePart::Has)); // the caller had it
        a.to(LEA_RAX, Label::Variable(number, VariablePart::Absent));
        a.put(&[0x48, 0xab]); // stosq
        a.label(Label::Variable(number, VariablePart::Has));
    }
    a.to(LEA_RSI, Label::Set); // the table of those that are set
    a.number(MOV_ECX, data.variables()); // how many, perhaps none
    a.put(&[0xf3, 0x48, 0xa5]); // rep movsq: copy the pointers
    a.put(&[0x31, 0xc0]); // xor eax, eax
    a.put(&[0x48, 0xab]); // stosq: NULL ends the variables
}

/// If the variable in `rsi` is `PATH`, a new one is put together below the arrays. Otherwise the code goes on after it.
fn path(a: &mut Assembler, length: u32) {
    a.to(LEA_RDX, Label::PathName);
    a.put(&[0x48, 0x89, 0xf1]); // mov rcx, rsi: compare from its start
    a.label(Label::ComparePath);
    a.put(&[0x8a, 0x02]); // mov al, [rdx]
    a.put(&[0x84, 0xc0]); // test al, al
    a.to(JE, Label::IsPath); // the end: all were the same
    a.put(&[0x48, 0xff, 0xc2]); // inc rdx
    a.put(&[0x3a, 0x01]); // cmp al, [rcx]
    a.put(&[0x48, 0x8d, 0x49, 0x01]); // lea rcx, [rcx + 1]: leaves the flags alone
    a.to(JE, Label::ComparePath);
    a.to(JMP, Label::Store); // another variable
    a.label(Label::IsPath);
    a.put(&[0x45, 0x85, 0xff]); // test r15d, r15d
    a.to(JNE, Label::NextVariable); // a second PATH is left out
    a.put(&[0x80, 0x39, 0x00]); // cmp byte [rcx], 0: what comes behind the "="
    a.to(JE, Label::NextVariable); // an empty one is none: a colon before it would mean the current folder
    a.number(&[0x41, 0xbf], 1); // mov r15d, 1
    a.put(&[0x49, 0x89, 0xcd]); // mov r13, rcx: its value
    a.label(Label::MeasurePath);
    a.put(&[0x80, 0x39, 0x00]); // cmp byte [rcx], 0
    a.put(&[0x48, 0x8d, 0x49, 0x01]); // lea rcx, [rcx + 1]: leaves the flags alone
    a.to(JNE, Label::MeasurePath);
    a.put(&[0x4c, 0x29, 0xe9]); // sub rcx, r13: its bytes, with the NUL
    a.put(&[0x48, 0x29, 0xcc]); // sub rsp, rcx: room for them
    a.number(SUB_RSP, length); // and for the folders
    a.put(&[0x48, 0x83, 0xe4, 0xf0]); // and rsp, -16
    a.put(&[0x48, 0x89, 0xe0]); // mov rax, rsp
    a.put(&[0x48, 0xab]); // stosq: the new PATH is there
    a.put(&[0x48, 0x89, 0xfa]); // mov rdx, rdi: where the next pointer is put
    a.put(&[0x49, 0x89, 0xc8]); // mov r8, rcx: the bytes of the old PATH
    a.put(&[0x48, 0x89, 0xe7]); // mov rdi, rsp
    a.to(LEA_RSI, Label::Prefix);
    a.number(MOV_ECX, length);
    a.put(&[0xf3, 0xa4]); // rep movsb: copy the folders
    a.put(&[0x4c, 0x89, 0xee]); // mov rsi, r13
    a.put(&[0x4c, 0x89, 0xc1]); // mov rcx, r8
    a.put(&[0xf3, 0xa4]); // rep movsb: and the old PATH behind them
    a.put(&[0x48, 0x89, 0xd7]); // mov rdi, rdx
    a.to(JMP, Label::NextVariable);
    a.label(Label::Store);
}

/// The bit of the variable with this number. The lowest is that of `PATH`.
fn flag(number: usize) -> u8 {
    u8::try_from(number + 1).expect("there are at most 63 of them")
}

/// If the variable in `rsi` is this one, a new one is put together below the arrays. Otherwise the code goes on after
/// it.
fn change(a: &mut Assembler, number: usize, variable: &Variable) {
    let label = |part| Label::Variable(number, part);
    a.to(LEA_RDX, label(VariablePart::Name));
    a.put(&[0x48, 0x89, 0xf1]); // mov rcx, rsi: compare from its start
    a.label(label(VariablePart::Compare));
    a.put(&[0x8a, 0x02]); // mov al, [rdx]
    a.put(&[0x84, 0xc0]); // test al, al
    a.to(JE, label(VariablePart::Is)); // the end: all were the same
    a.put(&[0x48, 0xff, 0xc2]); // inc rdx
    a.put(&[0x3a, 0x01]); // cmp al, [rcx]
    a.put(&[0x48, 0x8d, 0x49, 0x01]); // lea rcx, [rcx + 1]: leaves the flags alone
    a.to(JE, label(VariablePart::Compare));
    a.to(JMP, label(VariablePart::Other)); // another variable
    a.label(label(VariablePart::Is));
    a.test_flag(flag(number));
    a.to(JC, Label::NextVariable); // a second one is left out
    a.set_flag(flag(number));
    let Some(change) = &variable.change else {
        a.to(JMP, Label::HandOn);
        a.label(label(VariablePart::Other));
        return;
    };
    let length = |text: &str| u32::try_from(text.len()).expect("the data has less than a mebibyte");
    a.put(&[0x80, 0x39, 0x00]); // cmp byte [rcx], 0: what comes behind the "="
    a.to(JNE, label(VariablePart::Full));
    a.to(LEA_RAX, label(VariablePart::Empty)); // an empty one has no separator
    a.put(&[0x48, 0xab]); // stosq
    a.to(JMP, Label::NextVariable);
    a.label(label(VariablePart::Full));
    a.put(&[0x49, 0x89, 0xcd]); // mov r13, rcx: its value
    a.label(label(VariablePart::Measure));
    a.put(&[0x80, 0x39, 0x00]); // cmp byte [rcx], 0
    a.put(&[0x48, 0x8d, 0x49, 0x01]); // lea rcx, [rcx + 1]: leaves the flags alone
    a.to(JNE, label(VariablePart::Measure));
    a.put(&[0x4c, 0x29, 0xe9]); // sub rcx, r13: its bytes, with a NUL
    a.put(&[0x48, 0x29, 0xcc]); // sub rsp, rcx: room for them
    a.number(SUB_RSP, length(&change.start) + length(&change.end)); // and for what is around them
    a.put(&[0x48, 0x83, 0xe4, 0xf0]); // and rsp, -16
    a.put(&[0x48, 0x89, 0xe0]); // mov rax, rsp
    a.put(&[0x48, 0xab]); // stosq: the new variable is there
    a.put(&[0x48, 0x89, 0xfa]); // mov rdx, rdi: where the next pointer is put
    a.put(&[0x49, 0x89, 0xc8]); // mov r8, rcx: the bytes of the value
    a.put(&[0x48, 0x89, 0xe7]); // mov rdi, rsp
    a.to(LEA_RSI, label(VariablePart::Start));
    a.number(MOV_ECX, length(&change.start));
    a.put(&[0xf3, 0xa4]); // rep movsb: copy what comes before
    a.put(&[0x4c, 0x89, 0xee]); // mov rsi, r13
    a.put(&[0x49, 0x8d, 0x48, 0xff]); // lea rcx, [r8 - 1]
    a.put(&[0xf3, 0xa4]); // rep movsb: the value, without its NUL
    a.to(LEA_RSI, label(VariablePart::End));
    a.number(MOV_ECX, length(&change.end) + 1);
    a.put(&[0xf3, 0xa4]); // rep movsb: and what comes after, with a NUL
    a.put(&[0x48, 0x89, 0xd7]); // mov rdi, rdx
    a.to(JMP, Label::NextVariable);
    a.label(label(VariablePart::Other));
}

/// Becomes the program.
fn start(a: &mut Assembler, data: &Data) {
    if data.message_outside().is_some() {
        a.to(LEA_RDI, Label::Directory);
        a.number(MOV_EAX, CHDIR);
        a.put(&[0x0f, 0x05]); // syscall
        a.put(&[0x48, 0x85, 0xc0]); // test rax, rax: zero, or the negative error number
        a.to(JNE, Label::Outside);
    }
    a.to(LEA_RDI, Label::Text(0)); // the program
    a.put(&[0x48, 0x89, 0xee]); // mov rsi, rbp: its arguments
    a.put(&[0x4c, 0x89, 0xf2]); // mov rdx, r14: its variables
    a.number(MOV_EAX, EXECVE);
    a.put(&[0x0f, 0x05]); // syscall: returns only if it fails, with the negative error number
}

/// Says what cannot be done, and ends.
fn fail(a: &mut Assembler, message: Label, length: u32, [say, named, measure]: [Label; 3]) {
    a.number(&[0x41, 0xbd], 127); // mov r13d, 127
    a.put(&[0x48, 0x83, 0xf8, 0xf3]); // cmp rax, -13: EACCES
    a.to(JNE, say);
    a.number(&[0x41, 0xbd], 126); // mov r13d, 126
    a.label(say);
    a.put(&[0x48, 0x8b, 0x73, 0x08]); // mov rsi, [rbx + 8]: how this was called
    a.put(&[0x48, 0x85, 0xf6]); // test rsi, rsi
    a.to(JNE, named);
    a.to(LEA_RSI, Label::Fallback); // without any argument, not even that is known
    a.label(named);
    a.put(&[0x48, 0x89, 0xf1]); // mov rcx, rsi
    a.label(measure);
    a.put(&[0x80, 0x39, 0x00]); // cmp byte [rcx], 0
    a.put(&[0x48, 0x8d, 0x49, 0x01]); // lea rcx, [rcx + 1]: leaves the flags alone
    a.to(JNE, measure);
    a.put(&[0x48, 0x29, 0xf1]); // sub rcx, rsi
    a.put(&[0x48, 0xff, 0xc9]); // dec rcx: its length, without the NUL
    a.number(MOV_EAX, length);
    a.put(&[0x50]); // push rax: the second part's length
    a.to(LEA_RAX, message);
    a.put(&[0x50]); // push rax: the second part
    a.put(&[0x51]); // push rcx: the first part's length
    a.put(&[0x56]); // push rsi: the first part
    a.number(MOV_EDI, 2); // the standard error
    a.put(&[0x48, 0x89, 0xe6]); // mov rsi, rsp: the parts
    a.number(MOV_EDX, 2); // two of them, in one call, so that nothing comes between
    a.number(MOV_EAX, WRITEV);
    a.put(&[0x0f, 0x05]); // syscall: if it fails, nobody can be told
    a.put(&[0x44, 0x89, 0xef]); // mov edi, r13d
    a.number(MOV_EAX, EXIT_GROUP);
    a.put(&[0x0f, 0x05]); // syscall: does not return
}

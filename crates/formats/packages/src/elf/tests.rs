use super::*;

/// The test itself is a dynamic program of this machine.
#[test]
fn reads_a_real_program_and_survives_its_ruins() {
    let path = std::env::current_exe().expect("a program runs");
    let bytes = std::fs::read(path).expect("it can be read");
    let elf = Elf::parse(&bytes).expect("an ELF file");
    assert_eq!(elf.bits, 64);
    assert!(elf.is_dynamic);
    assert!(elf.interpreter.is_some());
    assert!(
        elf.needed.iter().any(|name| name.starts_with("libc.")),
        "{elf:?}"
    );

    let head = &bytes[..bytes.len().min(4096)];
    for length in 0..head.len() {
        // Only that it ends, and without a panic.
        let _ = Elf::parse(&head[..length]);
    }
    for at in 0..512 {
        let mut broken = head.to_vec();
        broken[at] ^= 0xff;
        let _ = Elf::parse(&broken);
    }
}

#[test]
fn what_is_none_is_refused() {
    assert_eq!(Elf::parse(b"#!/bin/sh"), Err(ElfError::Magic));
    assert_eq!(Elf::parse(b"\x7fELF\x09\x01"), Err(ElfError::Ident));
    assert!(matches!(
        Elf::parse(b"\x7fELF\x02\x01\x01"),
        Err(ElfError::Bounds(_))
    ));
}

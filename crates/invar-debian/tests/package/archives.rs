//! Packages, built byte by byte, so that they can be as wrong as a test wants them.
use std::io::Write as _;

pub const CONTROL: &str = "Package: demo\nVersion: 1:2.0-1+b1\nSource: demo-src (1:2.0-1)\nArchitecture: amd64\n\
    Multi-Arch: same\nProvides: mail-reader, demo-api (= 2)\nDepends: libc6 (>= 2.41)\nDescription: shows\n more\n .\n lines\n";

/// An entry of a tar archive, as hostile as a test wants it.
#[derive(Clone)]
pub struct Entry {
    pub path: Vec<u8>,
    pub kind: u8,
    pub link: Vec<u8>,
    pub mode: u32,
    pub owner: (u64, u64),
    pub content: Vec<u8>,
    pub size: Option<u64>,
}

pub fn entry(path: &str, kind: u8) -> Entry {
    let mode = if kind == b'5' { 0o755 } else { 0o644 };
    let (link, content) = (Vec::new(), Vec::new());
    Entry { path: path.as_bytes().to_vec(), kind, link, mode, owner: (0, 0), content, size: None }
}

pub fn file(path: &str, content: &str) -> Entry {
    Entry { content: content.as_bytes().to_vec(), ..entry(path, b'0') }
}

pub fn directory(path: &str) -> Entry {
    entry(path, b'5')
}

pub fn link(path: &str, kind: u8, target: &str) -> Entry {
    Entry { link: target.as_bytes().to_vec(), ..entry(path, kind) }
}

pub fn tar_of(entries: &[Entry]) -> Vec<u8> {
    let mut archive = Vec::new();
    for Entry { path, kind, link, mode, owner, content, size } in entries {
        for (name, flag) in [(link, b'K'), (path, b'L')] {
            if name.len() > 100 {
                header(&mut archive, b"././@LongLink", flag, b"", 0, (0, 0), name.len() as u64 + 1);
                block(&mut archive, &[name.as_slice(), b"\0"].concat());
            }
        }
        header(&mut archive, path, *kind, link, *mode, *owner, size.unwrap_or(content.len() as u64));
        block(&mut archive, content);
    }
    archive.extend([0; 1024]);
    archive
}

fn header(
    archive: &mut Vec<u8>,
    path: &[u8],
    kind: u8,
    link: &[u8],
    mode: u32,
    owner: (u64, u64),
    size: u64,
) {
    let mut header = tar::Header::new_gnu();
    let old = header.as_old_mut();
    old.linkflag = [kind];
    for (field, value) in [(&mut old.name, path), (&mut old.linkname, link)] {
        let length = value.len().min(100);
        field[..length].copy_from_slice(&value[..length]);
    }
    header.set_mode(mode);
    header.set_uid(owner.0);
    header.set_gid(owner.1);
    header.set_size(size);
    header.set_mtime(1_000_000_000);
    header.set_cksum();
    archive.extend(header.as_bytes());
}

fn block(archive: &mut Vec<u8>, content: &[u8]) {
    archive.extend(content);
    archive.resize(archive.len().next_multiple_of(512), 0);
}

pub fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, content) in members {
        let size = content.len();
        archive.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 100_644).bytes());
        archive.extend(*content);
        archive.extend(vec![b'\n'; size % 2]);
    }
    archive
}

pub fn compress(suffix: &str, bytes: &[u8]) -> Vec<u8> {
    match suffix {
        ".gz" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        ".xz" => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        ".zst" => zstd::encode_all(bytes, 1).unwrap(),
        _ => bytes.to_vec(),
    }
}

pub fn deb_of(suffix: &str, control: &[Entry], data: &[u8]) -> Vec<u8> {
    ar(&[
        ("debian-binary", b"2.0\n"),
        (&format!("control.tar{suffix}"), &compress(suffix, &tar_of(control))),
        (&format!("data.tar{suffix}"), &compress(suffix, data)),
    ])
}

pub fn deb(entries: &[Entry]) -> Vec<u8> {
    deb_of(".xz", &[directory("./"), file("./control", CONTROL)], &tar_of(entries))
}

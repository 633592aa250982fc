use std::io::Write as _;

use super::*;

fn compressed(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    match compression {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Zstd => zstd::encode_all(bytes, 1).unwrap(),
    }
}

fn decoded(compression: Compression, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    compression.decode(bytes)?.read_to_end(&mut content)?;
    Ok(content)
}

const ALL: [(&str, Compression); 4] = [
    ("", Compression::None),
    (".gz", Compression::Gzip),
    (".xz", Compression::Xz),
    (".zst", Compression::Zstd),
];

#[test]
fn each_suffix_names_its_compression() {
    for (suffix, compression) in ALL {
        assert_eq!(Compression::from_suffix(suffix), Some(compression));
        let bytes = compressed(compression, b"the content");
        assert_eq!(Compression::of(&bytes), Ok(compression));
        assert_eq!(decoded(compression, &bytes).unwrap(), b"the content", "{suffix}");
    }
    assert_eq!(Compression::from_suffix(".bz2"), None);
}

#[test]
fn streams_must_be_whole_and_alone() {
    for (suffix, compression) in &ALL[1..] {
        let bytes = compressed(*compression, &[7; 1000]);
        assert!(decoded(*compression, &bytes[..bytes.len() - 1]).is_err(), "{suffix} truncated");
        let twice = [bytes.as_slice(), &bytes].concat();
        assert_eq!(decoded(*compression, &twice).unwrap().len(), 2000, "{suffix} twice");
        let rubbish = [bytes.as_slice(), b"rubbish"].concat();
        assert!(decoded(*compression, &rubbish).is_err(), "{suffix} with rubbish");
    }
}

#[test]
fn xz_may_not_ask_for_all_memory() {
    let mut options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
    options.dict_size(160 << 20);
    let mut filters = liblzma::stream::Filters::new();
    filters.lzma2(&options);
    let stream = Stream::new_stream_encoder(&filters, liblzma::stream::Check::Crc64).unwrap();
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(b"x").unwrap();
    let error = decoded(Compression::Xz, &encoder.finish().unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "memory limit reached");
}

#[test]
fn first_bytes_tell_of_others_too() {
    assert_eq!(Compression::of(b"BZh91AY"), Err(NotRead("bzip2")));
    assert_eq!(Compression::of(&[0x5a, 0x2a, 0x4d, 0x18, 0, 0]), Ok(Compression::Zstd));
    for none in [&b""[..], b"\x1f", b"\xfd7zXZ", b"BZ"] {
        assert_eq!(Compression::of(none), Ok(Compression::None), "{none:?}");
    }
}

//! The files of the built console: kept as brotli, and made into what a browser takes.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    sync::OnceLock,
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, header};

/// The console as `scripts/build-console` packed it: each file compressed with brotli.
pub(super) static TAR: &[u8] = include_bytes!("console.tar");

/// How a file is compressed on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packed {
    Brotli,
    Gzip,
    Plain,
}

impl Packed {
    /// As `Content-Encoding` names it.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Plain => None,
        }
    }
}

/// One file.
pub(super) struct File {
    content_type: &'static str,
    brotli: Bytes,
    /// Browsers take brotli only from secure origins and their own machine. Made when the first one asks.
    gzip: OnceLock<Bytes>,
}

impl File {
    fn new(name: &str, brotli: Vec<u8>) -> Self {
        let content_type = match name.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("html") => "text/html; charset=utf-8",
            Some(_) | None => "application/octet-stream",
        };
        Self { content_type, brotli: brotli.into(), gzip: OnceLock::new() }
    }

    pub(super) fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// As it is committed.
    #[cfg(test)]
    pub(super) fn brotli(&self) -> &[u8] {
        &self.brotli
    }

    fn plain(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        let mut unpack = brotli::Decompressor::new(&*self.brotli, 16 << 10);
        unpack.read_to_end(&mut plain).expect("the committed console unpacks");
        plain
    }

    fn gzip(&self) -> Bytes {
        let pack = || {
            let mut packed = GzEncoder::new(Vec::new(), Compression::best());
            // Writing to memory does not fail.
            let _ = packed.write_all(&self.plain());
            packed.finish().unwrap_or_default().into()
        };
        self.gzip.get_or_init(pack).clone()
    }

    /// The file in the best form that the request accepts.
    pub(super) fn as_accepted(&self, headers: &HeaderMap) -> (Bytes, Packed) {
        match best(headers) {
            Packed::Brotli => (self.brotli.clone(), Packed::Brotli),
            Packed::Gzip => (self.gzip(), Packed::Gzip),
            Packed::Plain => (self.plain().into(), Packed::Plain),
        }
    }
}

/// The best form that a request accepts (RFC 9110 section 12.5.3); a weight of 0 refuses one.
fn best(headers: &HeaderMap) -> Packed {
    let given = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let accepted: Vec<&str> = given
        .flat_map(|value| value.split(','))
        .filter_map(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let name = parts.next()?;
            let refused = parts
                .filter_map(|part| part.strip_prefix("q=")?.trim().parse::<f32>().ok())
                .any(|weight| weight <= 0.0);
            (!refused).then_some(name)
        })
        .collect();
    let takes = |coding: &str| accepted.iter().any(|name| name.eq_ignore_ascii_case(coding));
    if takes("br") {
        Packed::Brotli
    } else if takes("gzip") {
        Packed::Gzip
    } else {
        Packed::Plain
    }
}

/// All files by their path in the tar.
pub(super) struct Files(BTreeMap<String, File>);

impl Files {
    /// Reads the tar that is part of this program; it can be read, as a test does so.
    pub(super) fn read() -> Self {
        let mut files = BTreeMap::new();
        let mut archive = tar::Archive::new(TAR);
        for entry in archive.entries().expect("the committed console is a tar") {
            let mut entry = entry.expect("the committed console is a tar");
            let name = entry.path().expect("its names are text").to_string_lossy().into_owned();
            let mut packed = Vec::new();
            entry.read_to_end(&mut packed).expect("the committed console is whole");
            files.insert(name.clone(), File::new(&name, packed));
        }
        Self(files)
    }

    pub(super) fn get(&self, name: &str) -> Option<&File> {
        self.0.get(name)
    }

    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The text of a file; empty when there is none.
    pub(super) fn text(&self, name: &str) -> String {
        self.get(name).map(|file| String::from_utf8_lossy(&file.plain()).into_owned()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(codings: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, codings.parse().unwrap());
        headers
    }

    #[test]
    fn a_file_goes_out_as_its_reader_takes_it() {
        assert_eq!(best(&accepting("gzip, deflate, br, zstd")), Packed::Brotli);
        assert_eq!(best(&accepting("gzip, deflate")), Packed::Gzip);
        assert_eq!(best(&accepting("br;q=0, GZIP;q=0.5")), Packed::Gzip);
        assert_eq!(best(&accepting("identity")), Packed::Plain);
        assert_eq!(best(&HeaderMap::new()), Packed::Plain);
    }

    #[test]
    fn gzip_holds_what_brotli_holds() {
        let files = Files::read();
        for name in files.names() {
            let file = files.get(name).unwrap();
            let mut text = Vec::new();
            flate2::read::GzDecoder::new(&*file.gzip()).read_to_end(&mut text).unwrap();
            assert!(!text.is_empty() && text == file.plain(), "{name}");
        }
    }
}

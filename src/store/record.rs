//! Records as bytes: one version byte, then the fields in postcard.
//!
//! Used by `tables` alone. Bit flips are found below, by each backend's checksum; here every byte
//! that does not decode is damage or a newer version, never a default.

use serde::{Serialize, de::DeserializeOwned};

use super::{Key, StoreError};

/// A type that is stored. A change of its fields needs a new version and a case in `upgrade`.
pub(super) trait Record: Serialize + DeserializeOwned {
    /// What it is called in messages.
    const KIND: &'static str;
    /// The version that is written.
    const VERSION: u8;

    /// Reads an older version; `None` when there never was such a version.
    fn upgrade(_version: u8, _body: &[u8]) -> Option<Result<Self, postcard::Error>> {
        None
    }
}

/// The bytes of a record.
pub(super) fn encode<T: Record>(record: &T) -> Vec<u8> {
    postcard::to_extend(record, vec![T::VERSION])
        .expect("records hold no maps of unknown length, the one thing that postcard cannot write")
}

/// The record of these bytes; `key` is for the message.
///
/// # Errors
/// `NewerVersion`, or `Corrupt` naming the key.
pub(super) fn decode<T: Record>(key: &[u8], bytes: &[u8]) -> Result<T, StoreError> {
    let corrupt = |what: String| StoreError::corrupt(Key::from(key), format!("{}: {what}", T::KIND));
    let (&version, body) = bytes.split_first().ok_or_else(|| corrupt("no bytes".to_owned()))?;
    if version > T::VERSION {
        return Err(StoreError::NewerVersion {
            what: Key::from(key).to_string(),
            found: version.into(),
            known: T::VERSION.into(),
        });
    }
    if version < T::VERSION {
        return match T::upgrade(version, body) {
            Some(record) => record.map_err(|error| corrupt(error.to_string())),
            None => Err(corrupt(format!("there is no version {version}"))),
        };
    }
    match postcard::take_from_bytes(body) {
        Ok((record, [])) => Ok(record),
        Ok((_, rest)) => Err(corrupt(format!("{} bytes too many", rest.len()))),
        Err(error) => Err(corrupt(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample {
        name: String,
        counts: Vec<u32>,
    }

    impl Record for Sample {
        const KIND: &'static str = "sample";
        const VERSION: u8 = 3;

        fn upgrade(version: u8, body: &[u8]) -> Option<Result<Self, postcard::Error>> {
            (version == 2).then(|| postcard::from_bytes(body).map(|name| Self { name, counts: vec![] }))
        }
    }

    #[test]
    fn a_record_reads_back_and_older_ones_are_upgraded() {
        let sample = Sample { name: "a".to_owned(), counts: vec![1, 300] };
        assert_eq!(decode::<Sample>(b"m", &encode(&sample)).unwrap(), sample);
        let old = postcard::to_extend(&"old", vec![2]).unwrap();
        assert_eq!(decode::<Sample>(b"m", &old).unwrap().name, "old");
    }

    #[test]
    fn what_does_not_decode_names_its_key() {
        let sample = Sample { name: "a".to_owned(), counts: vec![] };
        let mut long = encode(&sample);
        long.push(0);
        for (bytes, part) in [(vec![], "no bytes"), (vec![1], "no version 1"), (long, "1 bytes too many")] {
            let message = decode::<Sample>(b"mname", &bytes).unwrap_err().to_string();
            assert!(message.contains("meta name") && message.contains(part), "{message}");
        }
        assert!(matches!(
            decode::<Sample>(b"m", &[4]),
            Err(StoreError::NewerVersion { found: 4, known: 3, .. })
        ));
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_refused(bytes: Vec<u8>) {
            let _ = decode::<Sample>(b"m", &bytes);
        }
    }
}

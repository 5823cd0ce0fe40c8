//! How one header holds its signatures: one signature, a list, or pairs of a key and a value.
//!
//! Used by `signature`.

use super::SchemeError;

/// The most parts of one header that are looked at. Senders that rotate write two or three.
const MAX_PARTS: usize = 64;

/// How the text of a header is divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    /// The text is the signature.
    One,
    /// The text is a list of signatures.
    List { separator: String },
    /// The text is a list of pairs. Some of them are signatures, and one may be the time.
    Pairs { separator: String, assign: String, signature: String, timestamp: Option<String> },
}

/// The content of a header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    /// Possible signatures, with their prefixes.
    pub(super) signatures: Vec<&'a str>,
    /// The time of sending, if it stands in this header.
    pub(super) timestamp: Option<&'a str>,
}

/// The settings that make a layout.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marks<'a> {
    pub(super) separator: Option<&'a str>,
    pub(super) assign: Option<&'a str>,
    pub(super) signature: Option<&'a str>,
    pub(super) timestamp: Option<&'a str>,
}

impl Layout {
    /// # Errors
    /// Marks of pairs without the key of the signature, and marks that separate nothing or that hide each other.
    pub(super) fn new(marks: Marks<'_>) -> Result<Self, SchemeError> {
        let Marks { separator, assign, signature, timestamp } = marks;
        if separator == Some("") {
            return Err(SchemeError::EmptySeparator);
        }
        let Some(signature) = signature else {
            return match (assign, timestamp) {
                (None, None) => {
                    Ok(separator
                        .map_or(Self::One, |separator| Self::List { separator: separator.to_owned() }))
                }
                (Some(_), _) => Err(SchemeError::Pairs("`assign` needs `signature_key`")),
                (None, Some(_)) => Err(SchemeError::Pairs("`timestamp.key` needs `signature_key`")),
            };
        };
        let (separator, assign) = (separator.unwrap_or(","), assign.unwrap_or("="));
        let wrong = |why| Err(SchemeError::Pairs(why));
        if assign.is_empty() || signature.is_empty() || timestamp == Some("") {
            return wrong("`assign`, `signature_key` and `timestamp.key` cannot be empty");
        }
        if timestamp == Some(signature) {
            return wrong("`timestamp.key` and `signature_key` are the same");
        }
        if separator == assign {
            return wrong("`separator` and `assign` are the same");
        }
        Ok(Self::Pairs {
            separator: separator.to_owned(),
            assign: assign.to_owned(),
            signature: signature.to_owned(),
            timestamp: timestamp.map(str::to_owned),
        })
    }

    /// The key of the time, if it stands in this header.
    pub(super) fn timestamp_key(&self) -> Option<&str> {
        match self {
            Self::Pairs { timestamp, .. } => timestamp.as_deref(),
            Self::One | Self::List { .. } => None,
        }
    }

    /// Divides the text of a header.
    pub(super) fn read<'a>(&self, text: &'a str) -> Result<Parts<'a>, &'static str> {
        let parts = |separator: &str| -> Result<Vec<&'a str>, &'static str> {
            let parts: Vec<_> = text.split(separator).take(MAX_PARTS + 1).map(str::trim).collect();
            if parts.len() > MAX_PARTS { Err("it has more than 64 parts") } else { Ok(parts) }
        };
        match self {
            Self::One => Ok(Parts { signatures: vec![text], timestamp: None }),
            Self::List { separator } => Ok(Parts { signatures: parts(separator)?, timestamp: None }),
            Self::Pairs { separator, assign, signature, timestamp } => {
                let mut read = Parts { signatures: Vec::new(), timestamp: None };
                for part in parts(separator)? {
                    let Some((key, value)) = part.split_once(assign.as_str()) else { continue };
                    if key == signature {
                        read.signatures.push(value);
                    } else if timestamp.as_deref() == Some(key) && read.timestamp.replace(value).is_some() {
                        return Err("it holds more than one time");
                    }
                }
                Ok(read)
            }
        }
    }

    /// Writes a signature as a sender does, with the time if it stands here.
    pub(super) fn write(&self, written: &str, time: &str) -> String {
        match self {
            Self::One | Self::List { .. } => written.to_owned(),
            Self::Pairs { separator, assign, signature, timestamp } => {
                let time = timestamp.as_ref().map(|key| format!("{key}{assign}{time}{separator}"));
                format!("{}{signature}{assign}{written}", time.unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(separator: &str, assign: &str) -> Layout {
        let marks = Marks {
            separator: Some(separator),
            assign: Some(assign),
            signature: Some("v1"),
            timestamp: Some("t"),
        };
        Layout::new(marks).unwrap()
    }

    #[test]
    fn a_header_is_taken_apart_as_its_sender_wrote_it() {
        let list = Layout::List { separator: ",".to_owned() };
        let cases: [(&Layout, &str, &[&str], Option<&str>); 9] = [
            (&Layout::One, "a,b", &["a,b"], None),
            (&list, "a, b,c", &["a", "b", "c"], None),
            (&list, "a", &["a"], None),
            (&pairs(",", "="), "t=1,v1=a,v1=b,v0=c", &["a", "b"], Some("1")),
            (&pairs(",", "="), "v1=YQ==, t=1", &["YQ=="], Some("1")),
            (&pairs(";", "="), "t=1;v1=a", &["a"], Some("1")),
            (&pairs(" ", ":"), "t:1 v1:a", &["a"], Some("1")),
            (&pairs(",", "="), "t=1,v0=a", &[], Some("1")),
            (&pairs(",", "="), "V1=a,v1,=b", &[], None),
        ];
        for (layout, text, signatures, timestamp) in cases {
            let expected = Parts { signatures: signatures.to_vec(), timestamp };
            assert_eq!(layout.read(text), Ok(expected), "{text}");
        }
        assert_eq!(pairs(",", "=").read("t=1,t=1,v1=a"), Err("it holds more than one time"));
        assert_eq!(list.read(&"a,".repeat(64)), Err("it has more than 64 parts"));
    }

    #[test]
    fn what_is_written_is_read() {
        let layout = pairs(";", ":");
        assert_eq!(layout.write("abc", "17"), "t:17;v1:abc");
        let expected = Parts { signatures: vec!["abc"], timestamp: Some("17") };
        assert_eq!(layout.read("t:17;v1:abc"), Ok(expected));
    }
}

//! X.509 certificates (RFC 5280) as Node's `X509Certificate` shows them, and whether a key signed one.
//!
//! Never a chain: who is trusted, names that are excluded and revocation are asked of nobody. The prelude matches hosts.

use boa_engine::{Context, JsNativeError, JsObject, JsResult, JsString, JsValue, object::builtins::JsArray};
use serde_json::{Value, json};

use super::{
    algorithm::Algorithm,
    der::{self, BIT_STRING, Element, Elements, INTEGER, OCTET_STRING, OID, SEQUENCE, SET},
    key_der,
    native::{array_buffer, bytes_argument, coded, define},
    sign::{How, Padding, check, key_argument, wrap},
    x509_text::{general_name, name, name_key, oid, time},
};

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(
        target,
        &[("x509", parse), ("x509Key", key), ("x509Verify", verify), ("x509Issued", issued)],
        context,
    )
}

/// The parts of a certificate.
struct Certificate<'a> {
    signed: &'a [u8],
    algorithm: Elements<'a>,
    signature: &'a [u8],
    serial: &'a [u8],
    issuer: Elements<'a>,
    from: Element<'a>,
    to: Element<'a>,
    subject: Elements<'a>,
    key: &'a [u8],
    extensions: Vec<(&'a [u8], &'a [u8])>,
}

/// The last bytes of the identifiers below 2.5.29.
const SUBJECT_KEY: u8 = 14;
const KEY_USAGE: u8 = 15;
const ALTERNATIVE_NAMES: u8 = 17;
const BASIC_CONSTRAINTS: u8 = 19;
const AUTHORITY_KEY: u8 = 35;
const EXTENDED_KEY_USAGE: u8 = 37;
/// 1.3.6.1.5.5.7.1.1
const INFO_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];

impl<'a> Certificate<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut outer = Elements::in_sequence(bytes)?;
        let whole = outer.next().filter(|whole| whole.tag == SEQUENCE)?;
        let (algorithm, signature) = (outer.sequence()?, outer.bits()?);
        let mut fields = Elements::of(whole.content);
        fields.read(0xa0);
        let serial = fields.read(INTEGER)?;
        fields.sequence()?;
        let issuer = fields.sequence()?;
        let mut validity = fields.sequence()?;
        let (from, to) = (validity.next()?, validity.next()?);
        let subject = fields.sequence()?;
        let key = fields.next().filter(|key| key.tag == SEQUENCE)?.whole;
        let mut extensions = Vec::new();
        for field in fields {
            if field.tag == 0xa3 {
                for extension in Elements::of(field.content).sequence()? {
                    let mut parts = Elements::of(extension.content);
                    let id = parts.read(OID)?;
                    // Whether it is critical.
                    parts.read(1);
                    extensions.push((id, parts.read(OCTET_STRING)?));
                }
            }
        }
        Some(Self {
            signed: whole.whole,
            algorithm,
            signature,
            serial,
            issuer,
            from,
            to,
            subject,
            key,
            extensions,
        })
    }

    fn extension(&self, id: &[u8]) -> Option<&'a [u8]> {
        self.extensions.iter().find(|(name, _)| *name == id).map(|(_, value)| *value)
    }

    fn standard(&self, last: u8) -> Option<&'a [u8]> {
        self.extension(&[0x55, 0x1d, last])
    }

    /// Whether the owner may sign certificates, as far as a key usage says so.
    fn may_sign(&self) -> bool {
        let usage =
            self.standard(KEY_USAGE).and_then(|usage| Elements::of(usage).read(BIT_STRING)?.get(1).copied());
        usage.is_none_or(|bits| bits & 4 != 0)
    }

    fn is_authority(&self) -> bool {
        let constraints = self.standard(BASIC_CONSTRAINTS).and_then(Elements::in_sequence);
        let says =
            constraints.and_then(|mut constraints| constraints.read(1)).is_some_and(|flag| flag != [0]);
        says && self.may_sign()
    }

    /// As JSON for the prelude.
    fn describe(&self) -> Option<Value> {
        let names = self.standard(ALTERNATIVE_NAMES).and_then(Elements::in_sequence);
        let names: Option<Vec<Value>> = names.map(|names| names.map(general_name).collect());
        let usage = self.standard(EXTENDED_KEY_USAGE).and_then(Elements::in_sequence);
        let usage: Option<Vec<String>> = usage.map(|usage| usage.map(|usage| oid(usage.content)).collect());
        let access = self.extension(INFO_ACCESS).and_then(Elements::in_sequence);
        let access: Option<Vec<Value>> = access.map(|access| {
            access
                .filter_map(|one| {
                    let mut parts = Elements::of(one.content);
                    let method = oid(parts.read(OID)?);
                    let location = general_name(parts.next()?);
                    Some(json!([method, location]))
                })
                .collect()
        });
        let (subject, issuer) = (name(self.subject)?, name(self.issuer)?);
        let serial: String = self.serial.iter().map(|byte| format!("{byte:02X}")).collect();
        let serial = match self.serial {
            [0, _, ..] => serial[2..].to_owned(),
            _ => serial,
        };
        Some(json!({
            "subject": subject, "issuer": issuer, "serial": serial,
            "from": time(self.from)?, "to": time(self.to)?,
            "names": names, "usage": usage, "access": access, "ca": self.is_authority(),
        }))
    }
}

/// `x509(bytes) -> [json, DER]`
fn parse(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bytes = bytes_argument(args, 0, context)?;
    let block = der::blocks(&bytes).find(|block| block.label.ends_with("CERTIFICATE"));
    let der = block.map_or_else(|| bytes.clone(), |block| block.bytes);
    let whole = Elements::of(&der).next().filter(|whole| whole.tag == SEQUENCE).map(|whole| whole.whole);
    let described = whole.and_then(|whole| Certificate::parse(whole)?.describe());
    let (Some(whole), Some(described)) = (whole, described) else {
        let message =
            "error:0480006C:PEM routines::no start line (this is no X.509 certificate as PEM or DER)";
        return Err(coded(JsNativeError::error(), "ERR_OSSL_PEM_NO_START_LINE", message, context));
    };
    let json = JsString::from(described.to_string().as_str()).into();
    let parts = [json, array_buffer(whole.to_vec(), context)?];
    Ok(JsArray::from_iter(parts, context).into())
}

fn wrong(context: &mut Context) -> boa_engine::JsError {
    let message = "the certificate's key or signature is of a kind that is not here: there are RSA, EC on prime256v1, secp384r1, secp521r1, secp256k1 and SM2, Ed25519";
    coded(JsNativeError::error(), "ERR_OSSL_EVP_UNSUPPORTED", message, context)
}

/// `x509Key(DER) -> key`
fn key(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bytes = bytes_argument(args, 0, context)?;
    let key = Certificate::parse(&bytes).and_then(|certificate| key_der::public(certificate.key, None).ok());
    key.map(wrap).ok_or_else(|| wrong(context))
}

/// `x509Issued(DER, DER of the issuer) -> boolean`: the issuer's name and, where both tell, key identifier; and it may sign.
fn issued(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (own, other) = (bytes_argument(args, 0, context)?, bytes_argument(args, 1, context)?);
    let fits = Certificate::parse(&own).zip(Certificate::parse(&other)).is_some_and(|(own, other)| {
        let named = name_key(own.issuer) == name_key(other.subject);
        named && authority_fits(&own, &other) && other.may_sign()
    });
    Ok(fits.into())
}

fn authority_fits(own: &Certificate<'_>, issuer: &Certificate<'_>) -> bool {
    let Some(authority) = own.standard(AUTHORITY_KEY).and_then(Elements::in_sequence) else {
        return true;
    };
    let held = issuer.standard(SUBJECT_KEY).and_then(|key| Elements::of(key).read(OCTET_STRING));
    authority.into_iter().all(|part| match part.tag {
        0x80 => held.is_none_or(|held| held == part.content),
        0x82 => der::unsigned(part.content) == der::unsigned(issuer.serial),
        _ => true,
    })
}

/// `x509Verify(DER, public key) -> boolean`
fn verify(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bytes = bytes_argument(args, 0, context)?;
    let key = key_argument(args, 1)?;
    let valid = Certificate::parse(&bytes).and_then(|certificate| {
        let (kind, algorithm, padding) = scheme(certificate.algorithm)?;
        if key.kind() != kind {
            return Some(false);
        }
        // An SM2 certificate is signed with the identity of GM/T 0009, or as OpenSSL does by itself, with none.
        let identities =
            if algorithm == Some(Algorithm::Sm3) { &["1234567812345678", ""][..] } else { &[""] };
        Some(identities.iter().any(|identity| {
            let how = How { is_raw: false, padding, identity: Some(identity) };
            check(&key, algorithm, certificate.signed, how, certificate.signature).unwrap_or(false)
        }))
    });
    valid.map(JsValue::from).ok_or_else(|| wrong(context))
}

/// What an AlgorithmIdentifier of a signature means: the kind of key, the hash, the padding.
fn scheme(mut fields: Elements<'_>) -> Option<(&'static str, Option<Algorithm>, Padding)> {
    let name = oid(fields.read(OID)?);
    let plain = |kind, algorithm| Some((kind, Some(algorithm), Padding::Pkcs1));
    match name.as_str() {
        "1.2.840.113549.1.1.4" => plain("rsa", Algorithm::Md5),
        "1.2.840.113549.1.1.5" => plain("rsa", Algorithm::Sha1),
        "1.2.840.113549.1.1.10" => pss(fields),
        "1.2.840.113549.1.1.11" => plain("rsa", Algorithm::Sha256),
        "1.2.840.113549.1.1.12" => plain("rsa", Algorithm::Sha384),
        "1.2.840.113549.1.1.13" => plain("rsa", Algorithm::Sha512),
        "1.2.840.113549.1.1.14" => plain("rsa", Algorithm::Sha224),
        "1.2.840.10045.4.1" => plain("ec", Algorithm::Sha1),
        "1.2.840.10045.4.3.1" => plain("ec", Algorithm::Sha224),
        "1.2.840.10045.4.3.2" => plain("ec", Algorithm::Sha256),
        "1.2.840.10045.4.3.3" => plain("ec", Algorithm::Sha384),
        "1.2.840.10045.4.3.4" => plain("ec", Algorithm::Sha512),
        "1.2.156.10197.1.501" => plain("ec", Algorithm::Sm3),
        "1.3.101.112" => Some(("ed25519", None, Padding::Pkcs1)),
        _ => None,
    }
}

/// RFC 4055, 3.1; the hash of the mask must be the same.
fn pss(mut fields: Elements<'_>) -> Option<(&'static str, Option<Algorithm>, Padding)> {
    let (mut hash, mut mask, mut salt) = (Algorithm::Sha1, Algorithm::Sha1, 20);
    let hash_of = |mut algorithm: Elements<'_>| Algorithm::from_name(&oid(algorithm.read(OID)?));
    for part in fields.sequence()? {
        let mut inner = Elements::of(part.content);
        match part.tag {
            0xa0 => hash = hash_of(inner.sequence()?)?,
            0xa1 => {
                let mut function = inner.sequence()?;
                function.read(OID)?;
                mask = hash_of(function.sequence()?)?;
            }
            0xa2 => {
                salt = match *der::unsigned(inner.read(INTEGER)?)? {
                    [] => 0,
                    [length] => usize::from(length),
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
    (hash == mask).then_some(("rsa", Some(hash), Padding::Pss(Some(salt))))
}

/// The elements of a Name, for `x509_text.rs`: each set of attributes, and in it their types and values.
pub(super) fn attributes(name: Elements<'_>) -> Option<Vec<Vec<(&[u8], Element<'_>)>>> {
    name.map(|set| {
        if set.tag != SET {
            return None;
        }
        Elements::of(set.content)
            .map(|attribute| {
                let mut parts = Elements::of(attribute.content);
                Some((parts.read(OID)?, parts.next()?))
            })
            .collect()
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_none() {
        for bytes in [&[][..], &[0x30, 0], &[0x30, 0x80], &[0x30, 2, 0x30, 0], &[2, 1, 0]] {
            assert!(Certificate::parse(bytes).is_none());
        }
    }
}

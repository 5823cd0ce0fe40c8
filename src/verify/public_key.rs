//! A public key or a certificate, and the private key of the sender's side: RSA, ECDSA and Ed25519.
//!
//! Used by `key`, `fields`, `sns` and `paypal`. Keys come as PEM, or as the base64 that vendors show in their consoles.
//! Of a certificate, its validity period and its names are read. Its chain is not checked: the setting names it, or it
//! comes from a host that the scheme pins.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        self, EcdsaKeyPair, Ed25519KeyPair, ParsedPublicKey, RsaEncoding, RsaKeyPair, VerificationAlgorithm,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, prelude::FromDer,
    public_key::PublicKey as Numbers, x509::SubjectPublicKeyInfo,
};

use super::{Role, SchemeError, SignError};
use crate::model::{EcdsaForm, KeyAlgorithm};

/// The shortest RSA key that is accepted, bits.
const LEAST_BITS: usize = 2_048;

/// A key that checks signatures, or one that makes them.
pub(super) struct PublicKey {
    kind: Kind,
    /// What is known of its certificate, if it came in one.
    pub(super) certificate: Option<Certificate>,
}

enum Kind {
    Public(ParsedPublicKey),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// What is known of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    /// Its serial number in hex, upper case, without leading zeros.
    pub(super) serial: String,
    /// The common names of its subject and its DNS names.
    pub(super) names: Vec<String>,
    /// When it begins to be valid, milliseconds since the epoch.
    pub(super) from_ms: u64,
    /// The last moment at which it is valid, milliseconds since the epoch.
    pub(super) until_ms: u64,
}

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manner {
    pub(super) algorithm: KeyAlgorithm,
    pub(super) form: EcdsaForm,
}

impl Manner {
    /// An algorithm, with ECDSA's numbers in DER.
    pub(super) const fn of(algorithm: KeyAlgorithm) -> Self {
        Self { algorithm, form: EcdsaForm::Der }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match (self.algorithm, self.form) {
            (KeyAlgorithm::RsaSha1, _) => &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            (KeyAlgorithm::RsaSha256, _) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (KeyAlgorithm::RsaSha384, _) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (KeyAlgorithm::RsaSha512, _) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (KeyAlgorithm::RsaPssSha256, _) => &signature::RSA_PSS_2048_8192_SHA256,
            (KeyAlgorithm::RsaPssSha512, _) => &signature::RSA_PSS_2048_8192_SHA512,
            (KeyAlgorithm::EcdsaP256Sha256, EcdsaForm::Der) => &signature::ECDSA_P256_SHA256_ASN1,
            (KeyAlgorithm::EcdsaP256Sha256, EcdsaForm::Raw) => &signature::ECDSA_P256_SHA256_FIXED,
            (KeyAlgorithm::EcdsaP384Sha384, EcdsaForm::Der) => &signature::ECDSA_P384_SHA384_ASN1,
            (KeyAlgorithm::EcdsaP384Sha384, EcdsaForm::Raw) => &signature::ECDSA_P384_SHA384_FIXED,
            (KeyAlgorithm::Ed25519, _) => &signature::ED25519,
        }
    }
}

impl PublicKey {
    /// Reads a key. `number` is its place in the list, counted from 1.
    ///
    /// # Errors
    /// What is no key of this algorithm, a private key at a receiver, and an RSA key that is too short.
    pub(super) fn read(text: &str, manner: Manner, number: usize, role: Role) -> Result<Self, SchemeError> {
        let (label, der) = decode(text).ok_or(SchemeError::Key { number, why: UNREADABLE })?;
        let is_private = label.ends_with("PRIVATE KEY") || (label.is_empty() && is_private(&der));
        match (role, is_private) {
            (Role::Receiver, true) => Err(SchemeError::PrivateKey { number }),
            (Role::Sender, true) => {
                let kind = private(&der, manner).ok_or(SchemeError::Key { number, why: OTHER_KIND })?;
                Ok(Self { kind, certificate: None })
            }
            (Role::Receiver | Role::Sender, false) => {
                Self::of_der(&label, &der, manner).map_err(|why| SchemeError::Key { number, why })
            }
        }
    }

    fn of_der(label: &str, der: &[u8], manner: Manner) -> Result<Self, &'static str> {
        if label == "CERTIFICATE" {
            return Self::of_certificate(der, manner);
        }
        Ok(Self { kind: public(der, manner)?, certificate: None })
    }

    /// The key of a certificate in DER.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn of_certificate(der: &[u8], manner: Manner) -> Result<Self, &'static str> {
        let (_, read) = X509Certificate::from_der(der).map_err(|_| "it is not a certificate")?;
        let kind = public(read.public_key().raw, manner)?;
        Ok(Self { kind, certificate: Some(Certificate::of(&read)) })
    }

    /// Whether `claimed` is its signature of `message`.
    pub(super) fn matches(&self, message: &[u8], claimed: &[u8]) -> bool {
        match &self.kind {
            Kind::Public(key) => key.verify_sig(message, claimed).is_ok(),
            // The sender's side only signs.
            Kind::Rsa(..) | Kind::Ecdsa(_) | Kind::Ed25519(_) => false,
        }
    }

    /// Its signature of `message`.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let failed = |error: aws_lc_rs::error::Unspecified| SignError::Key(error.to_string());
        match &self.kind {
            Kind::Public(_) => Err(SignError::NoPrivateKey),
            Kind::Rsa(key, encoding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &SystemRandom::new(), message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Kind::Ecdsa(key) => key
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(failed),
            Kind::Ed25519(key) => Ok(key.sign(message).as_ref().to_vec()),
        }
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match &self.kind {
            Kind::Public(_) => "public",
            Kind::Rsa(..) | Kind::Ecdsa(_) | Kind::Ed25519(_) => "private (redacted)",
        };
        f.debug_struct("PublicKey").field("kind", &kind).field("certificate", &self.certificate).finish()
    }
}

const UNREADABLE: &str = "it is neither PEM nor the base64 of a public key";
const OTHER_KIND: &str = "it is not a key of this algorithm";

/// The label and the bytes of a key's text. The label is empty for base64 alone.
fn decode(text: &str) -> Option<(String, Vec<u8>)> {
    // In a variable of one line, line breaks are often written as `\n`.
    let text = text.trim().replace("\\n", "\n");
    if text.starts_with("-----BEGIN ") {
        let pem = pem::parse(text).ok()?;
        return Some((pem.tag().to_owned(), pem.into_contents()));
    }
    let bare: String = text.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    Some((String::new(), STANDARD.decode(bare).ok()?))
}

/// Whether a DER document begins as private keys do, with a version number; public keys begin with an algorithm or a
/// large number.
fn is_private(der: &[u8]) -> bool {
    RsaKeyPair::from_pkcs8(der).is_ok()
        || RsaKeyPair::from_der(der).is_ok()
        || Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).is_ok()
        || [&signature::ECDSA_P256_SHA256_ASN1_SIGNING, &signature::ECDSA_P384_SHA384_ASN1_SIGNING]
            .into_iter()
            .any(|algorithm| EcdsaKeyPair::from_private_key_der(algorithm, der).is_ok())
}

fn public(der: &[u8], manner: Manner) -> Result<Kind, &'static str> {
    let is_rsa = match manner.algorithm {
        KeyAlgorithm::RsaSha1
        | KeyAlgorithm::RsaSha256
        | KeyAlgorithm::RsaSha384
        | KeyAlgorithm::RsaSha512
        | KeyAlgorithm::RsaPssSha256
        | KeyAlgorithm::RsaPssSha512 => true,
        KeyAlgorithm::EcdsaP256Sha256 | KeyAlgorithm::EcdsaP384Sha384 | KeyAlgorithm::Ed25519 => false,
    };
    let key = ParsedPublicKey::new(manner.verification(), der).map_err(|_| OTHER_KIND)?;
    if is_rsa && bits(der).is_none_or(|bits| bits < LEAST_BITS) {
        return Err(
            "its RSA key is shorter than 2048 bits, which others can break; have the sender make a longer one",
        );
    }
    Ok(Kind::Public(key))
}

/// The bits of an RSA key.
fn bits(der: &[u8]) -> Option<usize> {
    if let Ok((_, info)) = SubjectPublicKeyInfo::from_der(der) {
        return match info.parsed().ok()? {
            Numbers::RSA(key) => Some(key.key_size()),
            _ => None,
        };
    }
    let (_, key) = x509_parser::public_key::RSAPublicKey::from_der(der).ok()?;
    Some(key.key_size())
}

fn private(der: &[u8], manner: Manner) -> Option<Kind> {
    let rsa = |encoding: &'static dyn RsaEncoding| {
        let key = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der)).ok()?;
        Some(Kind::Rsa(key, encoding))
    };
    let ecdsa = |algorithm| EcdsaKeyPair::from_private_key_der(algorithm, der).ok().map(Kind::Ecdsa);
    match (manner.algorithm, manner.form) {
        // The library does not make these. Only tests need them, and those have vectors.
        (KeyAlgorithm::RsaSha1, _) => None,
        (KeyAlgorithm::RsaSha256, _) => rsa(&signature::RSA_PKCS1_SHA256),
        (KeyAlgorithm::RsaSha384, _) => rsa(&signature::RSA_PKCS1_SHA384),
        (KeyAlgorithm::RsaSha512, _) => rsa(&signature::RSA_PKCS1_SHA512),
        (KeyAlgorithm::RsaPssSha256, _) => rsa(&signature::RSA_PSS_SHA256),
        (KeyAlgorithm::RsaPssSha512, _) => rsa(&signature::RSA_PSS_SHA512),
        (KeyAlgorithm::EcdsaP256Sha256, EcdsaForm::Der) => ecdsa(&signature::ECDSA_P256_SHA256_ASN1_SIGNING),
        (KeyAlgorithm::EcdsaP256Sha256, EcdsaForm::Raw) => ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
        (KeyAlgorithm::EcdsaP384Sha384, EcdsaForm::Der) => ecdsa(&signature::ECDSA_P384_SHA384_ASN1_SIGNING),
        (KeyAlgorithm::EcdsaP384Sha384, EcdsaForm::Raw) => ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
        (KeyAlgorithm::Ed25519, _) => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(Kind::Ed25519),
    }
}

impl Certificate {
    fn of(read: &X509Certificate<'_>) -> Self {
        let common = read.subject().iter_common_name().filter_map(|name| name.as_str().ok());
        let mut names: Vec<String> = common.map(str::to_owned).collect();
        if let Ok(Some(others)) = read.subject_alternative_name() {
            names.extend(others.value.general_names.iter().filter_map(|name| match name {
                GeneralName::DNSName(name) => Some((*name).to_owned()),
                _ => None,
            }));
        }
        let milliseconds = |seconds: i64| u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000);
        let validity = read.validity();
        Self {
            serial: serial(&hex::encode(read.raw_serial())),
            names,
            from_ms: milliseconds(validity.not_before.timestamp()),
            until_ms: milliseconds(validity.not_after.timestamp()).saturating_add(999),
        }
    }
}

/// A serial number in the one spelling in which it is compared.
pub(super) fn serial(text: &str) -> String {
    let digits = text.trim_start_matches('0').to_ascii_uppercase();
    if digits.is_empty() { "0".to_owned() } else { digits }
}

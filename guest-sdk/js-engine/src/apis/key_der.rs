//! Keys as DER and PEM: PKCS #8 (RFC 5958), PKCS #1 (RFC 8017), SEC 1 (RFC 5915), SPKI (RFC 5280, 5480, 8410), under a passphrase or not,
//! and the public key of an X.509 certificate.
//!
//! Which of the formats some bytes have is told by what they hold, as OpenSSL does; nothing is guessed beyond that.

use rsa::{
    BoxedUint,
    traits::{PrivateKeyParts, PublicKeyParts},
};

use super::{
    der::{self, BIT_STRING, Elements, INTEGER, OCTET_STRING, OID, SEQUENCE},
    ec::Curve,
    key_secret,
    keys::{Key, RsaNumbers},
};

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const X25519: &[u8] = &[0x2b, 0x65, 0x6e];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// Why no key comes out of some bytes.
pub(super) enum Refused {
    /// Nothing of this is a key that is known here.
    Unknown,
    /// There is an encrypted key and no passphrase; whether it was PEM.
    Passphrase(bool),
    Decrypt,
    Scheme,
}

impl From<key_secret::Refused> for Refused {
    fn from(refused: key_secret::Refused) -> Self {
        match refused {
            key_secret::Refused::Decrypt => Self::Decrypt,
            key_secret::Refused::Scheme => Self::Scheme,
        }
    }
}

/// A private key from PEM text or DER bytes; of several PEM blocks the first that is one.
pub(super) fn private(input: &[u8], passphrase: Option<&[u8]>) -> Result<Key, Refused> {
    let (mut refused, mut is_pem) = (Refused::Unknown, false);
    for block in der::blocks(input) {
        is_pem = true;
        if !block.label.ends_with("PRIVATE KEY") {
            continue;
        }
        let opened = match (block.encryption, passphrase) {
            (None, _) => Ok(block.bytes),
            (Some(_), None) => Err(Refused::Passphrase(true)),
            (Some(info), Some(passphrase)) => {
                key_secret::open_old(info, &block.bytes, passphrase).map_err(Refused::from)
            }
        };
        match opened.and_then(|bytes| private_der(&bytes, passphrase, true)) {
            Ok(key) => return Ok(key),
            Err(why) => refused = why,
        }
    }
    if is_pem { Err(refused) } else { private_der(input, passphrase, false) }
}

/// A public key, or that of a certificate or of a private key, in this order, from PEM text or DER bytes.
pub(super) fn public(input: &[u8], passphrase: Option<&[u8]>) -> Result<Key, Refused> {
    let mut is_pem = false;
    for wanted in ["PUBLIC KEY", "CERTIFICATE"] {
        for block in der::blocks(input) {
            is_pem = true;
            if block.label.ends_with(wanted)
                && let Some(key) = public_der(&block.bytes)
            {
                return Ok(key);
            }
        }
    }
    if !is_pem && let Some(key) = public_der(input) {
        return Ok(key);
    }
    private(input, passphrase).map(|key| key.public_of())
}

fn private_der(bytes: &[u8], passphrase: Option<&[u8]>, is_pem: bool) -> Result<Key, Refused> {
    let key = |bytes: &[u8]| pkcs8(bytes).or_else(|| pkcs1(bytes)).or_else(|| sec1(bytes, None));
    if let Some(key) = key(bytes) {
        return Ok(key);
    }
    match key_secret::open(bytes, passphrase.unwrap_or_default()) {
        None => Err(Refused::Unknown),
        Some(_) if passphrase.is_none() => Err(Refused::Passphrase(is_pem)),
        Some(opened) => key(&opened?).ok_or(Refused::Decrypt),
    }
}

/// SPKI, PKCS #1, or a certificate.
fn public_der(bytes: &[u8]) -> Option<Key> {
    spki(bytes)
        .or_else(|| pkcs1(bytes).filter(|key| !key.is_private()))
        .or_else(|| spki(certificate_key(bytes)?))
}

/// The SubjectPublicKeyInfo of a certificate (RFC 5280, 4.1).
fn certificate_key(bytes: &[u8]) -> Option<&[u8]> {
    let mut fields = Elements::in_sequence(bytes)?.sequence()?;
    if fields.tag()? == 0xa0 {
        fields.next();
    }
    // After serialNumber, signature, issuer, validity, subject.
    fields.nth(5).map(|key| key.whole)
}

/// What an AlgorithmIdentifier says: the algorithm, and for EC the curve.
fn algorithm(mut fields: Elements<'_>) -> Option<(&[u8], Option<Curve>)> {
    let name = fields.read(OID)?;
    Some((name, if name == EC { Some(Curve::from_oid(fields.read(OID)?)?) } else { None }))
}

fn pkcs8(bytes: &[u8]) -> Option<Key> {
    let mut fields = Elements::in_sequence(bytes)?;
    fields.read(INTEGER)?;
    let (name, curve) = algorithm(fields.sequence()?)?;
    let key = fields.read(OCTET_STRING)?;
    if name == RSA {
        return pkcs1(key).filter(Key::is_private);
    }
    if curve.is_some() {
        return sec1(key, curve);
    }
    let seed = <[u8; 32]>::try_from(Elements::of(key).read(OCTET_STRING)?).ok()?;
    match name {
        ED25519 => Some(Key::ed_private(&seed)),
        X25519 => Some(Key::XPrivate(seed)),
        _ => None,
    }
}

fn pkcs1(bytes: &[u8]) -> Option<Key> {
    let mut fields = Elements::in_sequence(bytes)?;
    let mut numbers = Vec::new();
    while fields.tag() == Some(INTEGER) {
        numbers.push(der::unsigned(fields.read(INTEGER)?)?);
    }
    match numbers[..] {
        [n, e] => Key::rsa(&RsaNumbers { n, e, private: None }),
        // Version 0: two primes.
        [[], n, e, d, p, q, _, _, _] => Key::rsa(&RsaNumbers { n, e, private: Some([d, p, q]) }),
        _ => None,
    }
}

/// `curve` is known where PKCS #8 is around it.
fn sec1(bytes: &[u8], curve: Option<Curve>) -> Option<Key> {
    let mut fields = Elements::in_sequence(bytes)?;
    (fields.read(INTEGER)? == [1]).then_some(())?;
    let secret = fields.read(OCTET_STRING)?;
    let own = match fields.read(0xa0) {
        Some(parameters) => Some(Curve::from_oid(Elements::of(parameters).read(OID)?)?),
        None => None,
    };
    Key::ec_private(own.or(curve)?, secret)
}

fn spki(bytes: &[u8]) -> Option<Key> {
    let mut fields = Elements::in_sequence(bytes)?;
    let (name, curve) = algorithm(fields.sequence()?)?;
    if fields.tag()? != BIT_STRING {
        return None;
    }
    let key = fields.bits()?;
    if let Some(curve) = curve {
        return Key::ec_public(curve, key);
    }
    match name {
        RSA => pkcs1(key).filter(|key| !key.is_private()),
        ED25519 => Key::ed_public(key.try_into().ok()?),
        X25519 => Some(Key::XPublic(key.try_into().ok()?)),
        _ => None,
    }
}

impl Key {
    /// As DER in `pkcs8`, `pkcs1`, `sec1` or `spki`; `None` for a format that this kind does not have.
    pub fn to_der(&self, format: &str) -> Option<Vec<u8>> {
        match (self, format) {
            (Self::RsaPrivate(key), "pkcs1") => rsa_private(key),
            (Self::RsaPublic(key), "pkcs1") => Some(der::write(
                SEQUENCE,
                &[&der::write_integer(&key.n_bytes()), &der::write_integer(&key.e_bytes())],
            )),
            (Self::EcPrivate { curve, secret, point }, "sec1") => {
                let curve = der::write(OID, &[curve.oid()]);
                Some(ec_private(secret, &der::write(0xa0, &[&curve]), point))
            }
            (key, "pkcs8") if key.is_private() => {
                let inner = match self {
                    Self::EcPrivate { secret, point, .. } => ec_private(secret, &[], point),
                    // Without the public key, as OpenSSL writes it.
                    Self::EdPrivate(key) => der::write(OCTET_STRING, &[&key.to_bytes()]),
                    Self::XPrivate(secret) => der::write(OCTET_STRING, &[secret]),
                    Self::RsaPrivate(_)
                    | Self::RsaPublic(_)
                    | Self::EcPublic { .. }
                    | Self::EdPublic(_)
                    | Self::XPublic(_) => self.to_der("pkcs1")?,
                };
                let inner = der::write(OCTET_STRING, &[&inner]);
                Some(der::write(SEQUENCE, &[&[INTEGER, 1, 0], &self.algorithm(), &inner]))
            }
            (key, "spki") if !key.is_private() => {
                let inner = match self {
                    Self::EcPublic { point, .. } => point.clone(),
                    Self::EdPublic(key) => key.to_bytes().to_vec(),
                    Self::XPublic(key) => key.to_vec(),
                    Self::RsaPublic(_)
                    | Self::RsaPrivate(_)
                    | Self::EcPrivate { .. }
                    | Self::EdPrivate(_)
                    | Self::XPrivate(_) => self.to_der("pkcs1")?,
                };
                Some(der::write(SEQUENCE, &[&self.algorithm(), &der::write_bits(&inner)]))
            }
            _ => None,
        }
    }

    fn algorithm(&self) -> Vec<u8> {
        let (name, parameters) = match self {
            Self::RsaPrivate(_) | Self::RsaPublic(_) => (RSA, vec![5, 0]),
            Self::EcPrivate { curve, .. } | Self::EcPublic { curve, .. } => {
                (EC, der::write(OID, &[curve.oid()]))
            }
            Self::EdPrivate(_) | Self::EdPublic(_) => (ED25519, Vec::new()),
            Self::XPrivate(_) | Self::XPublic(_) => (X25519, Vec::new()),
        };
        der::write(SEQUENCE, &[&der::write(OID, &[name]), &parameters])
    }
}

fn ec_private(secret: &[u8], curve: &[u8], point: &[u8]) -> Vec<u8> {
    let point = der::write(0xa1, &[&der::write_bits(point)]);
    der::write(SEQUENCE, &[&[INTEGER, 1, 1], &der::write(OCTET_STRING, &[secret]), curve, &point])
}

fn rsa_private(key: &rsa::PrivateKey) -> Option<Vec<u8>> {
    let number = |number: &BoxedUint| der::write_integer(&number.to_be_bytes());
    let [p, q] = key.primes() else { return None };
    let parts = [
        vec![INTEGER, 1, 0],
        der::write_integer(&key.n_bytes()),
        der::write_integer(&key.e_bytes()),
        number(key.d()),
        number(p),
        number(q),
        number(key.dp()?),
        number(key.dq()?),
        number(&key.crt_coefficient()?),
    ];
    Some(der::write(SEQUENCE, &[&parts.concat()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_certificates_are_refused() {
        let spki = [0x30, 3, 5, 1, 7];
        let fields =
            [&[0xa0, 0][..], &[2, 1, 1], &[0x30, 0], &[0x30, 0], &[0x30, 0], &[0x30, 0], &spki].concat();
        let signed = [&[0x30, fields.len() as u8][..], &fields].concat();
        let whole = [&[0x30, 0x81, signed.len() as u8][..], &signed].concat();
        assert_eq!(certificate_key(&whole), Some(&spki[..]));
        for length in 0..whole.len() {
            assert_eq!(certificate_key(&whole[..length]), None, "{length}");
        }
    }

    #[test]
    fn keys_come_back_as_they_were_written() {
        for curve in Curve::ALL {
            let key = Key::ec_private(curve, &[7; 20]).unwrap();
            for format in ["pkcs8", "sec1"] {
                let der = key.to_der(format).unwrap();
                for length in 0..der.len() {
                    assert!(private(&der[..length], None).is_err(), "{length}");
                }
                let read = private(&der, None).ok().unwrap();
                assert_eq!(read.to_der("pkcs8"), key.to_der("pkcs8"), "{curve:?}");
            }
            let der = key.public_of().to_der("spki").unwrap();
            assert_eq!(public(&der, None).ok().unwrap().to_der("spki"), Some(der));
        }
    }
}

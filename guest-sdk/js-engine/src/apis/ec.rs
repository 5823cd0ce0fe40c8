//! Elliptic curves whose curve is known at run time: points, ECDH, ECDSA (FIPS 186-5), and SM2's signatures (GB/T 32918.2).
//!
//! Keys are bytes here: a secret is a scalar as long as the curve's field, a point is uncompressed (SEC 1). Both are checked when they
//! are made, so that all that follows may rely on it. The arithmetic is RustCrypto's. Nonces are RFC 6979's: a signature says nothing
//! about the run's randomness.

use ecdsa::{DigestAlgorithm, EcdsaCurve, hazmat};
use elliptic_curve::{
    AffinePoint, CurveArithmetic, CurveGroup, FieldBytesSize, NonZeroScalar, ProjectivePoint, PublicKey,
    SecretKey,
    point::AffineCoordinates,
    sec1::{FromSec1Point, ModulusSize, ToSec1Point},
};
use sm2::dsa::signature::{
    Signer, Verifier,
    hazmat::{PrehashSigner, PrehashVerifier},
};

/// A curve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
    Secp256k1,
    Sm2,
}

/// Evaluates an expression with `C` as the curve's type.
macro_rules! with_curve {
    ($curve:expr, $C:ident => $work:expr) => {
        match $curve {
            Curve::P256 => {
                type $C = p256::NistP256;
                $work
            }
            Curve::P384 => {
                type $C = p384::NistP384;
                $work
            }
            Curve::P521 => {
                type $C = p521::NistP521;
                $work
            }
            Curve::Secp256k1 => {
                type $C = k256::Secp256k1;
                $work
            }
            Curve::Sm2 => {
                type $C = sm2::Sm2;
                $work
            }
        }
    };
}

impl Curve {
    pub const ALL: [Self; 5] = [Self::P256, Self::P384, Self::P521, Self::Secp256k1, Self::Sm2];

    /// By OpenSSL's name, NIST's, or that of a JSON Web Key.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| {
            let (openssl, jwk) = curve.names();
            name == openssl || name == jwk
        })
    }

    /// OpenSSL's name, and that of a JSON Web Key (for SM2, which has none, OpenSSL's again).
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::P256 => ("prime256v1", "P-256"),
            Self::P384 => ("secp384r1", "P-384"),
            Self::P521 => ("secp521r1", "P-521"),
            Self::Secp256k1 => ("secp256k1", "secp256k1"),
            Self::Sm2 => ("SM2", "SM2"),
        }
    }

    /// The object identifier, as the content of its DER.
    pub fn oid(self) -> &'static [u8] {
        match self {
            Self::P256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
            Self::P384 => &[0x2b, 0x81, 4, 0, 0x22],
            Self::P521 => &[0x2b, 0x81, 4, 0, 0x23],
            Self::Secp256k1 => &[0x2b, 0x81, 4, 0, 0x0a],
            Self::Sm2 => &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 1, 0x82, 0x2d],
        }
    }

    pub fn from_oid(oid: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.oid() == oid)
    }

    /// Bytes of a coordinate and of a secret.
    pub fn size(self) -> usize {
        match self {
            Self::P256 | Self::Secp256k1 | Self::Sm2 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// A secret of any written length as one of the curve's; `None` when it is zero or no less than the order.
    pub fn secret(self, bytes: &[u8]) -> Option<Vec<u8>> {
        let digits = bytes.iter().position(|&byte| byte != 0).map_or(&[][..], |start| &bytes[start..]);
        let mut secret = vec![0; self.size().checked_sub(digits.len())?];
        secret.extend_from_slice(digits);
        with_curve!(self, C => SecretKey::<C>::from_slice(&secret).is_ok()).then_some(secret)
    }

    /// The point of a secret.
    pub fn public(self, secret: &[u8]) -> Option<Vec<u8>> {
        with_curve!(self, C => public::<C>(secret))
    }

    /// A point in any of SEC 1's forms, uncompressed; `None` when it is none of the curve.
    pub fn point(self, bytes: &[u8]) -> Option<Vec<u8>> {
        // The hybrid form is an uncompressed one that says the parity of y again.
        if let [first @ (6 | 7), rest @ ..] = bytes {
            let point = self.point(&[&[4], rest].concat())?;
            return (point.last()? & 1 == first & 1).then_some(point);
        }
        with_curve!(self, C => point::<C>(bytes))
    }

    /// The shared secret of ECDH: the x of the product.
    pub fn agree(self, secret: &[u8], point: &[u8]) -> Option<Vec<u8>> {
        with_curve!(self, C => agree::<C>(secret, point))
    }

    /// An ECDSA signature of a hash, `r` and `s` as long as the field each.
    pub fn sign(self, secret: &[u8], hash: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::P256 => sign::<p256::NistP256>(secret, hash),
            Self::P384 => sign::<p384::NistP384>(secret, hash),
            Self::P521 => sign::<p521::NistP521>(secret, hash),
            Self::Secp256k1 => sign::<k256::Secp256k1>(secret, hash),
            Self::Sm2 => {
                // The identity counts for messages only.
                let key = sm2::dsa::SigningKey::from_slice("", secret).ok()?;
                key.sign_prehash(hash).ok().map(|signature| signature.to_bytes().to_vec())
            }
        }
    }

    /// Whether `r` and `s` are a signature of a hash.
    pub fn verify(self, point: &[u8], hash: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256 => verify::<p256::NistP256>(point, hash, signature),
            Self::P384 => verify::<p384::NistP384>(point, hash, signature),
            Self::P521 => verify::<p521::NistP521>(point, hash, signature),
            Self::Secp256k1 => verify::<k256::Secp256k1>(point, hash, signature),
            Self::Sm2 => {
                let key = sm2::dsa::VerifyingKey::from_sec1_bytes("", point).ok();
                let signature = sm2::dsa::Signature::from_slice(signature).ok();
                key.zip(signature)
                    .is_some_and(|(key, signature)| key.verify_prehash(hash, &signature).is_ok())
            }
        }
    }
}

/// SM2's signature of a message by whom the identity names.
pub(super) fn sm2_sign(secret: &[u8], identity: &str, message: &[u8]) -> Option<Vec<u8>> {
    let key = sm2::dsa::SigningKey::from_slice(identity, secret).ok()?;
    key.try_sign(message).ok().map(|signature| signature.to_bytes().to_vec())
}

pub(super) fn sm2_verify(point: &[u8], identity: &str, message: &[u8], signature: &[u8]) -> bool {
    let key = sm2::dsa::VerifyingKey::from_sec1_bytes(identity, point).ok();
    let signature = sm2::dsa::Signature::from_slice(signature).ok();
    key.zip(signature).is_some_and(|(key, signature)| key.verify(message, &signature).is_ok())
}

fn public<C>(secret: &[u8]) -> Option<Vec<u8>>
where
    C: CurveArithmetic,
    AffinePoint<C>: ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    let secret = SecretKey::<C>::from_slice(secret).ok()?;
    Some(secret.public_key().as_affine().to_sec1_point(false).as_bytes().to_vec())
}

fn point<C>(bytes: &[u8]) -> Option<Vec<u8>>
where
    C: CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    let point = PublicKey::<C>::from_sec1_bytes(bytes).ok()?;
    Some(point.as_affine().to_sec1_point(false).as_bytes().to_vec())
}

fn agree<C>(secret: &[u8], point: &[u8]) -> Option<Vec<u8>>
where
    C: CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    let secret = SecretKey::<C>::from_slice(secret).ok()?;
    let point = PublicKey::<C>::from_sec1_bytes(point).ok()?;
    let shared = ProjectivePoint::<C>::from(*point.as_affine()) * *secret.to_nonzero_scalar();
    Some(shared.to_affine().x().to_vec())
}

fn sign<C>(secret: &[u8], hash: &[u8]) -> Option<Vec<u8>>
where
    C: EcdsaCurve + CurveArithmetic + DigestAlgorithm,
    <C as DigestAlgorithm>::Digest: sha2::digest::block_api::BlockSizeUser,
{
    let secret: NonZeroScalar<C> = SecretKey::<C>::from_slice(secret).ok()?.to_nonzero_scalar();
    let (signature, _) = hazmat::sign_prehashed_rfc6979::<C, C::Digest>(&secret, hash, &[]);
    Some(signature.to_bytes().to_vec())
}

fn verify<C>(point: &[u8], hash: &[u8], signature: &[u8]) -> bool
where
    C: EcdsaCurve + CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    let Ok(point) = PublicKey::<C>::from_sec1_bytes(point) else {
        return false;
    };
    // secp256k1's crate takes the smaller of the two values of s only; OpenSSL takes both.
    ecdsa::Signature::<C>::from_slice(signature).is_ok_and(|signature| {
        let signature = if C::NORMALIZE_S { signature.normalize_s() } else { signature };
        hazmat::verify_prehashed::<C>(&(*point.as_affine()).into(), hash, &signature).is_ok()
    })
}

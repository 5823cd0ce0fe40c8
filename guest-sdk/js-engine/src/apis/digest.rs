//! Hashes whose function is known at run time: one table of functions for all of them, HMAC (RFC 2104) over it, and the form that
//! RSA's paddings take.
//!
//! The functions themselves are RustCrypto's. Code that is generic over the function would be there once for each of them.

use std::marker::PhantomData;

use cipher::array::ArraySize;
use sha2::digest::{
    ExtendableOutput, FixedOutput, FixedOutputReset, HashMarker, Output, OutputSizeUser, Reset, Update,
    XofReader,
};

use super::algorithm::Algorithm;

/// A hash in progress.
pub(crate) trait Running {
    fn update(&mut self, bytes: &[u8]);
    fn finish(self: Box<Self>) -> Vec<u8>;
    fn copy(&self) -> Box<dyn Running>;
}

/// A function whose hash has one length.
#[derive(Clone, Default)]
pub(super) struct Fixed<D>(D);

impl<D: FixedOutput + Update + Clone + 'static> Running for Fixed<D> {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.0.finalize_fixed().to_vec()
    }

    fn copy(&self) -> Box<dyn Running> {
        Box::new(self.clone())
    }
}

/// A function whose hash has the length that is asked for.
#[derive(Clone)]
pub(super) struct Xof<D> {
    hash: D,
    length: usize,
}

impl<D: Default> Xof<D> {
    pub(super) fn new(length: usize) -> Self {
        Self { hash: D::default(), length }
    }
}

impl<D: ExtendableOutput + Update + Clone + 'static> Running for Xof<D> {
    fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        let mut out = vec![0; self.length];
        self.hash.finalize_xof().read(&mut out);
        out
    }

    fn copy(&self) -> Box<dyn Running> {
        Box::new(self.clone())
    }
}

/// Both, one after the other: what TLS 1.0 signs.
#[derive(Clone, Default)]
pub(super) struct Md5Sha1(md5::Md5, sha1::Sha1);

impl Running for Md5Sha1 {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
        self.1.update(bytes);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        [&self.0.finalize_fixed()[..], &self.1.finalize_fixed()].concat()
    }

    fn copy(&self) -> Box<dyn Running> {
        Box::new(self.clone())
    }
}

/// An HMAC in progress: the inner and the outer hash, each after its padded key.
pub(super) struct Hmac {
    inner: Box<dyn Running>,
    outer: Box<dyn Running>,
}

impl Hmac {
    /// The key may have any length, the hash has one.
    pub(super) fn new(algorithm: Algorithm, key: &[u8]) -> Self {
        let mut block = match key.len() > algorithm.block() {
            true => algorithm.of(key),
            false => key.to_vec(),
        };
        block.resize(algorithm.block(), 0);
        let padded = |pad: u8| {
            let mut running = algorithm.start(algorithm.size());
            running.update(&block.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>());
            running
        };
        Self { inner: padded(0x36), outer: padded(0x5c) }
    }

    /// The HMAC of some bytes under this key; this one stays as it is.
    pub(super) fn of(&self, parts: &[&[u8]]) -> Vec<u8> {
        let mut running = self.copy();
        parts.iter().for_each(|part| running.update(part));
        running.finish()
    }
}

impl Running for Hmac {
    fn update(&mut self, bytes: &[u8]) {
        self.inner.update(bytes);
    }

    fn finish(mut self: Box<Self>) -> Vec<u8> {
        self.outer.update(&self.inner.finish());
        self.outer.finish()
    }

    fn copy(&self) -> Box<dyn Running> {
        Box::new(Self { inner: self.inner.copy(), outer: self.outer.copy() })
    }
}

/// A hash of `N` bytes as the crates' paddings take it.
pub(super) struct Sized<N> {
    algorithm: Algorithm,
    running: Box<dyn Running>,
    size: PhantomData<N>,
}

impl<N> Sized<N> {
    /// Of an algorithm with hashes of `N` bytes.
    pub(super) fn new(algorithm: Algorithm) -> Self {
        Self { algorithm, running: algorithm.start(algorithm.size()), size: PhantomData }
    }
}

impl<N: ArraySize> Default for Sized<N> {
    /// The best known of this size.
    fn default() -> Self {
        Self::new(match N::USIZE {
            16 => Algorithm::Md5,
            20 => Algorithm::Sha1,
            28 => Algorithm::Sha224,
            32 => Algorithm::Sha256,
            48 => Algorithm::Sha384,
            _ => Algorithm::Sha512,
        })
    }
}

impl<N> HashMarker for Sized<N> {}

impl<N: ArraySize> OutputSizeUser for Sized<N> {
    type OutputSize = N;
}

impl<N> Update for Sized<N> {
    fn update(&mut self, bytes: &[u8]) {
        self.running.update(bytes);
    }
}

impl<N> Reset for Sized<N> {
    fn reset(&mut self) {
        *self = Self::new(self.algorithm);
    }
}

impl<N: ArraySize> FixedOutput for Sized<N> {
    fn finalize_into(self, out: &mut Output<Self>) {
        out.copy_from_slice(&self.running.finish());
    }
}

impl<N: ArraySize> FixedOutputReset for Sized<N> {
    fn finalize_into_reset(&mut self, out: &mut Output<Self>) {
        std::mem::replace(self, Self::new(self.algorithm)).finalize_into(out);
    }
}

/// Evaluates an expression with `$digest` as the algorithm in the form that paddings take; `None` for one of another size.
macro_rules! with_sized {
    ($algorithm:expr, $digest:ident => $work:expr) => {{
        use cipher::consts::{U16, U20, U28, U32, U48, U64};
        let algorithm: $crate::apis::algorithm::Algorithm = $algorithm;
        macro_rules! of {
            ($N:ty) => {{
                let $digest = || $crate::apis::digest::Sized::<$N>::new(algorithm);
                Some($work)
            }};
        }
        match algorithm.size() {
            16 => of!(U16),
            20 => of!(U20),
            28 => of!(U28),
            32 => of!(U32),
            48 => of!(U48),
            64 => of!(U64),
            _ => None,
        }
    }};
}
pub(super) use with_sized;

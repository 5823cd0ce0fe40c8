//! Ciphers as bytes in, bytes out: AES, SM4 and triple DES on whole blocks (ECB, CBC) or as a key stream (CTR, GCM), ChaCha20-Poly1305,
//! and the tags of the last two (NIST SP 800-38A and 38D, RFC 8439).
//!
//! `cipher.rs` gives them Node's streaming form. The primitives are RustCrypto's constant-time ones, but SM4 and DES, which look into
//! tables; here is only their wiring.

use aes::{Aes128, Aes192, Aes256};
use chacha20::ChaCha20;
use cipher::{
    Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockSizeUser, InnerIvInit, KeyInit, KeyIvInit,
    StreamCipher, StreamCipherSeek, array::ArraySize, consts::U16,
};
use ctr::{Ctr32BE, Ctr128BE, CtrCore, flavors};
use des::TdesEde3;
use ghash::{GHash, universal_hash::UniversalHash};
use poly1305::Poly1305;
use sm4::Sm4;

/// Bytes of a block of the MACs, and of all ciphers but DES.
const BLOCK: usize = 16;

/// How blocks are chained.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    Ecb,
    Cbc,
    Ctr,
    Gcm,
    /// ChaCha20-Poly1305 is no block cipher.
    Poly1305,
}

/// What a mode works with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Primitive {
    Aes128,
    Aes192,
    Aes256,
    Sm4,
    Des2,
    Des3,
    ChaCha20,
}

/// Which cipher a name means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Kind {
    primitive: Primitive,
    pub mode: Mode,
}

use Primitive::{ChaCha20 as Cha, Des2, Des3, Sm4 as S4};

/// What `getCiphers` tells, and what each is; ciphers by another name follow below.
const NAMES: [(&str, Primitive, Mode); 20] = [
    ("aes-128-cbc", Primitive::Aes128, Mode::Cbc),
    ("aes-128-ctr", Primitive::Aes128, Mode::Ctr),
    ("aes-128-ecb", Primitive::Aes128, Mode::Ecb),
    ("aes-128-gcm", Primitive::Aes128, Mode::Gcm),
    ("aes-192-cbc", Primitive::Aes192, Mode::Cbc),
    ("aes-192-ctr", Primitive::Aes192, Mode::Ctr),
    ("aes-192-ecb", Primitive::Aes192, Mode::Ecb),
    ("aes-192-gcm", Primitive::Aes192, Mode::Gcm),
    ("aes-256-cbc", Primitive::Aes256, Mode::Cbc),
    ("aes-256-ctr", Primitive::Aes256, Mode::Ctr),
    ("aes-256-ecb", Primitive::Aes256, Mode::Ecb),
    ("aes-256-gcm", Primitive::Aes256, Mode::Gcm),
    ("chacha20-poly1305", Cha, Mode::Poly1305),
    ("des-ede-cbc", Des2, Mode::Cbc),
    ("des-ede-ecb", Des2, Mode::Ecb),
    ("des-ede3-cbc", Des3, Mode::Cbc),
    ("des-ede3-ecb", Des3, Mode::Ecb),
    ("sm4-cbc", S4, Mode::Cbc),
    ("sm4-ctr", S4, Mode::Ctr),
    ("sm4-ecb", S4, Mode::Ecb),
];

const ALIASES: [(&str, &str); 10] = [
    ("aes128", "aes-128-cbc"),
    ("aes192", "aes-192-cbc"),
    ("aes256", "aes-256-cbc"),
    ("des-ede", "des-ede-ecb"),
    ("des-ede3", "des-ede3-ecb"),
    ("des3", "des-ede3-cbc"),
    ("id-aes128-gcm", "aes-128-gcm"),
    ("id-aes192-gcm", "aes-192-gcm"),
    ("id-aes256-gcm", "aes-256-gcm"),
    ("sm4", "sm4-cbc"),
];

impl Kind {
    /// By Node's name or one of OpenSSL's others, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name.as_str(), |(_, name)| name);
        let (_, primitive, mode) = *NAMES.iter().find(|(own, ..)| *own == name)?;
        Some(Self { primitive, mode })
    }

    /// What `getCiphers` tells.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, ..)| *name)
    }

    /// The name of `getCiphers`.
    pub fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(_, primitive, mode)| (*primitive, *mode) == (self.primitive, self.mode))
            .map_or("", |row| row.0)
    }

    /// Bytes of the key.
    pub fn key(self) -> usize {
        match self.primitive {
            Primitive::Aes128 | Primitive::Sm4 | Primitive::Des2 => 16,
            Primitive::Aes192 | Primitive::Des3 => 24,
            Primitive::Aes256 | Primitive::ChaCha20 => 32,
        }
    }

    /// Bytes of a block; of a key stream, 1.
    pub fn block(self) -> usize {
        match (self.mode, self.primitive) {
            (Mode::Ctr | Mode::Gcm | Mode::Poly1305, _) => 1,
            (Mode::Ecb | Mode::Cbc, Primitive::Des2 | Primitive::Des3) => 8,
            (
                Mode::Ecb | Mode::Cbc,
                Primitive::Aes128
                | Primitive::Aes192
                | Primitive::Aes256
                | Primitive::Sm4
                | Primitive::ChaCha20,
            ) => BLOCK,
        }
    }

    /// Bytes of the usual initialization vector.
    pub fn iv(self) -> usize {
        match self.mode {
            Mode::Ecb => 0,
            Mode::Cbc => self.block(),
            Mode::Ctr => BLOCK,
            Mode::Gcm | Mode::Poly1305 => 12,
        }
    }

    /// Whether an initialization vector of so many bytes fits.
    pub fn takes_iv(self, length: usize) -> bool {
        match self.mode {
            Mode::Ecb | Mode::Cbc | Mode::Ctr | Mode::Poly1305 => length == self.iv(),
            Mode::Gcm => length > 0,
        }
    }
}

/// Works on whole blocks in place, or, for a key stream, on any number of bytes.
pub(super) type Work = Box<dyn FnMut(&mut [u8])>;

/// The work of a kind, and its tag if it has one; `key` and `iv` have lengths that the kind takes.
pub(super) fn start(kind: Kind, key: &[u8], iv: &[u8], encrypt: bool) -> (Work, Option<Tag>) {
    macro_rules! of {
        ($C:ty, $with:ident) => {
            $with(<$C>::new_from_slice(key).expect("the length was checked"), kind.mode, iv, encrypt)
        };
    }
    match kind.primitive {
        Primitive::Aes128 => of!(Aes128, with_cipher),
        Primitive::Aes192 => of!(Aes192, with_cipher),
        Primitive::Aes256 => of!(Aes256, with_cipher),
        Primitive::Sm4 => of!(Sm4, with_cipher),
        Primitive::Des2 => {
            // Two keys are three, of which the last is the first again.
            let key = [key, &key[..8]].concat();
            (with_blocks(TdesEde3::new_from_slice(&key).expect("24 bytes"), kind.mode, iv, encrypt), None)
        }
        Primitive::Des3 => (of!(TdesEde3, with_blocks), None),
        Primitive::ChaCha20 => chacha(key, iv),
    }
}

fn with_cipher<C>(cipher: C, mode: Mode, iv: &[u8], encrypt: bool) -> (Work, Option<Tag>)
where
    C: BlockCipherEncrypt + BlockCipherDecrypt + BlockSizeUser<BlockSize = U16> + 'static,
{
    match mode {
        Mode::Ctr => {
            let core = CtrCore::<C, flavors::Ctr128BE>::inner_iv_init(cipher, &fixed(iv));
            let mut stream = Ctr128BE::from_core(core);
            (Box::new(move |bytes| stream.apply_keystream(bytes)), None)
        }
        Mode::Gcm => gcm(cipher, iv),
        Mode::Ecb | Mode::Cbc | Mode::Poly1305 => (with_blocks(cipher, mode, iv, encrypt), None),
    }
}

fn fixed<N: ArraySize>(iv: &[u8]) -> Array<u8, N> {
    Array::try_from(iv).expect("the length was checked")
}

fn with_blocks<C>(cipher: C, mode: Mode, iv: &[u8], encrypt: bool) -> Work
where
    C: BlockCipherEncrypt + BlockCipherDecrypt + 'static,
{
    fn block<N: ArraySize>(bytes: &mut [u8]) -> &mut Array<u8, N> {
        Array::slice_as_mut_array(bytes).expect("a chunk is a block")
    }
    let one: Work = match encrypt {
        true => Box::new(move |bytes| cipher.encrypt_block(block(bytes))),
        false => Box::new(move |bytes| cipher.decrypt_block(block(bytes))),
    };
    chained(one, C::block_size(), (mode == Mode::Cbc).then_some(iv), encrypt)
}

/// ECB, or with an initialization vector CBC, over one block's work: the chaining is here once for all ciphers.
fn chained(mut one: Work, size: usize, iv: Option<&[u8]>, encrypt: bool) -> Work {
    let mut last = [0; BLOCK];
    last[..size].copy_from_slice(iv.unwrap_or(&[0; BLOCK][..size]));
    let is_cbc = iv.is_some();
    let xor =
        |block: &mut [u8], last: &[u8]| block.iter_mut().zip(last).for_each(|(byte, last)| *byte ^= last);
    Box::new(move |bytes| {
        for block in bytes.chunks_exact_mut(size) {
            match (is_cbc, encrypt) {
                (false, _) => one(block),
                (true, true) => {
                    xor(block, &last);
                    one(block);
                    last[..size].copy_from_slice(block);
                }
                (true, false) => {
                    let mut next = [0; BLOCK];
                    next[..size].copy_from_slice(block);
                    one(block);
                    xor(block, &last);
                    last = next;
                }
            }
        }
    })
}

/// RFC 8439, 2.8.
fn chacha(key: &[u8], iv: &[u8]) -> (Work, Option<Tag>) {
    let mut stream = ChaCha20::new_from_slices(key, iv).expect("the lengths were checked");
    let mut once = [0; 32];
    stream.apply_keystream(&mut once);
    stream.seek(64_u32);
    let mac = Mac::Poly(Box::new(Poly1305::new_from_slice(&once).expect("32 bytes")));
    (Box::new(move |bytes| stream.apply_keystream(bytes)), Some(Tag::new(mac)))
}

fn gcm<C>(cipher: C, iv: &[u8]) -> (Work, Option<Tag>)
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + 'static,
{
    let mut key = Array::default();
    cipher.encrypt_block(&mut key);
    let ghash = GHash::new(&key);
    let mut counter = Array::<u8, U16>::default();
    if iv.len() == 12 {
        counter[..12].copy_from_slice(iv);
        counter[15] = 1;
    } else {
        let mut hash = ghash.clone();
        hash.update_padded(iv);
        hash.update(&[lengths(0, iv.len())]);
        counter = hash.finalize();
    }
    let mut mask = counter;
    cipher.encrypt_block(&mut mask);
    let next = u32::from_be_bytes(counter[12..].try_into().expect("four bytes")).wrapping_add(1);
    counter[12..].copy_from_slice(&next.to_be_bytes());
    let mut stream = Ctr32BE::from_core(CtrCore::<C, flavors::Ctr32BE>::inner_iv_init(cipher, &counter));
    let tag = Tag::new(Mac::Ghash(ghash, mask.into()));
    (Box::new(move |bytes| stream.apply_keystream(bytes)), Some(tag))
}

fn lengths(aad: usize, text: usize) -> Array<u8, U16> {
    let mut block = [0; BLOCK];
    block[..8].copy_from_slice(&(aad as u64 * 8).to_be_bytes());
    block[8..].copy_from_slice(&(text as u64 * 8).to_be_bytes());
    block.into()
}

/// What a tag is computed with.
enum Mac {
    /// And what hides the result.
    Ghash(GHash, [u8; BLOCK]),
    Poly(Box<Poly1305>),
}

/// A tag while it is computed.
pub(super) struct Tag {
    mac: Mac,
    /// Less than a block.
    rest: Vec<u8>,
    aad: usize,
    text: usize,
}

impl Tag {
    fn new(mac: Mac) -> Self {
        Self { mac, rest: Vec::new(), aad: 0, text: 0 }
    }

    /// Additional data; before any text.
    pub fn aad(&mut self, bytes: &[u8]) {
        self.aad += bytes.len();
        self.absorb(bytes);
    }

    /// Encrypted text.
    pub fn text(&mut self, bytes: &[u8]) {
        if self.text == 0 {
            self.pad();
        }
        self.text += bytes.len();
        self.absorb(bytes);
    }

    /// The tag.
    pub fn finish(mut self) -> [u8; BLOCK] {
        self.pad();
        match self.mac {
            Mac::Ghash(mut ghash, mask) => {
                ghash.update(&[lengths(self.aad, self.text)]);
                let mut tag: [u8; BLOCK] = ghash.finalize().into();
                tag.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
                tag
            }
            Mac::Poly(mut poly) => {
                let mut last = [0; BLOCK];
                last[..8].copy_from_slice(&(self.aad as u64).to_le_bytes());
                last[8..].copy_from_slice(&(self.text as u64).to_le_bytes());
                poly.update(&[last.into()]);
                poly.finalize().into()
            }
        }
    }

    fn absorb(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let whole = self.rest.len() / BLOCK * BLOCK;
        let blocks: Vec<u8> = self.rest.drain(..whole).collect();
        self.padded(&blocks);
    }

    fn pad(&mut self) {
        let rest = std::mem::take(&mut self.rest);
        self.padded(&rest);
    }

    fn padded(&mut self, bytes: &[u8]) {
        match &mut self.mac {
            Mac::Ghash(ghash, _) => ghash.update_padded(bytes),
            Mac::Poly(poly) => poly.update_padded(bytes),
        }
    }
}

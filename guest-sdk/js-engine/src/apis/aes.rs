//! AES as bytes in, bytes out: whole blocks (ECB, CBC) or a key stream (CTR, GCM), and GCM's tag (NIST SP 800-38A and 38D).
//!
//! `cipher.rs` gives it Node's streaming form. The primitives are RustCrypto's constant-time ones; here is only their wiring.

use aes::{Aes128, Aes192, Aes256};
use cipher::{
    Array, Block, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, BlockSizeUser,
    InnerIvInit, KeyInit, StreamCipher, consts::U16,
};
use ctr::{Ctr32BE, Ctr128BE, CtrCore, flavors};
use ghash::{GHash, universal_hash::UniversalHash};

/// Bytes of an AES block.
pub(super) const BLOCK: usize = 16;

/// How blocks are chained.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    Ecb,
    Cbc,
    Ctr,
    Gcm,
}

/// Which cipher a name means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Kind {
    /// Bytes of the key.
    pub key: usize,
    pub mode: Mode,
}

impl Kind {
    /// `aes-256-gcm`, or OpenSSL's `id-aes256-GCM`, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let name = name.strip_prefix("id-").unwrap_or(&name);
        let rest = name.strip_prefix("aes-").or_else(|| name.strip_prefix("aes"))?;
        let (bits, mode) = match rest.split_once('-') {
            Some(parts) => parts,
            // `aes256` is CBC.
            None => (rest, "cbc"),
        };
        let key = match bits {
            "128" => 16,
            "192" => 24,
            "256" => 32,
            _ => return None,
        };
        let mode = match mode {
            "ecb" => Mode::Ecb,
            "cbc" => Mode::Cbc,
            "ctr" => Mode::Ctr,
            "gcm" => Mode::Gcm,
            _ => return None,
        };
        Some(Self { key, mode })
    }

    /// Whether an initialization vector of so many bytes fits.
    pub fn takes_iv(self, length: usize) -> bool {
        match self.mode {
            Mode::Ecb => length == 0,
            Mode::Cbc | Mode::Ctr => length == BLOCK,
            Mode::Gcm => length > 0,
        }
    }
}

/// Works on whole blocks in place, or, for a key stream, on any number of bytes.
pub(super) type Work = Box<dyn FnMut(&mut [u8])>;

/// The work of a kind, and for GCM its tag; `key` and `iv` have lengths that the kind takes.
pub(super) fn start(kind: Kind, key: &[u8], iv: &[u8], encrypt: bool) -> (Work, Option<Tag>) {
    match kind.key {
        16 => with_cipher(Aes128::new_from_slice(key).expect("16 bytes"), kind.mode, iv, encrypt),
        24 => with_cipher(Aes192::new_from_slice(key).expect("24 bytes"), kind.mode, iv, encrypt),
        _ => with_cipher(Aes256::new_from_slice(key).expect("32 bytes"), kind.mode, iv, encrypt),
    }
}

fn with_cipher<C>(cipher: C, mode: Mode, iv: &[u8], encrypt: bool) -> (Work, Option<Tag>)
where
    C: BlockCipherEncrypt + BlockCipherDecrypt + BlockSizeUser<BlockSize = U16> + 'static,
{
    let fixed = |iv: &[u8]| Array::try_from(iv).expect("the length was checked");
    let work: Work = match mode {
        Mode::Ecb if encrypt => blocks(move |block| cipher.encrypt_block(block)),
        Mode::Ecb => blocks(move |block| cipher.decrypt_block(block)),
        Mode::Cbc if encrypt => {
            let mut cbc = cbc::Encryptor::inner_iv_init(cipher, &fixed(iv));
            blocks(move |block| cbc.encrypt_block(block))
        }
        Mode::Cbc => {
            let mut cbc = cbc::Decryptor::inner_iv_init(cipher, &fixed(iv));
            blocks(move |block| cbc.decrypt_block(block))
        }
        Mode::Ctr => {
            let core = CtrCore::<C, flavors::Ctr128BE>::inner_iv_init(cipher, &fixed(iv));
            let mut stream = Ctr128BE::from_core(core);
            Box::new(move |bytes| stream.apply_keystream(bytes))
        }
        Mode::Gcm => return gcm(cipher, iv),
    };
    (work, None)
}

fn blocks(mut one: impl FnMut(&mut Block<Aes128>) + 'static) -> Work {
    Box::new(move |bytes| {
        for chunk in bytes.chunks_exact_mut(BLOCK) {
            one(Array::slice_as_mut_array(chunk).expect("a chunk is a block"));
        }
    })
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
    let tag = Tag { ghash, mask: mask.into(), rest: Vec::new(), aad: 0, text: 0 };
    (Box::new(move |bytes| stream.apply_keystream(bytes)), Some(tag))
}

fn lengths(aad: usize, text: usize) -> Array<u8, U16> {
    let mut block = [0; BLOCK];
    block[..8].copy_from_slice(&(aad as u64 * 8).to_be_bytes());
    block[8..].copy_from_slice(&(text as u64 * 8).to_be_bytes());
    block.into()
}

/// GCM's tag while it is computed.
pub(super) struct Tag {
    ghash: GHash,
    mask: [u8; BLOCK],
    /// Less than a block.
    rest: Vec<u8>,
    aad: usize,
    text: usize,
}

impl Tag {
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
        self.ghash.update(&[lengths(self.aad, self.text)]);
        let mut tag: [u8; BLOCK] = self.ghash.finalize().into();
        tag.iter_mut().zip(self.mask).for_each(|(byte, mask)| *byte ^= mask);
        tag
    }

    fn absorb(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let whole = self.rest.len() / BLOCK * BLOCK;
        self.ghash.update_padded(&self.rest[..whole]);
        self.rest.drain(..whole);
    }

    fn pad(&mut self) {
        self.ghash.update_padded(&self.rest);
        self.rest.clear();
    }
}

//! AES-256-CBC as these vendors use it, and the frame of 企业微信 and 钉钉 in it.
//!
//! Source: developer.work.weixin.qq.com/document/path/96211 and the vendors' sample code, whose keys and messages are
//! the tests. CBC proves nothing about the sender, so callers check the signature before they open anything.

use aes::{
    Aes256,
    cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit},
};
use base64::{
    Engine,
    alphabet::STANDARD as ALPHABET,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use zeroize::Zeroizing;

/// The size of an AES block, bytes.
const BLOCK: usize = 16;
/// The padding fills blocks of this size although AES blocks are smaller, so its bytes go up to 32.
const PAD_BLOCK: usize = 32;
/// The random bytes and the length before the message.
const HEAD: usize = 16 + 4;

/// An EncodingAESKey ends in bits that belong to no byte. The vendors' own samples have these bits set.
const KEY_BASE64: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// A key of AES-256. `Debug` shows nothing of it, and it is wiped when it is dropped.
#[derive(Clone)]
pub(super) struct AesKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for AesKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AesKey(redacted)")
    }
}

impl AesKey {
    /// Takes the bytes of the key.
    pub(super) fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Decodes an EncodingAESKey of 43 characters.
    pub(super) fn decode(text: &[u8]) -> Option<Self> {
        let bytes = Zeroizing::new(KEY_BASE64.decode(text).ok()?);
        bytes.as_slice().try_into().ok().map(Self::new)
    }

    /// The vendors' initialisation vector is the beginning of the key.
    fn iv(&self) -> [u8; BLOCK] {
        let mut iv = [0; BLOCK];
        iv.copy_from_slice(&self.0[..BLOCK]);
        iv
    }

    /// Decrypts whole blocks, padding included.
    fn decrypt(&self, iv: [u8; BLOCK], mut data: Vec<u8>) -> Result<Vec<u8>, &'static str> {
        let (blocks, rest) = Array::slice_as_chunks_mut(&mut data);
        if blocks.is_empty() || !rest.is_empty() {
            return Err("is not a whole number of blocks");
        }
        cbc::Decryptor::<Aes256>::new(&(*self.0).into(), &iv.into()).decrypt_blocks(blocks);
        Ok(data)
    }

    fn encrypt(&self, iv: [u8; BLOCK], mut data: Vec<u8>, pad_block: usize) -> Vec<u8> {
        let pad = pad_block - data.len() % pad_block;
        data.resize(data.len() + pad, pad as u8);
        let (blocks, _) = Array::slice_as_chunks_mut(&mut data);
        cbc::Encryptor::<Aes256>::new(&(*self.0).into(), &iv.into()).encrypt_blocks(blocks);
        data
    }
}

/// PKCS #7 (RFC 5652 section 6.3) over blocks of `block` bytes.
fn unpad(data: &[u8], block: usize) -> Result<&[u8], &'static str> {
    const WRONG: &str = "has a wrong padding, as by another key";
    let pad = data.last().copied().map_or(0, usize::from);
    if pad == 0 || pad > block || pad > data.len() {
        return Err(WRONG);
    }
    let (content, padding) = data.split_at(data.len() - pad);
    if padding.iter().all(|byte| usize::from(*byte) == pad) { Ok(content) } else { Err(WRONG) }
}

/// The message of a frame `random(16) ‖ length(4, big endian) ‖ message ‖ receive id`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) message: Vec<u8>,
    pub(super) receive_id: Vec<u8>,
}

impl Frame {
    /// Opens the text of `encrypt` or `echostr`.
    pub(super) fn open(key: &AesKey, encrypted: &str) -> Result<Self, &'static str> {
        let data = STANDARD.decode(encrypted).map_err(|_| "is not base64 with padding")?;
        let plain = Zeroizing::new(key.decrypt(key.iv(), data)?);
        Self::parse(unpad(&plain, PAD_BLOCK)?)
    }

    fn parse(frame: &[u8]) -> Result<Self, &'static str> {
        let (head, rest) = frame.split_at_checked(HEAD).ok_or("is shorter than its head")?;
        let length = u32::from_be_bytes([head[16], head[17], head[18], head[19]]);
        let (message, receive_id) = usize::try_from(length)
            .ok()
            .and_then(|length| rest.split_at_checked(length))
            .ok_or("claims a length beyond its end")?;
        Ok(Self { message: message.to_vec(), receive_id: receive_id.to_vec() })
    }

    /// Seals a message as the vendor would.
    pub(super) fn seal(key: &AesKey, random: [u8; 16], message: &[u8], receive_id: &[u8]) -> String {
        // A message is a body, and bodies are far below 4 GiB.
        let length = (message.len() as u32).to_be_bytes();
        let frame = [random.as_slice(), &length, message, receive_id].concat();
        STANDARD.encode(key.encrypt(key.iv(), frame, PAD_BLOCK))
    }
}

/// Opens Feishu's `encrypt`: base64 of the initialisation vector and the blocks.
pub(super) fn open_with_iv(key: &AesKey, encrypted: &str) -> Result<Vec<u8>, &'static str> {
    let mut data = STANDARD.decode(encrypted).map_err(|_| "is not base64 with padding")?;
    let (iv, _) = data.split_first_chunk::<BLOCK>().ok_or("is shorter than its initialisation vector")?;
    let iv = *iv;
    let mut plain = key.decrypt(iv, data.split_off(BLOCK))?;
    let length = unpad(&plain, BLOCK)?.len();
    plain.truncate(length);
    Ok(plain)
}

/// Seals a message as Feishu would.
pub(super) fn seal_with_iv(key: &AesKey, iv: [u8; BLOCK], message: &[u8]) -> String {
    let blocks = key.encrypt(iv, message.to_vec(), BLOCK);
    STANDARD.encode([iv.as_slice(), &blocks].concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;

    /// The keys of Tencent's and DingTalk's sample code. Both have spare bits set.
    const WECOM: &[u8] = b"jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";
    const DINGTALK: &[u8] = b"4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij";

    fn key() -> AesKey {
        AesKey::decode(WECOM).unwrap()
    }

    /// A frame whose padding bytes are written by hand.
    fn sealed_raw(content: &[u8]) -> String {
        let (key, mut data) = (key(), content.to_vec());
        let (blocks, rest) = Array::slice_as_chunks_mut(&mut data);
        assert!(rest.is_empty());
        cbc::Encryptor::<Aes256>::new(&(*key.0).into(), &key.iv().into()).encrypt_blocks(blocks);
        STANDARD.encode(data)
    }

    #[test]
    fn keys_with_spare_bits_are_read_and_others_refused() {
        assert!(AesKey::decode(WECOM).is_some() && AesKey::decode(DINGTALK).is_some());
        for text in [&WECOM[..42], b"", b"jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C=", &[b'!'; 43]] {
            assert!(AesKey::decode(text).is_none(), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn the_vendors_samples_open_and_are_written_byte_for_byte() {
        let echo = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==";
        let frame = Frame::open(&key(), echo).unwrap();
        assert_eq!(frame.message, b"1616140317555161061");
        assert_eq!(frame.receive_id, b"wx5823bf96d3bd56c7");

        let key = AesKey::decode(DINGTALK).unwrap();
        let sealed = Frame::seal(&key, *b"0123456789abcdef", b"success", b"suite4xxxxxxxxxxxxxxx");
        assert_eq!(
            sealed,
            "HcA0QDKRG/U9FnFvX30Rg2r+260hUAAe65UvzXNmXEmZdezYtWHqRvzeNPWlfrIRDnP88uGJtoYGmz01nTG+/A=="
        );
        assert_eq!(Frame::open(&key, &sealed).unwrap().message, b"success");
        assert!(Frame::open(&super::tests::key(), &sealed).is_err(), "another key");
    }

    #[test]
    fn the_sample_of_feishu_opens() {
        let key = AesKey::new(Sha256::digest("test key").into());
        let opened = open_with_iv(&key, "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=").unwrap();
        assert_eq!(opened, b"hello world");
        assert_eq!(open_with_iv(&key, &seal_with_iv(&key, [7; 16], b"")).unwrap(), b"");
    }

    #[test]
    fn wrong_paddings_and_lengths_are_errors() {
        let frame = |length: u32, pad: &[u8]| {
            let head = [&[b'r'; 16][..], &length.to_be_bytes(), b"message!wx"].concat();
            let filler = vec![b'.'; 64 - head.len() - pad.len()];
            sealed_raw(&[&head, &filler[..], pad].concat())
        };
        let cases = [
            ("whole", frame(8, &[2, 2]), true),
            ("a padding of 32", frame(8, &[32; 32]), true),
            ("a padding of 0", frame(8, &[0]), false),
            ("a padding of 33", frame(8, &[33; 33]), false),
            ("other bytes in the padding", frame(8, &[2, 3]), false),
            ("a length beyond the end", frame(64, &[1]), false),
            ("the largest length", frame(u32::MAX, &[1]), false),
            ("shorter than its head", sealed_raw(&[16; 16]), false),
            ("no whole block", STANDARD.encode([1; 20]), false),
            ("no base64", "P9nA*".to_owned(), false),
            ("nothing", String::new(), false),
        ];
        for (case, encrypted, opens) in cases {
            assert_eq!(Frame::open(&key(), &encrypted).is_ok(), opens, "{case}");
        }
        for encrypted in ["", "AAAA", &STANDARD.encode([0; 16]), &STANDARD.encode([0; 40])] {
            assert!(open_with_iv(&key(), encrypted).is_err(), "{encrypted}");
        }
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(message: Vec<u8>, id in "[a-z0-9]{0,40}", random: [u8; 16]) {
            let frame = Frame::open(&key(), &Frame::seal(&key(), random, &message, id.as_bytes())).unwrap();
            prop_assert_eq!(frame, Frame { message: message.clone(), receive_id: id.into_bytes() });
            prop_assert_eq!(open_with_iv(&key(), &seal_with_iv(&key(), random, &message)).unwrap(), message);
        }

        #[test]
        fn arbitrary_bytes_never_panic(blocks: Vec<[u8; 16]>, bytes: Vec<u8>, text: String) {
            let _ = Frame::open(&key(), &STANDARD.encode(blocks.concat()));
            let _ = open_with_iv(&key(), &STANDARD.encode(blocks.concat()));
            let _ = Frame::open(&key(), &STANDARD.encode(&bytes));
            let _ = (Frame::open(&key(), &text), open_with_iv(&key(), &text), Frame::parse(&bytes));
        }
    }
}

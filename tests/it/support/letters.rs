//! The encryption of 企业微信, 钉钉 and 飞书 as their senders do it, written here once more so that the server's own code is
//! not its judge.

use aes::{
    Aes256,
    cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit},
};
use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What both sides know.
#[derive(Clone, Copy)]
pub struct Letters {
    pub token: &'static str,
    pub aes_key: &'static str,
    pub receive_id: &'static str,
}

impl Letters {
    fn key(&self) -> [u8; 32] {
        let config = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
        let bytes =
            GeneralPurpose::new(&alphabet::STANDARD, config).decode(format!("{}=", self.aes_key)).unwrap();
        bytes.try_into().unwrap()
    }

    /// What stands in `encrypt`.
    pub fn seal(&self, message: &str) -> String {
        let mut frame = b"0123456789abcdef".to_vec();
        frame.extend((message.len() as u32).to_be_bytes());
        frame.extend(message.as_bytes());
        frame.extend(self.receive_id.as_bytes());
        let key = self.key();
        STANDARD.encode(encrypt(&key, &key[..16], &frame, 32))
    }

    /// The message of what stood in `encrypt`.
    pub fn open(&self, encrypted: &str) -> String {
        let key = self.key();
        let plain = decrypt(&key, &key[..16], &STANDARD.decode(encrypted).unwrap());
        let length = u32::from_be_bytes(plain[16..20].try_into().unwrap()) as usize;
        assert_eq!(&plain[20 + length..], self.receive_id.as_bytes());
        String::from_utf8(plain[20..20 + length].to_vec()).unwrap()
    }

    /// Lower-case hex of SHA-1 over the sorted parts.
    pub fn sign(&self, timestamp: &str, nonce: &str, content: &str) -> String {
        let mut parts = [self.token, timestamp, nonce, content];
        parts.sort_unstable();
        hex::encode(Sha1::digest(parts.concat()))
    }
}

/// Feishu's `encrypt`.
pub fn feishu_seal(encrypt_key: &str, message: &str) -> String {
    let key: [u8; 32] = Sha256::digest(encrypt_key).into();
    let iv = [7; 16];
    STANDARD.encode([iv.to_vec(), encrypt(&key, &iv, message.as_bytes(), 16)].concat())
}

/// Feishu's `X-Lark-Signature`.
pub fn feishu_signature(timestamp: &str, nonce: &str, encrypt_key: &str, body: &str) -> String {
    hex::encode(Sha256::digest([timestamp, nonce, encrypt_key, body].concat()))
}

/// CBC written out, block after block.
fn encrypt(key: &[u8; 32], iv: &[u8], plain: &[u8], pad_block: usize) -> Vec<u8> {
    let cipher = Aes256::new(key.into());
    let pad = pad_block - plain.len() % pad_block;
    let padded = [plain, &vec![pad as u8; pad]].concat();
    let mut last: [u8; 16] = iv.try_into().unwrap();
    let mut out = Vec::new();
    for block in padded.chunks(16) {
        let mixed: Vec<u8> = block.iter().zip(last).map(|(a, b)| a ^ b).collect();
        let mut mixed: [u8; 16] = mixed.try_into().unwrap();
        cipher.encrypt_block((&mut mixed).into());
        out.extend(mixed);
        last = mixed;
    }
    out
}

fn decrypt(key: &[u8; 32], iv: &[u8], sealed: &[u8]) -> Vec<u8> {
    let cipher = Aes256::new(key.into());
    let mut last = iv.to_vec();
    let mut out = Vec::new();
    for block in sealed.chunks(16) {
        let mut plain: [u8; 16] = block.try_into().unwrap();
        cipher.decrypt_block((&mut plain).into());
        out.extend(plain.iter().zip(&last).map(|(a, b)| a ^ b));
        last = block.to_vec();
    }
    let pad = usize::from(*out.last().unwrap());
    assert!((1..=32).contains(&pad) && out.ends_with(&vec![pad as u8; pad]), "a padding of {pad}");
    out.truncate(out.len() - pad);
    out
}

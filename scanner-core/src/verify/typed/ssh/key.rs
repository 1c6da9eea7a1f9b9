//! A private key as it stands in a file, and what SSH makes of it: <https://datatracker.ietf.org/doc/html/rfc4253#section-6.6>,
//! <https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key>.

use super::super::bytes::{Fields, put_counted};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaKeyPair,
};
use zeroize::Zeroizing;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A key that signs.
pub enum Key {
    /// `ssh-ed25519`
    Edwards(Ed25519KeyPair),
    /// `ssh-rsa`
    Rsa(Box<RsaKeyPair>),
    /// `ecdsa-sha2-…` and the curve's name.
    Curve(Box<EcdsaKeyPair>, &'static str),
}

/// The bytes of a PEM block, however it is written into a program: lines in quotes, `\n` in words.
pub fn der(pem: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = std::str::from_utf8(pem).ok()?;
    let body = text.split_once("KEY-----").map_or(text, |(_, body)| body);
    let body = body.split("-----").next()?;
    // An escape of any depth ends a line.
    let mut plain = Zeroizing::new(String::with_capacity(body.len()));
    let mut after_slash = false;
    for c in body.chars() {
        match (after_slash, c) {
            (_, '\\') => after_slash = true,
            (true, 'n' | 'r') => {
                plain.push(' ');
                after_slash = false;
            }
            (_, c) => {
                plain.push(c);
                after_slash = false;
            }
        }
    }
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let lines = plain.split(|c| !is_base64(c)).filter(|line| line.chars().any(|c| c.is_ascii_alphanumeric()));
    let joined = Zeroizing::new(lines.collect::<String>());
    BASE64.decode(joined.trim_end_matches('=')).ok().map(Zeroizing::new)
}

impl Key {
    /// Reads a key without a passphrase: OpenSSH's own form, PKCS#8, PKCS#1 and SEC 1.
    pub fn read(pem: &[u8]) -> Option<Key> {
        let bytes = der(pem)?;
        if let Some(rest) = bytes.strip_prefix(b"openssh-key-v1\0") {
            return openssh(rest);
        }
        let rsa = RsaKeyPair::from_pkcs8(&bytes).or_else(|_| RsaKeyPair::from_der(&bytes));
        if let Ok(key) = rsa {
            return Some(Key::Rsa(Box::new(key)));
        }
        if let Ok(key) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes) {
            return Some(Key::Edwards(key));
        }
        let random = SystemRandom::new();
        for (name, kind) in CURVES {
            if let Ok(key) = EcdsaKeyPair::from_pkcs8(kind, &bytes, &random) {
                return Some(Key::Curve(Box::new(key), name));
            }
        }
        sec1(&bytes)
    }

    /// A key that nobody has.
    pub fn random() -> Option<Key> {
        let file = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).ok()?;
        Ed25519KeyPair::from_pkcs8(file.as_ref()).ok().map(Key::Edwards)
    }

    /// Its public half, as SSH writes it.
    pub fn public(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Key::Edwards(key) => {
                put_counted(&mut out, b"ssh-ed25519");
                put_counted(&mut out, key.public_key().as_ref());
            }
            Key::Rsa(key) => {
                let public: PublicKeyComponents<Vec<u8>> = key.public().into();
                put_counted(&mut out, b"ssh-rsa");
                put_number(&mut out, &public.e);
                put_number(&mut out, &public.n);
            }
            Key::Curve(key, curve) => {
                put_counted(&mut out, format!("ecdsa-sha2-{curve}").as_bytes());
                put_counted(&mut out, curve.as_bytes());
                put_counted(&mut out, key.public_key().as_ref());
            }
        }
        out
    }

    /// Signs as an agent does; `flags` say which hash an RSA key takes.
    pub fn sign(&self, data: &[u8], flags: usize) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        let (name, signature) = match self {
            Key::Edwards(key) => ("ssh-ed25519".to_owned(), key.sign(data).as_ref().to_vec()),
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                // SHA-1 is asked for by servers of long ago alone.
                let (name, padding): (_, &'static dyn ring::signature::RsaEncoding) = match flags {
                    flags if flags & 4 != 0 => ("rsa-sha2-512", &RSA_PKCS1_SHA512),
                    flags if flags & 2 != 0 => ("rsa-sha2-256", &RSA_PKCS1_SHA256),
                    _ => return None,
                };
                key.sign(padding, &random, data, &mut signature).ok()?;
                (name.to_owned(), signature)
            }
            Key::Curve(key, curve) => {
                let pair = key.sign(&random, data).ok()?;
                let (r, s) = pair.as_ref().split_at(pair.as_ref().len() / 2);
                let mut numbers = Vec::new();
                put_number(&mut numbers, r);
                put_number(&mut numbers, s);
                (format!("ecdsa-sha2-{curve}"), numbers)
            }
        };
        let mut out = Vec::new();
        put_counted(&mut out, name.as_bytes());
        put_counted(&mut out, &signature);
        Some(out)
    }
}

const CURVES: [(&str, &ring::signature::EcdsaSigningAlgorithm); 2] =
    [("nistp256", &ECDSA_P256_SHA256_FIXED_SIGNING), ("nistp384", &ECDSA_P384_SHA384_FIXED_SIGNING)];

/// A number as SSH writes it: no zeros before it but one that keeps it positive.
fn put_number(out: &mut Vec<u8>, number: &[u8]) {
    let number = trimmed(number);
    let zero: &[u8] = if number.first().is_some_and(|first| *first > 0x7f) { &[0] } else { &[] };
    put_counted(out, &[zero, number].concat());
}

fn trimmed(number: &[u8]) -> &[u8] {
    &number[number.iter().take_while(|byte| **byte == 0).count()..]
}

fn openssh(bytes: &[u8]) -> Option<Key> {
    let mut fields = Fields(bytes);
    if fields.counted()? != b"none" {
        return None;
    }
    fields.counted()?;
    fields.counted()?;
    fields.take(4)?;
    fields.counted()?;
    let mut fields = Fields(fields.counted()?);
    fields.take(8)?;
    match fields.counted()? {
        b"ssh-ed25519" => {
            let public = fields.counted()?;
            let seed = fields.counted()?.get(..32)?;
            Ed25519KeyPair::from_seed_and_public_key(seed, public).ok().map(Key::Edwards)
        }
        b"ssh-rsa" => {
            let mut numbers = [&[][..]; 6];
            for number in &mut numbers {
                *number = trimmed(fields.counted()?);
            }
            rsa(numbers)
        }
        name if name.starts_with(b"ecdsa-sha2-") => {
            let curve = fields.counted()?;
            let (point, secret) = (fields.counted()?, fields.counted()?);
            of_curve(CURVES.iter().position(|(name, _)| name.as_bytes() == curve)?, secret, point)
        }
        _ => None,
    }
}

fn of_curve(which: usize, secret: &[u8], point: &[u8]) -> Option<Key> {
    let (name, kind) = CURVES[which];
    let width = [32, 48][which];
    let secret = trimmed(secret);
    let padded = Zeroizing::new([&vec![0; width - secret.len().min(width)][..], secret].concat());
    let key = EcdsaKeyPair::from_private_key_and_public_key(kind, &padded, point, &SystemRandom::new()).ok()?;
    Some(Key::Curve(Box::new(key), name))
}

/// `EC PRIVATE KEY`: <https://datatracker.ietf.org/doc/html/rfc5915>.
fn sec1(bytes: &[u8]) -> Option<Key> {
    let (tag, body) = Fields(bytes).element()?;
    let mut fields = Fields(body);
    let (_, version) = fields.element().filter(|_| tag == 0x30)?;
    let (_, secret) = fields.element().filter(|_| version == [1])?;
    let which = [32, 48].iter().position(|width| *width == secret.len())?;
    while let Some((tag, content)) = fields.element() {
        if tag == 0xa1 {
            let (_, bits) = Fields(content).element()?;
            return of_curve(which, secret, bits.get(1..)?);
        }
    }
    None
}

/// From `n`, `e`, `d`, `1/q`, `p`, `q`.
fn rsa([n, e, d, inverse, p, q]: [&[u8]; 6]) -> Option<Key> {
    let (of_p, of_q) = (remainder(d, p)?, remainder(d, q)?);
    let public_key = PublicKeyComponents { n, e };
    let parts = KeyPairComponents { public_key, d, p, q, dP: trimmed(&of_p), dQ: trimmed(&of_q), qInv: inverse };
    RsaKeyPair::from_components(&parts).ok().map(|key| Key::Rsa(Box::new(key)))
}

/// `number` modulo `prime - 1`, bit by bit.
fn remainder(number: &[u8], prime: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let last = prime.last().filter(|last| *last & 1 == 1 && prime.len() <= 1_024 && number.len() <= 2_048)?;
    let mut modulus = Zeroizing::new([&[0][..], prime].concat());
    *modulus.last_mut()? = last - 1;
    let mut rest = Zeroizing::new(vec![0u8; modulus.len()]);
    for bit in number.iter().flat_map(|byte| (0..8).rev().map(move |shift| byte >> shift & 1)) {
        let mut carry = bit;
        for byte in rest.iter_mut().rev() {
            let next = *byte >> 7;
            *byte = *byte << 1 | carry;
            carry = next;
        }
        if *rest >= *modulus {
            let mut borrow = 0i16;
            for (byte, less) in rest.iter_mut().zip(modulus.iter()).rev() {
                let left = i16::from(*byte) - i16::from(*less) - borrow;
                borrow = i16::from(left < 0);
                *byte = left.rem_euclid(256) as u8;
            }
        }
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remainder_is_what_division_leaves() {
        let number = 0x1234_5678_9abc_def0_u64;
        for prime in [3u64, 251, 65_537, 4_294_967_291] {
            let rest = remainder(&number.to_be_bytes(), trimmed(&prime.to_be_bytes())).unwrap();
            let rest = rest.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
            assert_eq!(rest, number % (prime - 1));
        }
    }

    #[test]
    fn what_is_no_key_is_none() {
        for text in ["", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\\nAAAA", "b3BlbnNzaC1rZXktdjEA"] {
            assert!(Key::read(text.as_bytes()).is_none(), "{text}");
        }
        let key = Key::random().unwrap();
        assert!(key.sign(b"x", 0).is_some() && key.public().starts_with(b"\0\0\0\x0bssh-ed25519"));
    }
}

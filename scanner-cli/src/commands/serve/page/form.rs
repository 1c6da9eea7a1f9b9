//! One field of a form, as browsers send it (<https://url.spec.whatwg.org/#application/x-www-form-urlencoded>).

use zeroize::Zeroizing;

/// The value of a field; it is wiped when it is dropped.
pub fn field(body: &[u8], name: &str) -> Option<Zeroizing<Vec<u8>>> {
    let pairs = body.split(|byte| *byte == b'&');
    pairs.filter_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")).map(decoded).next()
}

fn decoded(text: &[u8]) -> Zeroizing<Vec<u8>> {
    // Never longer than what is read: it does not move while it grows.
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let (byte, tail) = match (first, tail) {
            (b'+', _) => (b' ', tail),
            (b'%', [high, low, tail @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, tail),
                _ => (b'%', &rest[1..]),
            },
            _ => (*first, tail),
        };
        out.push(byte);
        rest = tail;
    }
    out
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_field_is_decoded_and_what_makes_no_sense_stays() {
        let table: [(&[u8], Option<&[u8]>); 6] = [
            (b"f=a+b%2Bc%3d", Some(b"a b+c=")),
            (b"x=1&f=%", Some(b"%")),
            (b"f=%4", Some(b"%4")),
            (b"f=%zz1", Some(b"%zz1")),
            (b"f=", Some(b"")),
            (b"ff=1", None),
        ];
        for (body, expected) in table {
            assert_eq!(field(body, "f").as_ref().map(|value| value.as_slice()), expected, "{body:?}");
        }
    }
}

//! Percent-encoding of bytes in a path (RFC 3986).

/// The byte that the escape at `raw[at]` stands for.
pub(super) fn escaped(raw: &[u8], at: usize) -> Option<u8> {
    let digit = |i: usize| raw.get(i).and_then(|&b| char::from(b).to_digit(16));
    let value = digit(at + 1)? * 16 + digit(at + 2)?;
    u8::try_from(value).ok()
}

/// Appends a byte: as it is if `stands` allows that, otherwise as its escape.
pub(super) fn push(out: &mut String, byte: u8, stands: impl Fn(u8) -> bool) {
    match stands(byte) {
        true => out.push(char::from(byte)),
        false => push_escaped(out, byte),
    }
}

pub(super) fn push_escaped(out: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}

/// RFC 3986, section 2.3.
pub(super) fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986, section 3.3, without escapes.
pub(super) fn is_pchar(b: u8) -> bool {
    is_unreserved(b)
        || matches!(b, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@')
}

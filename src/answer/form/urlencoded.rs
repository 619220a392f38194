//! `application/x-www-form-urlencoded` (URL Standard, section 5.1), decoded in place: what is decoded is never
//! longer than what was written.

use super::{Field, Kind, MOST_FIELDS};

/// The fields of a body, which holds their decoded names and values afterwards. None: too many.
pub(super) fn fields(body: &mut [u8]) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    let (mut read, mut written) = (0, 0);
    while read < body.len() {
        let end = body[read..].iter().position(|byte| *byte == b'&').map_or(body.len(), |at| read + at);
        if read < end {
            if fields.len() == MOST_FIELDS {
                return None;
            }
            let equals = body[read..end].iter().position(|byte| *byte == b'=').map_or(end, |at| read + at);
            let name = written..decode(body, read, equals, written);
            let value = name.end..decode(body, (equals + 1).min(end), end, name.end);
            written = value.end;
            fields.push(Field { name, value, kind: Kind::Text });
        }
        read = end + 1;
    }
    Some(fields)
}

/// Decodes from `read` to `end`, and writes from `to` on. Returns where it ends.
fn decode(body: &mut [u8], mut read: usize, end: usize, mut to: usize) -> usize {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while read < end {
        let escaped = match body[read..end] {
            [b'%', high, low, ..] => digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        body[to] = match (escaped, body[read]) {
            (Some(byte), _) => byte,
            (None, b'+') => b' ',
            (None, byte) => byte,
        };
        read += if escaped.is_some() { 3 } else { 1 };
        to += 1;
    }
    to
}

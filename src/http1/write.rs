//! Pieces of heads and bodies, appended to a buffer.
//!
//! What must stay true: nothing is written that would end a line early. Values come from heads that were read
//! ([`super::head`]) or are literals.

/// A number in decimal digits.
pub fn number(out: &mut Vec<u8>, number: u64) {
    digits(out, number, 10);
}

/// The line before a chunk of `size` bytes (RFC 9112, section 7.1), at most 18 bytes.
pub fn chunk_line(out: &mut Vec<u8>, size: u64) {
    digits(out, size, 16);
    out.extend_from_slice(b"\r\n");
}

fn digits(out: &mut Vec<u8>, mut number: u64, base: u64) {
    let mut text = [0_u8; 20];
    let mut at = text.len();
    loop {
        at -= 1;
        text[at] = b"0123456789abcdef"[usize::try_from(number % base).unwrap_or(0)];
        number /= base;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[at..]);
}

/// A header field.
pub fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// `Content-Length`.
pub fn length(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"content-length: ");
    number(out, length);
    out.extend_from_slice(b"\r\n");
}

/// The first line of an answer.
pub fn status_line(out: &mut Vec<u8>, status: u16, reason: &str) {
    out.extend_from_slice(b"HTTP/1.1 ");
    number(out, u64::from(status));
    out.push(b' ');
    out.extend_from_slice(reason.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// The first line of a request.
pub fn request_line(out: &mut Vec<u8>, method: &str, target: &[&str]) {
    out.extend_from_slice(method.as_bytes());
    out.push(b' ');
    target.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let of = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            String::from_utf8_lossy(&out).into_owned()
        };
        for n in [0, 7, 10, 65_535, u64::MAX] {
            assert_eq!(of(&|out| number(out, n)), n.to_string());
            assert_eq!(of(&|out| chunk_line(out, n)), format!("{n:x}\r\n"));
        }
        assert_eq!(of(&|out| status_line(out, 299, "")), "HTTP/1.1 299 \r\n");
        assert_eq!(of(&|out| request_line(out, "GET", &["/", "?x"])), "GET /?x HTTP/1.1\r\n");
    }
}

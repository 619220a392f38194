//! HTTP/1.1 read slowly and obviously, from a stream that is there as a whole; shares no code with the gate.

use super::machine::{End, Request};

/// How much is forgiven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// What a server may take: empty lines first, line feeds alone in heads, chunk extensions and trailers.
    Lenient,
    /// What the gate may send: trailers only if they cannot be taken for framing or routing.
    Strict,
}

/// All requests of a stream, and how it ended.
pub fn requests(mut stream: &[u8], manner: Manner) -> (Vec<Request>, End) {
    let mut found = Vec::new();
    loop {
        if stream.is_empty() {
            return (found, End::Open);
        }
        match request(stream, manner) {
            Err(Stop::More) => return (found, End::Open),
            Err(Stop::Bad) => return (found, End::Refused),
            Ok((request, rest, keeps)) => {
                found.push(request);
                stream = rest;
                if !keeps {
                    return (found, End::Closed);
                }
            }
        }
    }
}

enum Stop {
    More,
    Bad,
}

fn check(holds: bool) -> Result<(), Stop> {
    if holds { Ok(()) } else { Err(Stop::Bad) }
}

/// The first line and what follows it.
fn line(stream: &[u8], manner: Manner) -> Result<(&[u8], &[u8]), Stop> {
    let end = stream.iter().position(|&b| b == b'\n').ok_or(Stop::More)?;
    let (line, rest) = (&stream[..end], &stream[end + 1..]);
    match line.strip_suffix(b"\r") {
        Some(line) => Ok((line, rest)),
        None if manner == Manner::Lenient => Ok((line, rest)),
        None => Err(Stop::Bad),
    }
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b))
}

fn is_host(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let Some((address, port)) = rest.split_once(']') else { return false };
            if address.is_empty() || address.chars().any(|c| !c.is_ascii_hexdigit() && c != ':' && c != '.') {
                return false;
            }
            ("x", port)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let named = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b));
    let ported = port.is_empty() || (port.starts_with(':') && port[1..].bytes().all(|b| b.is_ascii_digit()));
    named && ported && (!name.is_empty() || port.is_empty())
}

fn request(mut stream: &[u8], manner: Manner) -> Result<(Request, &[u8], bool), Stop> {
    if manner == Manner::Lenient {
        while let Some(rest) = stream.strip_prefix(b"\r\n").or_else(|| stream.strip_prefix(b"\n")) {
            stream = rest;
        }
        if stream.is_empty() || stream == b"\r" {
            return Err(Stop::More);
        }
    }
    let start = stream;
    let (first, mut rest) = line(stream, manner)?;
    let text = std::str::from_utf8(first).or(Err(Stop::Bad))?;
    let parts: Vec<_> = text.split(' ').collect();
    let [method, target, version] = parts[..] else { return Err(Stop::Bad) };
    check(is_token(method.as_bytes()))?;
    check(!target.is_empty() && !target.bytes().any(|b| b <= b' ' || b == 0x7f))?;
    let modern = match version {
        "HTTP/1.1" => true,
        "HTTP/1.0" => false,
        _ => return Err(Stop::Bad),
    };
    let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
    loop {
        let (field, after) = line(rest, manner)?;
        rest = after;
        if field.is_empty() {
            break;
        }
        let colon = field.iter().position(|&b| b == b':').ok_or(Stop::Bad)?;
        let (name, value) = (&field[..colon], &field[colon + 1..]);
        check(is_token(name) && !value.iter().any(|&b| (b < b' ' && b != b'\t') || b == 0x7f))?;
        let value: Vec<u8> = value.trim_ascii().to_vec();
        fields.push((String::from_utf8_lossy(name).to_ascii_lowercase(), value));
    }
    let head = start.len() - rest.len();
    check(fields.len() <= 100 && target.len() <= 8 * 1024 && head <= 32 * 1024)?;
    let all = |name: &str| fields.iter().filter(|(n, _)| n == name).map(|(_, v)| v.clone()).collect::<Vec<_>>();

    let hosts = all("host");
    check(hosts.len() == 1 || (hosts.is_empty() && !modern))?;
    check(hosts.iter().all(|host| std::str::from_utf8(host).is_ok_and(is_host)))?;
    match target.split_once("://") {
        _ if target.starts_with('/') => {}
        Some((scheme, rest)) if manner == Manner::Lenient => {
            check(["http", "https"].contains(&&*scheme.to_ascii_lowercase()))?;
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            check(!authority.is_empty() && is_host(authority) && !rest[authority.len()..].starts_with('#'))?;
        }
        _ => return Err(Stop::Bad),
    }
    let connection = all("connection").join(&b","[..]).to_ascii_lowercase();
    let options: Vec<_> = connection.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|o| !o.is_empty()).collect();
    let named = options.iter().filter(|o| ![&b"close"[..], b"keep-alive", b"upgrade"].contains(*o)).count();
    check(named <= 16)?;
    let keeps = !options.contains(&&b"close"[..]) && (modern || options.contains(&&b"keep-alive"[..]));

    let (lengths, codings) = (all("content-length"), all("transfer-encoding"));
    check(lengths.len() + codings.len() <= 1)?;
    check(codings.iter().all(|coding| coding.eq_ignore_ascii_case(b"chunked")) && (codings.is_empty() || modern))?;
    let (body, rest) = match (lengths.first(), codings.first()) {
        (Some(length), _) => {
            check(!length.is_empty() && length.iter().all(u8::is_ascii_digit))?;
            let length: u64 = String::from_utf8_lossy(length).parse().or(Err(Stop::Bad))?;
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if rest.len() < length {
                return Err(Stop::More);
            }
            (rest[..length].to_vec(), &rest[length..])
        }
        (None, Some(_)) => chunks(rest, manner)?,
        (None, None) => (Vec::new(), rest),
    };
    let request = Request { method: method.to_owned(), target: target.to_owned(), body, forwarded: Vec::new() };
    Ok((request, rest, keeps))
}

/// The first line of chunked coding; its end is CRLF in any manner, and nothing else is a control character.
fn chunk_line(stream: &[u8]) -> Result<(&[u8], &[u8]), Stop> {
    let control = |b: u8| (b < b' ' && b != b'\t') || b == 0x7f;
    match stream.iter().position(|&b| control(b)) {
        Some(at) if stream[at..].starts_with(b"\r\n") => Ok((&stream[..at], &stream[at + 2..])),
        Some(at) if &stream[at..] == b"\r" => Err(Stop::More),
        Some(_) => Err(Stop::Bad),
        None => Err(Stop::More),
    }
}

fn chunks(mut stream: &[u8], manner: Manner) -> Result<(Vec<u8>, &[u8]), Stop> {
    let mut body = Vec::new();
    loop {
        // The first byte decides whether there is a size at all.
        check(stream.first().is_none_or(u8::is_ascii_hexdigit))?;
        let digits = stream.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let significant = stream[..digits].iter().skip_while(|&&b| b == b'0').count();
        let high = significant == 16 && stream[digits - 16] >= b'8';
        check(significant <= 16 && !high && digits <= 32)?;
        let (line, rest) = chunk_line(stream)?;
        let extension = line[digits..].trim_ascii_start();
        check(extension.is_empty() || (extension[0] == b';' && manner == Manner::Lenient))?;
        check(manner == Manner::Lenient || (line.len() == digits && (line[0] != b'0' || digits == 1)))?;
        let size = u64::from_str_radix(&String::from_utf8_lossy(&line[..digits]), 16).or(Err(Stop::Bad))?;
        stream = rest;
        if size == 0 {
            break;
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if stream.len() < size {
            return Err(Stop::More);
        }
        body.extend_from_slice(&stream[..size]);
        stream = &stream[size..];
        match stream {
            [b'\r', b'\n', rest @ ..] => stream = rest,
            [] | [b'\r'] => return Err(Stop::More),
            _ => return Err(Stop::Bad),
        }
    }
    loop {
        let (line, rest) = chunk_line(stream)?;
        stream = rest;
        if line.is_empty() {
            return Ok((body, stream));
        }
        let colon = line.iter().position(|&b| b == b':').ok_or(Stop::Bad)?;
        check(is_token(&line[..colon]))?;
        let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase().replace('_', "-");
        let framing = ["content-length", "transfer-encoding", "host", "connection", "x-forwarded-for"];
        check(manner == Manner::Lenient || !framing.contains(&&*name))?;
    }
}

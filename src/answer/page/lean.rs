//! Styles and scripts without comments and spare spaces, and hashes as text.

/// The source without the lines that are comments, and without indents.
fn lean(source: &str) -> String {
    let mut comment = false;
    let mut kept = String::with_capacity(source.len());
    for line in source.lines().map(str::trim) {
        comment |= line.starts_with("/*");
        if !comment && !line.is_empty() && !line.starts_with("//") {
            kept.push_str(line);
            kept.push('\n');
        }
        comment &= !line.ends_with("*/");
    }
    kept
}

/// A style sheet without comments, and without spaces that say nothing.
pub(super) fn tight(source: &str) -> String {
    let spaces = [(" {", "{"), ("{ ", "{"), (" }", "}"), ("; ", ";"), (": ", ":"), (", ", ","), ("\n", "")];
    spaces.iter().fold(lean(source), |text, (with, without)| text.replace(with, without))
}

/// Spaces that say nothing.
const SPACES: [(&str, &str); 18] = [
    (" = ", "="),
    (" => ", "=>"),
    (" === ", "==="),
    (" !== ", "!=="),
    (" && ", "&&"),
    (" || ", "||"),
    (" ? ", "?"),
    (" : ", ":"),
    (" + ", "+"),
    (" < ", "<"),
    (" > ", ">"),
    (", ", ","),
    ("; ", ";"),
    (": ", ":"),
    ("{ ", "{"),
    (" }", "}"),
    (") {", "){"),
    (";\n", ";"),
];

/// A script of ours without comments, and without spaces that say nothing. (None of its texts has such spaces.)
pub(crate) fn lean_script(source: &str) -> String {
    SPACES.iter().fold(lean(source), |text, (with, without)| text.replace(with, without))
}

/// RFC 4648, section 4.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = [0, 1, 2].map(|at| chunk.get(at).copied().unwrap_or(0));
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            text.push(if at <= chunk.len() { char::from(ALPHABET[(bits >> shift) as usize & 63]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_in_rfc_4648() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn comments_stay_at_home() {
        assert_eq!(lean("/* a\n b */\n  x { }\n// y\n\n z"), "x { }\nz\n");
        assert_eq!(
            tight("/* a */\na b, c:d { e: calc(1px - 2px) f; }\n@media (g: h) {\n  i { }\n}"),
            "a b,c:d{e:calc(1px - 2px) f;}@media (g:h){i{}}"
        );
    }
}

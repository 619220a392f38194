//! Forms as browsers write them, and as nobody should.
#![allow(clippy::unwrap_used)]

use super::*;

fn read(encoding: &Encoding, body: &[u8]) -> Option<Form> {
    Form::read(encoding, Zeroizing::new(body.to_vec()), &NotKept::default())
}

fn written(form: &Form) -> String {
    let mut out = Vec::new();
    form.write(&mut out, crate::text::english());
    assert!(out.len() <= form.most(), "{} of {}", out.len(), form.most());
    String::from_utf8(out).unwrap()
}

fn seen(form: &Form) -> Vec<(String, String, Kind)> {
    let text = |range: &Range<usize>| String::from_utf8_lossy(&form.bytes[range.clone()]).into_owned();
    form.fields.iter().map(|field| (text(&field.name), text(&field.value), field.kind.clone())).collect()
}

fn parts(boundary: &str, parts: &[(&str, &str)]) -> Vec<u8> {
    let mut body = String::new();
    for (head, value) in parts {
        body += &format!("--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n");
    }
    (body + &format!("--{boundary}--\r\n")).into_bytes()
}

#[test]
fn only_forms_are_forms() {
    for (text, encoding) in [
        ("application/x-www-form-urlencoded", Some(Encoding::Urlencoded)),
        ("Application/X-WWW-Form-Urlencoded; charset=utf-8", Some(Encoding::Urlencoded)),
        ("multipart/form-data; boundary=----WebKit7", Some(Encoding::Multipart(b"----WebKit7".to_vec()))),
        ("multipart/form-data; charset=utf-8; boundary=\"a b\"", Some(Encoding::Multipart(b"a b".to_vec()))),
        ("multipart/form-data", None),
        ("multipart/mixed; boundary=x", None),
        ("text/plain", None),
        ("application/json", None),
    ] {
        assert_eq!(Encoding::of(text.as_bytes()), encoding, "{text}");
    }
}

#[test]
fn names_and_values_come_back_in_their_order() {
    let form = read(&Encoding::Urlencoded, b"to=bob%40example.com&text=Dear+Bob%2C%0D%0Ait+%C3%BC&to=&=x&a=b=c&lone");
    assert!(form.is_none(), "a field without a name could not be sent again");
    let form =
        read(&Encoding::Urlencoded, b"to=bob%40example.com&text=Dear+Bob%2C%0D%0Ait+%C3%BC&&to=&a=b=c&lone&%zz=%4")
            .unwrap();
    let of = |name: &str, value: &str| (name.to_owned(), value.to_owned(), Kind::Text);
    let expected = [
        of("to", "bob@example.com"),
        of("text", "Dear Bob,\r\nit ü"),
        of("to", ""),
        of("a", "b=c"),
        of("lone", ""),
        of("%zz", "%4"),
    ];
    assert_eq!(seen(&form), expected);
    let page = written(&form);
    assert!(
        page.contains(
            "<textarea dir=\"auto\" readonly id=\"f1\" rows=\"2\" name=\"text\">\nDear Bob,\r\nit ü</textarea>"
        ),
        "{page}"
    );
    assert!(page.contains("<input type=\"hidden\" name=\"to\" value=\"\">"));
}

#[test]
fn nothing_of_it_is_markup() {
    let evil = "%3C%2Ftextarea%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%27%26";
    let page = written(&read(&Encoding::Urlencoded, format!("{evil}={evil}").as_bytes()).unwrap());
    assert!(!page.contains("<script") && page.matches("</textarea>").count() == 1, "{page}");
    assert!(page.contains("name=\"&#60;/textarea&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#38;\""));
    let body = parts("x", &[("name=\"<b>\"; filename=\"\"\"><script>\"", "x")]);
    let page = written(&read(&Encoding::Multipart(b"x".to_vec()), &body).unwrap());
    assert!(!page.contains("<script") && !page.contains("<b>\""), "{page}");
}

#[test]
fn secrets_are_named_and_left_out() {
    let body = b"user=eve&userPassword=hunter2&csrf_token=abc&pass_on=two%0D%0Alines&card=4111";
    let form = read(&Encoding::Urlencoded, body).unwrap();
    let page = written(&form);
    for secret in ["hunter2", "abc", "4111"] {
        assert!(!page.contains(secret), "{secret}");
    }
    assert!(page.contains("Not kept: <b>userPassword</b>, <b>csrf_token</b>, <b>card</b>."), "{page}");
    assert!(page.contains("two\r\nlines"), "a text of several lines is no password");
    let own = NotKept::new(["PIN".to_owned()]);
    let form = Form::read(&Encoding::Urlencoded, Zeroizing::new(b"Pin=1&password=x".to_vec()), &own).unwrap();
    assert_eq!(seen(&form).iter().map(|(_, _, kind)| kind.clone()).collect::<Vec<_>>(), [Kind::Secret, Kind::Text]);
}

#[test]
fn a_multipart_form_keeps_its_texts_and_names_its_files() {
    let body = parts(
        "----b",
        &[
            ("name=\"subject\"", "Hello"),
            ("name=\"text\"", "a\r\n--\r\n----b \r\nb"),
            ("name=\"odd%22name\"", ""),
            ("name=\"file\"; filename=\"report; final.pdf\"\r\nContent-Type: application/pdf", "%PDF\0\r\n"),
            ("name=\"none\"; filename=\"\"\r\nContent-Type: application/octet-stream", ""),
        ],
    );
    let form = read(&Encoding::Multipart(b"----b".to_vec()), &body).unwrap();
    let of = |name: &str, value: &str, kind: &Kind| (name.to_owned(), value.to_owned(), kind.clone());
    let expected = [
        of("subject", "Hello", &Kind::Text),
        of("text", "a\r\n--\r\n----b \r\nb", &Kind::Text),
        of("odd%22name", "", &Kind::Text),
        of("file", "report; final.pdf", &Kind::File),
        of("none", "", &Kind::File),
    ];
    assert_eq!(seen(&form), expected);
    let page = written(&form);
    assert!(page.contains("enctype=\"multipart/form-data\"") && !page.contains("%PDF"));
    assert!(
        page.contains("<input type=\"file\" id=\"f3\" name=\"file\"> The file <b>report; final.pdf</b> cannot be kept")
    );
    assert!(page.contains("<input type=\"file\" hidden name=\"none\">"));
}

#[test]
fn old_pages_send_their_own_bytes_again() {
    let form = read(&Encoding::Urlencoded, b"name=M%FCller+%80&x=1").unwrap();
    let page = written(&form);
    assert!(page.contains("accept-charset=\"windows-1252\"") && page.contains("Müller €"), "{page}");
    // Each byte is a character of its own, so that it is sent as the same byte.
    let all: Vec<u8> = (1..=255u8).flat_map(|byte| format!("%{byte:02x}").into_bytes()).collect();
    let page = written(&read(&Encoding::Urlencoded, &[b"a=", &all[..]].concat()).unwrap());
    let value = page.split_once("name=\"a\">\n").unwrap().1.split_once("</textarea>").unwrap().0;
    assert_eq!(value.replace("&#", "").chars().filter(|c| *c as u32 > 0x7f).count(), 128);
}

#[test]
fn what_is_no_form_or_too_much_gives_nothing_back() {
    let multipart = Encoding::Multipart(b"x".to_vec());
    for body in [
        "",
        "--x",
        "--x\r\n",
        "--x--",
        "--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--",
        "--y\r\n\r\n",
        "--x\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n--x--",
        "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ncut",
    ] {
        assert!(read(&multipart, body.as_bytes()).is_none(), "{body}");
    }
    let many = |n: usize| "a=1&".repeat(n);
    assert!(read(&Encoding::Urlencoded, many(MOST_FIELDS).as_bytes()).is_some());
    assert!(read(&Encoding::Urlencoded, many(MOST_FIELDS + 1).as_bytes()).is_none());
    assert!(read(&Encoding::Urlencoded, b"a=%00").is_none());
    assert!(read(&Encoding::Urlencoded, b"").is_none());
    let long = |n: usize| format!("a=&#{}", "x".repeat(n));
    assert!(read(&Encoding::Urlencoded, long(LARGEST_FORM).as_bytes()).is_none());
}

#[test]
fn no_bytes_cause_a_panic() {
    let mut seed = 7u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap()
    };
    let alphabet: [&[u8]; 14] = [
        b"--x",
        b"\r\n",
        b"\r\n\r\n",
        b"--",
        b"Content-Disposition: form-data; ",
        b"name=\"a\"",
        b"; filename=\"",
        b"\"",
        b"=",
        b"&",
        b"%4",
        b"%00",
        b"\xff",
        b"+",
    ];
    for _ in 0..20_000 {
        let body: Vec<u8> = (0..next() % 24).flat_map(|_| alphabet[next() % alphabet.len()].to_vec()).collect();
        for encoding in [Encoding::Urlencoded, Encoding::Multipart(b"x".to_vec())] {
            if let Some(form) = read(&encoding, &body) {
                written(&form);
            }
        }
    }
}

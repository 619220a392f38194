//! The rest of the cases of `h2spec` (its sections stand in their names): what a plain client may do, compression,
//! and the states of streams. `conformance` has the others; together they are all of its sections `generic`, `http2`
//! and `hpack`.

use super::{
    conformance::{
        Does::{self, Answers, Ends, GoesOn, Resets},
        play,
    },
    *,
};

/// A header block as `HPACK` has it: `:method: GET`, `:scheme: http`, `:authority`, and `:path: /mail` from the tables
/// or as literals; `more` stands behind.
fn compressed(more: &[u8]) -> Vec<u8> {
    [&[0x82, 0x86, 0x41, 1, b'h', 0x04, 5][..], b"/mail", more].concat()
}

fn whole(stream: u32, block: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, block)
}

fn cases() -> Vec<(&'static str, Vec<u8>, Does)> {
    let denied = [(":method", "POST"), (":scheme", "http"), (":authority", "h"), (":path", "/mail")];
    let head = || frame(HEADERS, END_HEADERS, 1, &block(&denied));
    let data = |flags, payload: &[u8]| frame(DATA, flags, 1, payload);
    let priority = |stream, bytes: [u8; 5]| frame(2, 0, stream, &bytes);
    let window = |stream, by: u32| frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes());
    let cancel = |stream| frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes());
    let length = |length: &'static str| {
        let fields = [&denied[..], &[("content-length", length)]].concat();
        frame(HEADERS, END_HEADERS, 1, &block(&fields))
    };
    let setting = |id: u16, value: u32| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
    let get_in_parts =
        [frame(HEADERS, END_STREAM, 1, &block(&GET[..1])), frame(CONTINUATION, 0, 1, &block(&GET[1..2]))].concat();
    vec![
        ("generic/2 PRIORITY on a half-closed stream", [get(1), priority(1, [0, 0, 0, 0, 15])].concat(), Answers(1)),
        ("generic/2 WINDOW_UPDATE on a half-closed stream", [get(1), window(1, 100)].concat(), Answers(1)),
        ("generic/2 RST_STREAM on a half-closed stream", [get(1), cancel(1)].concat(), GoesOn),
        ("generic/2 PRIORITY on a closed stream", [post(1), cancel(1), priority(1, [0; 5])].concat(), GoesOn),
        ("generic/2 WINDOW_UPDATE on a closed stream", [post(1), cancel(1), window(1, 1)].concat(), GoesOn),
        ("generic/2 RST_STREAM on a closed stream", [post(1), cancel(1), cancel(1)].concat(), GoesOn),
        ("generic/3.1 DATA", [head(), data(END_STREAM, b"a=1")].concat(), Answers(1)),
        ("generic/3.1 DATA twice", [head(), data(0, b"a="), data(END_STREAM, b"1")].concat(), Answers(1)),
        ("generic/3.1 DATA with padding", [head(), data(END_STREAM | 8, b"\x02a=1\0\0")].concat(), Answers(1)),
        (
            "generic/3.3 PRIORITY of weight 1 and 256",
            [priority(1, [0; 5]), priority(3, [0, 0, 0, 0, 255])].concat(),
            GoesOn,
        ),
        ("generic/3.3 PRIORITY that is exclusive", priority(1, [0x80, 0, 0, 3, 7]), GoesOn),
        ("generic/3.3 PRIORITY of an older idle stream", [post(5), priority(3, [0; 5])].concat(), GoesOn),
        ("generic/3.8 GOAWAY", frame(GOAWAY, 0, 0, &[0; 8]), Ends(0)),
        (
            "generic/3.10 CONTINUATION twice",
            [get_in_parts.clone(), frame(CONTINUATION, END_HEADERS, 1, &block(&GET[2..]))].concat(),
            Answers(1),
        ),
        ("generic/4 HEAD", whole(1, &block(&[&[(":method", "HEAD")], &denied[1..]].concat())), Answers(1)),
        ("generic/4 trailers", [head(), data(0, b"a=1"), whole(1, &block(&[("x-t", "1")]))].concat(), Answers(1)),
        ("generic/5 from the static table", whole(1, &compressed(b"")), Answers(1)),
        ("generic/5 a literal that is kept", whole(1, &compressed(b"\x40\x01a\x01b")), Answers(1)),
        ("generic/5 a literal that is not", whole(1, &compressed(b"\x00\x01a\x01b")), Answers(1)),
        ("generic/5 a literal that is never", whole(1, &compressed(b"\x10\x01a\x01b\x1f\x2b\x01c")), Answers(1)),
        (
            "generic/5 from the dynamic table",
            [whole(1, &compressed(b"\x40\x01a\x01b")), whole(3, &compressed(b"\xbf"))].concat(),
            Answers(3),
        ),
        (
            "generic/5 Huffman",
            whole(1, &compressed(b"\x40\x01a\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff")),
            Answers(1),
        ),
        ("generic/5 a size of the table", whole(1, &[&[0x20][..], &compressed(b"")].concat()), Answers(1)),
        (
            "generic/5 two sizes of the table",
            whole(1, &[&[0x20, 0x3f, 0xe1, 0x1f][..], &compressed(b"")].concat()),
            Answers(1),
        ),
        ("http2/4.1 the reserved bit", frame(PING, 0, 1 << 31, b"01234567"), GoesOn),
        ("http2/4.2 DATA as long as it may be", [head(), data(END_STREAM, &[b'x'; 16_384])].concat(), Answers(1)),
        (
            "http2/4.2 HEADERS that is too long",
            whole(1, &compressed(&b"\x40\x01a\x01b".repeat(4_000))),
            Ends(FRAME_SIZE_ERROR),
        ),
        (
            "http2/4.3 PRIORITY amid a header block",
            [get_in_parts.clone(), priority(1, [0; 5])].concat(),
            Ends(PROTOCOL_ERROR),
        ),
        ("http2/4.3 HEADERS amid another header block", [get_in_parts.clone(), get(3)].concat(), Ends(PROTOCOL_ERROR)),
        ("http2/5.1 WINDOW_UPDATE on an idle stream", window(1, 1), Ends(PROTOCOL_ERROR)),
        ("http2/5.1 HEADERS behind the end", [get(1), get(1)].concat(), Resets(STREAM_CLOSED)),
        (
            "http2/5.1 CONTINUATION behind the end",
            [get(1), frame(CONTINUATION, END_HEADERS, 1, b"")].concat(),
            Ends(PROTOCOL_ERROR),
        ),
        (
            "http2/5.1 HEADERS on a stream that was taken back",
            [post(1), cancel(1), get(1)].concat(),
            Resets(STREAM_CLOSED),
        ),
        (
            "http2/5.1 CONTINUATION on a stream that was taken back",
            [post(1), cancel(1), frame(CONTINUATION, END_HEADERS, 1, b"")].concat(),
            Ends(PROTOCOL_ERROR),
        ),
        (
            "http2/5.1 DATA on a stream that was taken back",
            [post(1), cancel(1), data(END_STREAM, b"x")].concat(),
            Resets(STREAM_CLOSED),
        ),
        (
            "http2/5.3.1 HEADERS that depends on itself",
            frame(HEADERS, END_HEADERS | END_STREAM | 32, 1, &[&[0, 0, 0, 1, 15][..], &block(&GET)].concat()),
            Resets(PROTOCOL_ERROR),
        ),
        ("http2/5.3.1 PRIORITY that depends on itself", priority(3, [0, 0, 0, 3, 15]), Resets(PROTOCOL_ERROR)),
        (
            "http2/5.5 an unknown frame amid a header block",
            [get_in_parts.clone(), frame(0xee, 0, 0, b"x")].concat(),
            Ends(PROTOCOL_ERROR),
        ),
        (
            "http2/6.2 padding of HEADERS that is too long",
            frame(HEADERS, END_HEADERS | END_STREAM | 8, 1, &[&[200][..], &block(&GET)].concat()),
            Ends(PROTOCOL_ERROR),
        ),
        ("http2/6.3 PRIORITY on no stream", priority(0, [0; 5]), Ends(PROTOCOL_ERROR)),
        ("http2/6.3 PRIORITY of a wrong length", frame(2, 0, 1, &[0; 4]), Resets(FRAME_SIZE_ERROR)),
        (
            "http2/6.10 CONTINUATION on no stream",
            [get_in_parts.clone(), frame(CONTINUATION, END_HEADERS, 0, b"")].concat(),
            Ends(PROTOCOL_ERROR),
        ),
        (
            "http2/6.10 CONTINUATION behind its end",
            [
                get_in_parts.clone(),
                frame(CONTINUATION, END_HEADERS, 1, &block(&GET[2..])),
                frame(CONTINUATION, END_HEADERS, 1, b""),
            ]
            .concat(),
            Ends(PROTOCOL_ERROR),
        ),
        (
            "http2/6.10 CONTINUATION behind DATA",
            [head(), data(0, b"x"), frame(CONTINUATION, END_HEADERS, 1, b"")].concat(),
            Ends(PROTOCOL_ERROR),
        ),
        ("http2/7 GOAWAY with an unknown error", frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 0xff]), Ends(0)),
        (
            "http2/7 RST_STREAM with an unknown error",
            [post(1), frame(RST_STREAM, 0, 1, &[0, 0, 0, 0xff])].concat(),
            GoesOn,
        ),
        (
            "http2/8.1.2.3 two schemes",
            whole(1, &block(&[&denied[..], &[(":scheme", "http")]].concat())),
            Resets(PROTOCOL_ERROR),
        ),
        (
            "http2/8.1.2.6 less than the length in two frames",
            [length("5"), data(0, b"a="), data(END_STREAM, b"1")].concat(),
            Resets(PROTOCOL_ERROR),
        ),
        (
            "http2/6.5.3 the last of several settings counts",
            frame(SETTINGS, 0, 0, &[setting(4, 100), setting(4, 1), setting(4, 65_535)].concat()),
            GoesOn,
        ),
        (
            "hpack/2.3.3 a literal with an unknown index",
            whole(1, &compressed(b"\x7f\x20\x01b")),
            Ends(COMPRESSION_ERROR),
        ),
        ("hpack/4.2 a size of the table at the end", whole(1, &compressed(b"\x20")), Ends(COMPRESSION_ERROR)),
        (
            "hpack/5.2 Huffman with too much padding",
            whole(1, &compressed(b"\x00\x01a\x83\x1c\x64\xff\xff")),
            Ends(COMPRESSION_ERROR),
        ),
        ("hpack/5.2 Huffman padded with zeros", whole(1, &compressed(b"\x00\x01a\x81\x18")), Ends(COMPRESSION_ERROR)),
        (
            "hpack/5.2 Huffman with the end of strings",
            whole(1, &compressed(b"\x00\x01a\x84\xff\xff\xff\xff")),
            Ends(COMPRESSION_ERROR),
        ),
        ("hpack/6.1 the index 0", whole(1, &compressed(b"\x80")), Ends(COMPRESSION_ERROR)),
        (
            "hpack/6.3 a table that is larger than it may be",
            whole(1, &[&[0x3f, 0xe2, 0x1f][..], &compressed(b"")].concat()),
            Ends(COMPRESSION_ERROR),
        ),
    ]
}

#[actix_web::test]
async fn h2spec_finds_what_it_looks_for() {
    within(play(cases())).await;
}

#[actix_web::test]
async fn settings_and_pings_are_acknowledged_once() {
    within(async {
        let stage = Stage::new().await;
        let mut client = stage.http2(b"", &frame(PING, ACK, 0, b"answered")).await;
        client.stream.write_all(&frame(PING, 0, 0, b"question")).await.unwrap();
        let (mut settings, mut ping) = (0, None);
        while ping.is_none() {
            let frame = client.frame().await.unwrap();
            settings += usize::from(frame.kind == SETTINGS && frame.flags == ACK);
            ping = (frame.kind == PING).then_some((frame.flags, frame.payload));
        }
        assert_eq!((settings, ping), (1, Some((ACK, b"question".to_vec()))), "what is an answer gets none");
    })
    .await;
}

#[actix_web::test]
async fn a_window_that_is_changed_counts_for_what_is_under_way() {
    within(async {
        let stage = Stage::new().await;
        let size = |size: u32| frame(SETTINGS, 0, 0, &[&[0, 4][..], &size.to_be_bytes()].concat());
        // http2/6.9.1: a window of 1 lets 1 byte through; http2/6.9.2: what is added later, too.
        let mut client = stage.http2(&[0, 4, 0, 0, 0, 1], &get(1)).await;
        assert_eq!(client.frame_of(&[DATA]).await.unwrap().payload.len(), 1);
        client.stream.write_all(&size(4)).await.unwrap();
        assert_eq!(client.frame_of(&[DATA]).await.unwrap().payload.len(), 3);
        // Below nothing: 4 bytes were sent, 2 are allowed. Only the third that is given back is one to send.
        let window = |by: u32| frame(WINDOW_UPDATE, 0, 1, &by.to_be_bytes());
        let ping = frame(PING, 0, 0, b"01234567");
        client.stream.write_all(&[size(2), window(2), ping].concat()).await.unwrap();
        assert_eq!(client.frame_of(&[DATA, PING]).await.unwrap().kind, PING, "nothing may be sent");
        client.stream.write_all(&window(1)).await.unwrap();
        assert_eq!(client.frame_of(&[DATA]).await.unwrap().payload.len(), 1);
    })
    .await;
}

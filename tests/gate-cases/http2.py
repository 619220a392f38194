"""The meaning of the rows over HTTP/2: each row that is one well-formed request is sent as a stream, and judged by the same
wants and checks. What HTTP/2 has no words for (framing of bodies, order, the end of a connection) stays with HTTP/1.1.

Frames and HPACK are written out here (RFC 9113, RFC 7541), without a dynamic table: the client forbids it."""
import re, select, time
from runner import Answer, TOKEN, TlsTalk, Run, b, chunks, fields

# Rows whose want names what HTTP/1.1 alone has.
OTHERWISE = {
    "Via is added": "the version in it is 2.0",
    "target '/x#frag'": "a :path has no fragment; the library takes it off",
    "target of 200,000 bytes": "so large a list of fields ends the connection (GOAWAY); tests/proxy/http2",
}
OF_ONE_HOP = {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade", b"te", b"trailer", b"expect", b"http2-settings"}
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
PROTOCOL_ERROR = 1

# RFC 7541, appendix A; a name alone has an empty value.
STATIC = [tuple(x.split("=", 1)) if "=" in x else (x, "") for x in """:authority
:method=GET
:method=POST
:path=/
:path=/index.html
:scheme=http
:scheme=https
:status=200
:status=204
:status=206
:status=304
:status=400
:status=404
:status=500
accept-charset
accept-encoding=gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate""".split("\n")]

# RFC 7541, appendix B: the code is canonical, so that the lengths of the codes of 0 to 255 say everything.
LENGTHS = [13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30] + [28] * 8 + [30] + [28] * 9 + \
    [6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6] + [5, 5, 5] + [6] * 7 + [7, 8, 15, 6, 12, 10] + \
    [13] + [6] + [7] * 22 + [8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7] + \
    [15, 11, 14, 13, 28] + \
    [20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
     22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
     26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
     20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26]

def codes():
    """{(length, code): byte}"""
    out, code, before = {}, 0, 0
    for length, byte in sorted((length, byte) for byte, length in enumerate(LENGTHS)):
        code <<= length - before; before = length; out[length, code] = byte; code += 1
    return out

assert len(LENGTHS) == 256
CODES = codes()

def plain(data):
    """What Huffman's code says."""
    out, code, length = bytearray(), 0, 0
    for byte in data:
        for bit in range(7, -1, -1):
            code, length = code << 1 | byte >> bit & 1, length + 1
            if (length, code) in CODES: out.append(CODES[length, code]); code = length = 0
    return bytes(out)

def number(n, bits):
    """With its first bits in a byte that says nothing else."""
    most = (1 << bits) - 1
    if n < most: return bytes([n])
    out, n = [most], n - most
    while n >= 128: out.append(n % 128 | 128); n //= 128
    return bytes(out + [n])

def block(pairs): return b"".join(b"\0" + b"".join(number(len(x), 7) + x for x in pair) for pair in pairs)

def unblock(data):
    at, out = 0, []
    def take(bits):
        nonlocal at
        most = (1 << bits) - 1; n = data[at] & most; at += 1; shift = 0
        while n >= most and (shift or n == most):
            n += (data[at] & 127) << shift; shift += 7; at += 1
            if data[at - 1] < 128: break
        return n
    def text():
        nonlocal at
        huffman = data[at] & 128; n = take(7); x = data[at:at + n]; at += n
        return plain(x) if huffman else x
    while at < len(data):
        first = data[at]
        if first & 128: name, value = STATIC[take(7) - 1]; out.append((b(name), b(value)))
        elif first & 0xe0 == 32: take(5)                                       # a size of the table
        else:
            index = take(6 if first & 64 else 4); out.append((b(STATIC[index - 1][0]) if index else text(), text()))
    return out

def frame(kind, flags, stream, payload=b""): return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

def request(data):
    """(method, target, fields, body) if it is one well-formed request that HTTP/2 has words for."""
    e = data.find(b"\r\n\r\n") + 4; lines = data[:e - 4].split(b"\r\n") if e > 3 else [b""]
    m = re.fullmatch(rb"(" + TOKEN + rb") ([/*][^\x00-\x20\x7f]*) HTTP/1\.1", lines[0])
    if not m or not all(re.fullmatch(TOKEN + rb":[^\r\n\0]*", line) for line in lines[1:]): return None
    f = fields(data[:e]); rest = data[e:]; te, cl = f.all("transfer-encoding"), f.all("content-length")
    if len(f.all("host")) != 1 or b"connect" == m[1].lower() or len(te) + len(cl) > 1: return None
    if te:
        try: whole = chunks(rest) if te[0].lower() == b"chunked" else None
        except ValueError: return None
        if not whole or whole[1] != len(rest) or whole[3]: return None
        rest = whole[0]
    elif (cl or [b"0"])[0] != b"%d" % len(rest): return None
    f = [(n, v) for n, v in f if n not in (b"host", b"transfer-encoding")]
    if OF_ONE_HOP & {n for n, _ in f}: return None
    return m[1], m[2], [(b":method", m[1]), (b":scheme", b"https"), (b":authority", fields(data[:e]).get("host")), (b":path", m[2])] + f, rest

class Talk2(TlsTalk):
    """One connection with one request."""
    def __init__(self, address):
        super().__init__(address, alpn="h2"); self.reset, self.room, self.stream_room, self.most = False, 65535, 65535, 16384
        self.out = PREFACE + frame(SETTINGS, 0, 0, bytes.fromhex("0001 00000000 0002 00000000 0004 7fffffff")) + frame(WINDOW_UPDATE, 0, 0, (0x7fff0000).to_bytes(4, "big"))
    def head(self, pairs, last):
        parts = [block(pairs)[i:i + self.most] for i in range(0, len(block(pairs)), self.most)]
        for n, part in enumerate(parts):
            flags = (END_HEADERS if n == len(parts) - 1 else 0) | (END_STREAM if last and n == 0 else 0)
            self.out += frame(CONTINUATION if n else HEADERS, flags, 1, part)
    def take(self):
        """The next frame that has arrived."""
        if len(self.data) < 9: return None
        n = int.from_bytes(self.data[:3], "big")
        if len(self.data) < 9 + n: return None
        kind, flags, stream, payload = self.data[3], self.data[4], int.from_bytes(self.data[5:9], "big"), self.data[9:9 + n]
        self.data = self.data[9 + n:]; return kind, flags, stream, payload
    def ask(self, pairs, body, limit):
        """-> (answers, seconds until the last one); one that is reset before its end is not whole, and refused as malformed 400."""
        self.head(pairs, not body); out, waiting, blocks, end = [], body, b"", time.time() + limit
        while time.time() < end and not self.eof:
            n = min(len(waiting), self.room, self.stream_room, self.most)
            if waiting and n > 0:
                self.out += frame(DATA, END_STREAM if n == len(waiting) else 0, 1, waiting[:n]); waiting = waiting[n:]; self.room -= n; self.stream_room -= n
            r, w, _ = select.select([self.s], [self.s] if self.out or self.pending else [], [], 0.02)
            if w: self.out = self.out[self.push(self.out):]
            if r: self.read()
            while True:
                got = self.take()
                if not got: break
                kind, flags, stream, payload = got
                if kind == SETTINGS and not flags & ACK:
                    for i in range(0, len(payload), 6):
                        if payload[i:i + 2] == b"\0\4": self.stream_room += int.from_bytes(payload[i + 2:i + 6], "big") - 65535
                    self.out += frame(SETTINGS, ACK, 0)
                elif kind == WINDOW_UPDATE:
                    by = int.from_bytes(payload, "big")
                    if stream: self.stream_room += by
                    else: self.room += by
                elif kind == PING and not flags & ACK: self.out += frame(PING, ACK, 0, payload)
                elif kind in (HEADERS, CONTINUATION):
                    blocks += payload
                    if flags & END_HEADERS:
                        f = unblock(blocks); blocks = b""; status = dict(f).get(b":status")
                        if status: out.append(Answer(b"HTTP/1.1 " + status + b" X\r\n" + b"".join(n + b": " + v + b"\r\n" for n, v in f if n != b":status") + b"\r\n"))
                elif kind == DATA and out: out[-1].body += payload
                self.reset |= kind == RST_STREAM
                if kind == RST_STREAM and not out and int.from_bytes(payload, "big") == PROTOCOL_ERROR:
                    out.append(Answer(b"HTTP/1.1 400 X\r\n\r\n")); out[-1].whole = True
                if kind in (HEADERS, DATA) and flags & END_STREAM and out: out[-1].whole = True
                if kind in (RST_STREAM, GOAWAY) or kind in (HEADERS, DATA) and flags & END_STREAM: return self.over(out)
        return self.over(out)
    def over(self, out):
        for a in out: a.whole |= a.status < 200
        self.data = b"".join(a.head + a.body for a in out); return out, time.time() - self.start

class Run2(Run):
    """One try of one row as a stream."""
    def go(self):
        row = self.row; method, target, pairs, body = request(b"".join(x for x in self.steps if isinstance(x, bytes)))
        talk = self.talk = Talk2(self.bench.gate)
        try: self.all, took = talk.ask(pairs, body, row.limit)
        finally: talk.close()
        self.rest, self.finals, problems = b"", [a for a in self.all if a.status >= 200], []
        ways = [[t for t in w.split() if t not in ("end", "open")] for w in row.want.split(" / ")]
        # A stream that is reset may have lost the head of its answer on the way.
        lost = talk.reset and not self.finals and ["cut"] in ways
        if not lost and not any(self.fits(w, True, "") for w in ways):
            problems.append(f"wanted {row.want}, saw {' '.join(str(a.status) + ('' if a.whole else '(cut)') for a in self.all) or 'nothing'}"); self.late = took > row.limit or self.was_not_sent()
        elif took > row.within: problems.append(f"answered after {took:.1f} s"); self.late = True
        return self.judge(problems)

def has_words(row, run):
    """Whether a row can be said in HTTP/2."""
    return row.name not in OTHERWISE and not row.tunnel and all(isinstance(x, (bytes, float)) for x in run.steps) and request(b"".join(x for x in run.steps if isinstance(x, bytes))) is not None

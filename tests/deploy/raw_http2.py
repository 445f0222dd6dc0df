"""An HTTP/2 client that does what no library would: frames by hand over a TLS socket.

Only what the tests of the fronts need: no Huffman codes, no table of headers, no flow control.
"""
import socket
import ssl
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _text(value):
    """A string of HPACK, not coded."""
    value = value.encode()
    if len(value) < 127:
        return bytes([len(value)]) + value
    length, rest = b"\x7f", len(value) - 127
    while rest >= 128:
        length, rest = length + bytes([rest % 128 + 128]), rest // 128
    return length + bytes([rest]) + value


def header(name, value):
    """A header that neither side remembers."""
    return b"\x00" + _text(name) + _text(value)


def call_headers(path, *more):
    """The headers of a gRPC call."""
    fields = [(":method", "POST"), (":scheme", "https"), (":path", path),
              (":authority", "localhost"), ("te", "trailers"),
              ("content-type", "application/grpc"), *more]
    return b"".join(header(name, value) for name, value in fields)


def message(serialized):
    """A message as gRPC frames it."""
    return struct.pack(">BI", 0, len(serialized)) + serialized


class Connection:
    """A connection from `source`, which on loopback may be any address of 127.0.0.0/8.

    OSError (ssl.SSLError is one) where it is refused, or cut off later.
    """

    def __init__(self, port, authority, source="127.0.0.1", protocols=("h2",), timeout=60):
        context = ssl.create_default_context(cafile=str(authority))
        if protocols:
            context.set_alpn_protocols(list(protocols))
        plain = socket.create_connection(("127.0.0.1", port), timeout, (source, 0))
        try:
            self.socket = context.wrap_socket(plain, server_hostname="localhost")
        except OSError:
            plain.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def begin(self):
        """The preface with empty settings."""
        self.send(PREFACE + frame(SETTINGS, 0, 0))

    def frames(self):
        """Every frame that comes, as (kind, flags, stream, payload), until the other side ends."""
        data = b""
        while True:
            while len(data) >= 9:
                length = int.from_bytes(data[:3], "big")
                if len(data) < 9 + length:
                    break
                kind, flags, stream = struct.unpack(">BBI", data[3:9])
                yield kind, flags, stream & 0x7FFFFFFF, data[9:9 + length]
                data = data[9 + length:]
            try:
                more = self.socket.recv(65536)
            except ConnectionError:
                return
            if not more:
                return
            data += more

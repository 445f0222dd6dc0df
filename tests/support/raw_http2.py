"""HTTP/2 by hand, for clients that do what no library lets them: frames, headers, sockets.

Only what attacks need: no Huffman codes, no table of headers, no flow control.
"""
import itertools
import socket
import ssl
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
ACK, END_STREAM, END_HEADERS = 1, 1, 4
INITIAL_WINDOW_SIZE = 4
CANCEL = struct.pack(">I", 8)
CHECK_ADMISSION = "/bursar.v1.QuotaService/CheckAdmission"
HEALTH_CHECK = "/grpc.health.v1.Health/Check"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def length(count):
    """The length of a string of HPACK that is not coded: an integer behind a prefix of 7 bits."""
    if count < 127:
        return bytes([count])
    encoded, rest = b"\x7f", count - 127
    while rest >= 128:
        encoded, rest = encoded + bytes([rest % 128 + 128]), rest // 128
    return encoded + bytes([rest])


def text(value):
    """A string of HPACK, not coded."""
    data = value.encode()
    return length(len(data)) + data


def header(name, value):
    """A header that neither side remembers."""
    return b"\0" + text(name) + text(value)


def call_headers(path, *more):
    """The headers of a gRPC call; `more` are pairs of name and value."""
    fields = [(":method", "POST"), (":scheme", "https"), (":path", path),
              (":authority", "localhost"), ("te", "trailers"),
              ("content-type", "application/grpc"), *more]
    return b"".join(header(name, value) for name, value in fields)


def opening(stream, path=CHECK_ADMISSION, flags=END_HEADERS):
    """The beginning of a call, whose message is still to come."""
    return frame(HEADERS, flags, stream, call_headers(path))


def message(serialized=b""):
    """A message as gRPC frames it."""
    return struct.pack(">BI", 0, len(serialized)) + serialized


def settings(initial_window_size=None):
    """A SETTINGS frame, empty but for what is given."""
    payload = b"" if initial_window_size is None else struct.pack(
        ">HI", INITIAL_WINDOW_SIZE, initial_window_size)
    return frame(SETTINGS, 0, 0, payload)


SETTINGS_ACK = frame(SETTINGS, ACK, 0)


def streams():
    """The numbers of a client's streams."""
    return itertools.count(1, 2)


class Connection:
    """A connection to `address`, a pair of host and port; of TLS where an `authority` is given.

    `source` is the address it comes from, which on loopback may be any of 127.0.0.0/8. OSError
    (ssl.SSLError is one) where it is refused, or cut off later.
    """

    def __init__(self, address, authority=None, source=None, protocols=("h2",), timeout=60):
        self.socket = socket.create_connection(address, timeout, source and (source, 0))
        if authority is None:
            return
        context = ssl.create_default_context(cafile=str(authority))
        if protocols:
            context.set_alpn_protocols(list(protocols))
        plain = self.socket
        try:
            self.socket = context.wrap_socket(plain, server_hostname="localhost")
        except OSError:
            plain.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def begin(self):
        """The preface with empty settings."""
        self.send(PREFACE + settings())

    def throw_away(self):
        """Takes what has come without waiting for more; raises where the server has closed."""
        timeout = self.socket.gettimeout()
        self.socket.setblocking(False)
        try:
            while self.socket.recv(1 << 16):
                pass
            raise ConnectionResetError("closed by the server")
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        finally:
            self.socket.settimeout(timeout)

    def frames(self):
        """Every frame that comes, as (kind, flags, stream, payload), until the other side ends."""
        data = b""
        while True:
            while len(data) >= 9:
                size = int.from_bytes(data[:3], "big")
                if len(data) < 9 + size:
                    break
                kind, flags, stream = struct.unpack(">BBI", data[3:9])
                yield kind, flags, stream & 0x7FFFFFFF, data[9:9 + size]
                data = data[9 + size:]
            try:
                more = self.socket.recv(65536)
            except ConnectionError:
                return
            if not more:
                return
            data += more

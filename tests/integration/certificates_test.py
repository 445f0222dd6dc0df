"""Callers' certificates (mutual TLS) and renewal of the server's, against the real server.

Certificates by openssl. The server listens on a loopback port that the system chooses.

    certificates_test.py BURSARD BURSAR
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "client"), str(TESTS / "support")]
from bursar_server import BursarServer  # noqa: E402
from certificates import Authority  # noqa: E402

BURSARD = None
BURSAR = None
OPERATOR = "correct-horse-battery-staple-0123456789"
PATIENCE_SECONDS = 60


def replace(path, source):
    partial = path.with_suffix(".tmp")
    partial.write_bytes(source.read_bytes())
    partial.replace(path)


class CertificatesTest(unittest.TestCase):
    """One server for all tests of the class."""

    @classmethod
    def setUpClass(cls):
        cls.scope = tempfile.TemporaryDirectory(prefix="bursar-test-")
        cls.folder = pathlib.Path(cls.scope.name)
        cls.ours, cls.strangers = (Authority(cls.folder, name) for name in ("ours", "strangers"))
        cls.certificate, cls.key = cls.folder / "server.pem", cls.folder / "server.key"
        for path, source in zip((cls.certificate, cls.key), cls.ours.issue("a", "IP:127.0.0.1")):
            replace(path, source)
        cls.table = cls.folder / "identities.json"
        cls.set_identities({"name": "chat", "san": "spiffe://example/chat", "role": "frontend",
                            "organizations": ["acme"]},
                           {"name": "watcher", "san": "watch.example", "role": "viewer",
                            "organizations": ["*"]})
        cls.server = BursarServer(BURSARD, BURSAR, token=OPERATOR, http_listen="127.0.0.1:0", flags=[
            "--listen", "127.0.0.1:0", "--tls-cert", cls.certificate, "--tls-key", cls.key,
            "--client-ca", cls.ours.certificate, "--client-identities", cls.table])
        cls.server.start()
        cls.port, cls.http_port = re.search(
            r"grpc=\S*127\.0\.0\.1:(\d+) http=127\.0\.0\.1:(\d+)", cls.server.log()).groups()
        cls.server.ask("org", "create", "acme", "--plan", "team", BURSAR_TOKEN=OPERATOR)
        cls.server.ask("members", "add", "acme", "ann", BURSAR_TOKEN=OPERATOR)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.scope.cleanup()

    @classmethod
    def set_identities(cls, *rows):
        partial = cls.table.with_suffix(".tmp")
        partial.write_text(json.dumps({"identities": rows}))
        partial.replace(cls.table)

    def run_with(self, files, *arguments, **environment):
        """A command over TLS, with a certificate where `files` has one: its status and words."""
        shown = ["--client-cert", files[0], "--client-key", files[1]] if files else []
        status, out, err = self.server.run(
            "--tls-ca", self.ours.certificate, "--timeout", "20", *map(str, shown), *arguments,
            address=f"127.0.0.1:{self.port}", **environment)
        return status, out + err

    def check(self, files, organization="acme", **environment):
        return self.run_with(files, "check", organization, "ann", **environment)

    def until(self, what, condition):
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), end, f"{what}\n{self.server.log()}")

    # Rules: A1, A2
    def test_a_certificate_is_who_the_table_says(self):
        chat = self.ours.issue("chat", "URI:spiffe://example/chat")
        self.assertEqual(self.check(chat)[0], 0, self.check(chat)[1])
        self.assertIn("PERMISSION_DENIED", self.check(chat, "other")[1])
        self.assertIn("PERMISSION_DENIED", self.run_with(chat, "org", "get", "acme")[1])
        watcher = self.ours.issue("watcher", "DNS:watch.example")
        self.assertEqual(self.run_with(watcher, "wallet", "acme")[0], 0)
        self.assertIn("PERMISSION_DENIED", self.check(watcher)[1])

    # Rules: A1
    def test_every_other_certificate_is_nobodys(self):
        for name, alternatives in {
                "nobody": ["URI:spiffe://example/nobody"],
                "prefix": ["URI:spiffe://example/chat/x"],
                "two": ["URI:spiffe://example/chat", "DNS:watch.example"],
                "kind": ["email:watch.example"],
                "mixed": ["DNS:spiffe://example/chat"],
                "none": ["email:chat@example.com"]}.items():
            status, said = self.check(self.ours.issue(name, *alternatives))
            self.assertEqual(status, 4, name)
            self.assertIn("UNAUTHENTICATED", said, name)
        # The name alone, of an authority that is not ours: there is no connection.
        status, said = self.check(self.strangers.issue("chat", "URI:spiffe://example/chat"))
        self.assertEqual(status, 4)
        self.assertNotIn("allowed", said)
        # Nothing shown: nothing served, but health.
        self.assertIn("UNAUTHENTICATED", self.check(None)[1])
        self.assertEqual(self.run_with(None, "health")[0], 0)

    # Rules: A1
    def test_a_token_counts_before_a_certificate(self):
        chat = self.ours.issue("both", "URI:spiffe://example/chat")
        self.assertEqual(self.run_with(chat, "org", "get", "acme", BURSAR_TOKEN=OPERATOR)[0], 0)
        status, said = self.check(chat, BURSAR_TOKEN="a-token-that-is-not-anybodys-at-all")
        self.assertEqual(status, 4)
        self.assertIn("UNAUTHENTICATED", said)

    # Rules: A1
    def test_the_table_is_read_again_without_a_restart(self):
        later = self.ours.issue("later", "URI:spiffe://example/later")
        self.assertEqual(self.check(later)[0], 4)
        before = self.table.read_text()
        rows = json.loads(before)["identities"]
        self.set_identities(*rows, {"name": "later", "san": "spiffe://example/later",
                                    "role": "frontend", "organizations": ["acme"]})
        self.until("the table was not read again", lambda: self.check(later)[0] == 0)
        # One that is wrong is left aside, with a word: what was in force stays.
        self.set_identities({"name": "later", "san": "x", "role": "king", "organizations": ["*"]})
        self.until("nothing was said", lambda: "identities[0].role" in self.server.log())
        self.assertEqual(self.check(later)[0], 0)
        self.set_identities(*rows)
        self.until("the table was not read again", lambda: self.check(later)[0] == 4)

    # Rules: A1
    def test_the_servers_certificate_is_renewed_without_a_restart(self):
        for path, source in zip((self.certificate, self.key),
                                self.ours.issue("b", "IP:127.0.0.1", "DNS:renewed.example")):
            replace(path, source)

        def shown(port):
            done = subprocess.run(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-alpn", "h2"],
                stdin=subprocess.DEVNULL, capture_output=True, check=False)
            return done.stdout.decode(errors="replace")  # The server's first frames are in it.
        for port in (self.port, self.http_port):
            self.until("the certificate was not renewed", lambda: "CN = b" in shown(port))
        # A key that is not the certificate's is left aside, with a word.
        replace(self.key, self.strangers.issue("d", "IP:127.0.0.1")[1])
        self.until("nothing was said", lambda: "does not belong to" in self.server.log())
        for port in (self.port, self.http_port):
            self.assertIn("CN = b", shown(port))
        self.assertEqual(self.check(self.ours.issue("c", "URI:spiffe://example/chat"))[0], 0)


if __name__ == "__main__":
    BURSAR, BURSARD = sys.argv.pop(), sys.argv.pop()
    unittest.main()

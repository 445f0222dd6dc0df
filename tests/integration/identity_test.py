"""JSON Web Tokens of a configured issuer, against the real server. Keys and signatures by openssl.

    identity_test.py BURSARD BURSAR
"""
import base64
import json
import pathlib
import sys
import tempfile
import time
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "client"), str(TESTS / "support")]
from bursar_server import BursarServer  # noqa: E402
from certificates import openssl  # noqa: E402

BURSARD = None
BURSAR = None
OPERATOR = "correct-horse-battery-staple-0123456789"
PATIENCE_SECONDS = 60


def part(data):
    """A part of a token, or a number of a key: base64 for addresses, without padding."""
    if not isinstance(data, bytes):
        data = json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """A key pair, as an issuer has one."""

    def __init__(self, folder, kid):
        self.kid = kid
        self.path = pathlib.Path(folder) / f"{kid}.pem"
        openssl("genrsa", "-out", self.path, "2048")

    def jwk(self):
        modulus = openssl("rsa", "-in", self.path, "-noout", "-modulus").decode()
        return {"kty": "RSA", "kid": self.kid, "use": "sig", "e": "AQAB",
                "n": part(bytes.fromhex(modulus.split("=")[1].strip()))}

    def sign(self, **changed):
        now = int(time.time())
        claims = {"iss": "https://login.example", "aud": "bursar", "sub": "chat-backend",
                  "exp": now + 600, "bursar_role": "frontend", "bursar_organizations": ["acme"],
                  **changed}
        signed = f"{part({'alg': 'RS256', 'kid': self.kid})}.{part(claims)}"
        return f"{signed}.{part(openssl('dgst', '-sha256', '-sign', self.path, data=signed.encode()))}"


class IdentityTest(unittest.TestCase):
    """One server for all tests of the class."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="bursar-test-")
        cls.keys = pathlib.Path(cls.folder.name) / "jwks.json"
        cls.issuer = Issuer(cls.folder.name, "first")
        cls.set_keys(cls.issuer)
        cls.server = BursarServer(BURSARD, BURSAR, token=OPERATOR, flags=[
            "--jwt-issuer", "https://login.example", "--jwt-audience", "bursar",
            "--jwt-keys", cls.keys])
        cls.server.start()
        for organization in ("acme", "other"):
            cls.server.ask("org", "create", organization, "--plan", "team", BURSAR_TOKEN=OPERATOR)
            cls.server.ask("members", "add", organization, "ann", BURSAR_TOKEN=OPERATOR)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    @classmethod
    def set_keys(cls, *issuers):
        partial = cls.keys.with_suffix(".tmp")
        partial.write_text(json.dumps({"keys": [one.jwk() for one in issuers]}))
        partial.replace(cls.keys)

    def check(self, token, organization="acme"):
        """The exit status of a check, and what was said."""
        status, _, err = self.server.run("check", organization, "ann", BURSAR_TOKEN=token)
        return status, err

    # Rules: A1, A2
    def test_a_token_of_the_issuer_is_for_what_it_names(self):
        token = self.issuer.sign()
        self.assertEqual(self.check(token)[0], 0)
        self.assertIn("PERMISSION_DENIED", self.check(token, "other")[1])
        status, _, err = self.server.run("org", "get", "acme", BURSAR_TOKEN=token)
        self.assertEqual(status, 4)
        self.assertIn("PERMISSION_DENIED", err)

    # Rules: A1
    def test_every_other_token_is_nobodys_and_refused_alike(self):
        stranger = Issuer(self.folder.name, "stranger")
        stranger.kid = "first"
        said = set()
        for token in (self.issuer.sign(exp=int(time.time()) - 60), self.issuer.sign(aud="other"),
                      self.issuer.sign(iss="https://evil.example"), stranger.sign(),
                      self.issuer.sign(bursar_role="root"), self.issuer.sign()[:-4] + "AAAA",
                      "a.b.c", "no-token-at-all-but-long-enough"):
            status, err = self.check(token)
            self.assertEqual(status, 4, token)
            self.assertIn("UNAUTHENTICATED", err)
            said.add(err)
        self.assertEqual(len(said), 1, said)
        self.assertNotIn(self.issuer.sign()[:20], self.server.log())

    # Rules: A1
    def test_keys_rotate_without_a_restart(self):
        following = Issuer(self.folder.name, "following")
        token = following.sign()
        self.assertEqual(self.check(token)[0], 4)
        try:
            self.set_keys(following)
            end = time.monotonic() + PATIENCE_SECONDS
            while self.check(token)[0] != 0:
                self.assertLess(time.monotonic(), end, "the keys were not read again")
            self.assertEqual(self.check(self.issuer.sign())[0], 4, "a key that is gone")
        finally:
            self.set_keys(self.issuer)
            end = time.monotonic() + PATIENCE_SECONDS
            while self.check(self.issuer.sign())[0] != 0:
                self.assertLess(time.monotonic(), end, "the keys were not read again")


if __name__ == "__main__":
    BURSAR, BURSARD = sys.argv.pop(), sys.argv.pop()
    unittest.main()

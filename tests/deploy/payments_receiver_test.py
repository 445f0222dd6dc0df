"""The reference receiver of payments: what it believes, and what it answers."""
import base64
import http.client
import http.server
import json
import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy/payments"))
import receiver  # noqa: E402

KEY = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
EVENT = json.dumps({
    "type": "payment.requested", "timestamp": "2026-11-22T09:00:00Z",
    "id": "ntc_1", "data": {
        "organization_id": "acme", "organization_name": "Acme", "sequence": 7,
        "facts": {"payment_id": "pay_1", "kind": "reload", "attempt": 1, "currency_code": "USD",
                  "amount": {"amount": "25.00", "currency_code": "USD"}}}}).encode()


def headers_for(body, timestamp, key=KEY, webhook_id="ntc_1"):
    return {"webhook-id": webhook_id, "webhook-timestamp": str(timestamp),
            "webhook-signature": receiver.sign(key, webhook_id, timestamp, body)}


class SignatureTest(unittest.TestCase):
    """Rules: X4"""

    def test_the_published_example_of_the_scheme_is_right(self):
        headers = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
                   "webhook-timestamp": "1614265330",
                   "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}
        key = receiver.decode_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        receiver.verify([key], headers, b'{"test": 2432232314}', 1614265330)

    def test_whatever_is_changed_is_refused(self):
        now = 1_790_000_000
        good = headers_for(EVENT, now)
        receiver.verify([KEY], good, EVENT, now)
        changed = {
            "body": (good, EVENT + b" ", now),
            "id": ({**good, "webhook-id": "ntc_2"}, EVENT, now),
            "instant": ({**good, "webhook-timestamp": str(now + 1)}, EVENT, now),
            "no number": ({**good, "webhook-timestamp": "soon"}, EVENT, now),
            "signature": ({**good, "webhook-signature": "v1,AAAA"}, EVENT, now),
            "version": ({**good, "webhook-signature":
                         "v2," + good["webhook-signature"][3:]}, EVENT, now),
            "no signature": ({**good, "webhook-signature": ""}, EVENT, now),
            "no id": ({**good, "webhook-id": ""}, EVENT, now),
            "another key": (headers_for(EVENT, now, key=b"x" * 24), EVENT, now),
            "too old": (good, EVENT, now + receiver.TOLERANCE_SECONDS + 1),
            "too new": (good, EVENT, now - receiver.TOLERANCE_SECONDS - 1),
        }
        for what, (headers, body, instant) in changed.items():
            with self.subTest(what), self.assertRaises(receiver.BadSignature):
                receiver.verify([KEY], headers, body, instant)

    def test_a_secret_can_be_changed_without_a_gap(self):
        now = 1_790_000_000
        old, new = b"o" * 24, b"n" * 24
        receiver.verify([old, new], headers_for(EVENT, now, key=new), EVENT, now)
        both = headers_for(EVENT, now, key=old)
        both["webhook-signature"] += " " + receiver.sign(new, "ntc_1", now, EVENT)
        receiver.verify([new], both, EVENT, now)

    def test_what_is_no_secret_is_refused(self):
        for text in ("whsec_%%%", "whsec_AAAA", ""):
            with self.subTest(text), self.assertRaises(ValueError):
                receiver.decode_secret(text)


class VerdictTest(unittest.TestCase):
    """Rules: X4"""

    def setUp(self):
        self.told = []
        self.heard = threading.Condition()

    def tell(self, payment, succeeded):
        with self.heard:
            self.told.append((payment["payment_id"], succeeded))
            self.heard.notify_all()

    def wait_for(self, count):
        with self.heard:
            self.assertTrue(self.heard.wait_for(lambda: len(self.told) >= count, timeout=60))

    def ask(self, verdicts, payment_id):
        verdicts.requested({"payment_id": payment_id, "organization_id": "acme"})

    def test_one_mode_follows_the_other_and_a_payment_keeps_its_own(self):
        verdicts = receiver.Verdicts(["fail", "late", "succeed"], 0.01, self.tell)
        for payment_id in ("pay_1", "pay_2", "pay_3", "pay_4", "pay_1"):
            self.ask(verdicts, payment_id)
        self.wait_for(5)
        self.assertEqual(sorted(self.told), [("pay_1", False), ("pay_1", False), ("pay_2", True),
                                             ("pay_3", True), ("pay_4", True)])

    def test_a_lost_payment_is_never_told_of(self):
        verdicts = receiver.Verdicts(["lost", "succeed"], 0, self.tell)
        for payment_id in ("pay_1", "pay_2"):
            self.ask(verdicts, payment_id)
        self.wait_for(1)
        self.assertEqual(self.told, [("pay_2", True)])

    def test_over_http_only_what_is_signed_is_heard(self):
        verdicts = receiver.Verdicts(["succeed"], 0, self.tell)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                 receiver.make_handler([KEY], verdicts))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)

        def post(body, headers):
            connection = http.client.HTTPConnection(*server.server_address, timeout=60)
            connection.request("POST", "/payments", body, headers)
            status = connection.getresponse().status
            connection.close()
            return status

        now = int(time.time())
        other = json.dumps({"type": "extra_usage.exhausted", "data": {}}).encode()
        broken = json.dumps({"type": "payment.requested", "data": {
            "organization_id": "acme", "facts": {"payment_id": "-x"}}}).encode()
        self.assertEqual(post(EVENT, headers_for(EVENT, now, key=b"x" * 24)), 401)
        self.assertEqual(post(b"[]", headers_for(b"[]", now)), 400)
        self.assertEqual(post(broken, headers_for(broken, now)), 400)
        self.assertEqual(post(other, headers_for(other, now)), 204)
        self.assertEqual(post(b"x" * (receiver.MAX_BODY_BYTES + 1), {}), 413)
        self.assertEqual(self.told, [])
        self.assertEqual(post(EVENT, headers_for(EVENT, now)), 204)
        self.wait_for(1)
        self.assertEqual(self.told, [("pay_1", True)])


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""The reference receiver of deploy/payments, as a process in the payment system's place."""
import http.client
import json
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy/payments"))
import receiver  # noqa: E402


class Receiver:
    """The receiver as a process."""

    def __init__(self, scratch, bursar, address, secret, modes="succeed"):
        self.key = receiver.decode_secret(secret)
        file = scratch / "webhook.secret"
        file.write_text(secret + "\n", encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, ROOT / "deploy/payments/receiver.py", "--listen", "127.0.0.1:0",
             "--secret-file", file, "--mode", modes, "--late-seconds", "0.05",
             "--bursar", f"{bursar} --server {address}"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])

    def verdict(self):
        """What the receiver says once it has told its next verdict."""
        return self.process.stdout.readline().strip()

    def ask_again(self, payment_id):
        """Asks for a payment once more, as a delivery that is repeated does."""
        body = json.dumps({"type": "payment.requested", "data": {
            "organization_id": "acme", "facts": {"payment_id": payment_id}}}).encode()
        now = int(time.time())
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", "/", body, {
            "webhook-id": "ntc_again", "webhook-timestamp": str(now),
            "webhook-signature": receiver.sign(self.key, "ntc_again", now, body)})
        assert connection.getresponse().status == 204
        connection.close()

    def stop(self):
        self.process.terminate()
        self.process.wait()

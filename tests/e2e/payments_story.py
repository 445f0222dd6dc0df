#!/usr/bin/python3
"""Auto-reload and a purchase with the reference receiver in the payment system's place.

Rules: X0, X4, X5, X7, R3. The server is killed (kill -9) while a reload is in flight; the receiver
declines the first payment, is late with the second, and accepts the third, which it is asked for
twice; a chargeback takes it back. Webhooks are taken from the outbox and signed here.
"""
import argparse
import base64
import http.client
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/support"))
sys.path.insert(0, str(ROOT / "deploy/payments"))
import receiver  # noqa: E402
from server_process import CommandLine, Server, nanos, scratch_directory  # noqa: E402


class Receiver:
    """The receiver as a process."""

    def __init__(self, scratch, bursar, address):
        self.key = os.urandom(32)
        secret = scratch / "webhook.secret"
        secret.write_text("whsec_" + base64.b64encode(self.key).decode() + "\n", encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, ROOT / "deploy/payments/receiver.py", "--listen", "127.0.0.1:0",
             "--secret-file", secret, "--mode", "fail,late,succeed", "--late-seconds", "0.05",
             "--bursar", f"{bursar} --server {address}"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])

    def deliver(self, notice):
        """Delivers a request from the outbox, and waits until the receiver has told its verdict."""
        body = json.dumps({
            "type": "payment.requested", "timestamp": notice["createTime"],
            "data": {"payment_id": notice["paymentId"], "attempt": notice.get("attempt", 0),
                     "organization_id": notice["organizationId"],
                     "amount": notice["amount"]}}).encode()
        now = int(time.time())
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", "/", body, {
            "webhook-id": notice["noticeId"], "webhook-timestamp": str(now),
            "webhook-signature": receiver.sign(self.key, notice["noticeId"], now, body)})
        assert connection.getresponse().status == 204
        connection.close()
        return self.process.stdout.readline().strip()

    def stop(self):
        self.process.terminate()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bursard", required=True)
    parser.add_argument("--bursar", required=True)
    options = parser.parse_args()
    with scratch_directory() as scratch:
        scratch = pathlib.Path(scratch)
        command = CommandLine(options.bursar, scratch / "state")
        server = Server(options.bursard, scratch / "data")

        def run(*arguments, **expectations):
            return command.run(server.address, *arguments, **expectations)

        def requests():
            return [notice for notice in run("notices", "list", "acme").get("notices", [])
                    if notice["kind"] == "NOTICE_KIND_PAYMENT_REQUESTED"]

        def state():
            return run("credit", "reload", "show", "acme")["state"].removeprefix(
                "AUTO_RELOAD_STATE_")

        run("org", "create", "acme", "--plan", "team")
        run("members", "add", "acme", "ann", "--email", "ann@example.com")
        run("extra", "enable", "acme")
        run("record", "acme", "ann", "--cost", "25", "--request-id", "r1")
        run("check", "acme", "ann", expect=(3,))
        run("credit", "reload", "set", "acme", "--threshold", "5", "--amount", "25")
        assert state() == "IN_FLIGHT"

        server.kill()
        server = Server(options.bursard, scratch / "data")
        assert state() == "IN_FLIGHT", "the kill lost the reload"
        money = Receiver(scratch, options.bursar, server.address)
        [first] = requests()
        print(money.deliver(first))
        assert state() == "BACKING_OFF"

        run("credit", "buy", "acme", "10", "--reference", "order-1")
        [purchase] = [notice for notice in requests() if notice != first]
        run("check", "acme", "ann", expect=(3,))
        print(money.deliver(purchase))
        run("check", "acme", "ann")

        run("record", "acme", "ann", "--cost", "7", "--request-id", "r2")
        run("credit", "reload", "resume", "acme")
        [reload] = [notice for notice in requests() if notice not in (first, purchase)]
        for _ in range(2):
            print(money.deliver(reload))
        wallet = run("wallet", "acme")
        assert nanos(wallet["balance"]) == 28 * 10**9, wallet["balance"]
        assert state() == "ARMED"

        charged = run("credit", "chargeback", "acme", reload["paymentId"], "--reason", "disputed")
        assert nanos(charged["takenFromCredit"]) == 25 * 10**9
        assert state() == "PAUSED"
        payments = run("credit", "payments", "acme")["payments"]
        states = [payment["state"].removeprefix("PAYMENT_STATE_") for payment in payments]
        assert states == ["SUCCEEDED", "SUCCEEDED", "FAILED"], states
        verified = run("verify")
        assert int(verified.get("violationCount", 0)) == 0, verified
        money.stop()
        assert server.stop() == 0


if __name__ == "__main__":
    main()

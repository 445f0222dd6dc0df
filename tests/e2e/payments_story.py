#!/usr/bin/python3
"""Auto-reload and a purchase with the reference receiver in the payment system's place.

Rules: X0, X4, X5, X7, R3. The server is killed (kill -9) while a reload is in flight; the receiver
declines the first payment, is late with the second, and accepts the third, which it is asked for
twice; a chargeback takes it back. Bursar posts the requests itself, signed.
"""
import argparse
import pathlib
import socket
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/support"))
from payment_receiver import Receiver  # noqa: E402
from server_process import CommandLine, Server, nanos, scratch_directory  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bursard", required=True)
    parser.add_argument("--bursar", required=True)
    options = parser.parse_args()
    with scratch_directory() as scratch:
        scratch = pathlib.Path(scratch)
        command = CommandLine(options.bursar, scratch / "state")
        # Soon again, so that nobody waits.
        flags = ["--notice-retry-min", "50ms", "--notice-retry-max", "300ms"]
        server = Server(options.bursard, scratch / "data", *flags)
        # Where nobody listens, and nobody else will.
        nobody = socket.socket()
        nobody.bind(("127.0.0.1", 0))

        def run(*arguments, **expectations):
            return command.run(server.address, *arguments, **expectations)

        def payments():
            return run("credit", "payments", "acme")["payments"]

        def send_to(port):
            """Where the payment system is; its secret, where it is new."""
            reply = run("channels", "webhook", "acme", "payments", f"http://127.0.0.1:{port}/",
                        "--events", "payment.requested")
            return [secret["secret"] for secret in reply.get("newSecrets", [])]

        def state():
            return run("credit", "reload", "show", "acme")["state"].removeprefix(
                "AUTO_RELOAD_STATE_")

        run("org", "create", "acme", "--plan", "team")
        run("members", "add", "acme", "ann", "--email", "ann@example.com")
        run("extra", "enable", "acme")
        run("record", "acme", "ann", "--cost", "25", "--request-id", "r1")
        run("check", "acme", "ann", expect=(3,))
        [secret] = send_to(nobody.getsockname()[1])
        run("credit", "reload", "set", "acme", "--threshold", "5", "--amount", "25")
        assert state() == "IN_FLIGHT"

        server.kill()
        server = Server(options.bursard, scratch / "data", *flags)
        assert state() == "IN_FLIGHT", "the kill lost the reload"
        money = Receiver(scratch, options.bursar, server.address, secret, "fail,late,succeed")
        send_to(money.port)
        print(money.verdict())
        assert state() == "BACKING_OFF"

        run("credit", "buy", "acme", "10", "--reference", "order-1")
        print(money.verdict())
        run("check", "acme", "ann")

        run("record", "acme", "ann", "--cost", "7", "--request-id", "r2")
        run("credit", "reload", "resume", "acme")
        print(money.verdict())
        reload = payments()[0]
        money.ask_again(reload["paymentId"])
        print(money.verdict())
        wallet = run("wallet", "acme")
        assert nanos(wallet["balance"]) == 28 * 10**9, wallet["balance"]
        assert state() == "ARMED"

        charged = run("credit", "chargeback", "acme", reload["paymentId"], "--reason", "disputed")
        assert nanos(charged["takenFromCredit"]) == 25 * 10**9
        assert state() == "PAUSED"
        states = [payment["state"].removeprefix("PAYMENT_STATE_") for payment in payments()]
        assert states == ["SUCCEEDED", "SUCCEEDED", "FAILED"], states
        verified = run("verify")
        assert int(verified.get("violationCount", 0)) == 0, verified
        money.stop()
        nobody.close()
        assert server.stop() == 0


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Plays the payment system: takes Bursar's signed webhooks and answers with a verdict.

Bursar asks for money by a `payment.requested` webhook, signed by the Standard Webhooks scheme. This
receiver checks the signature, answers 204 at once, and then says what became of the payment through
the command line (`bursar credit complete`). It moves no money: it shows how to join a payment
system that does, and plays it in tests.

Every payment has one verdict, however often its webhook comes: the payment's id is the idempotency
key. Standard library only.
"""
import argparse
import base64
import binascii
import hashlib
import hmac
import http.server
import json
import subprocess
import sys
import threading
import time

# A webhook whose instant is further away than this is refused: it may be an old one, replayed.
TOLERANCE_SECONDS = 5 * 60
# Larger bodies are not read: a request for a payment is a few hundred bytes.
MAX_BODY_BYTES = 64 * 1024
MODES = ("succeed", "fail", "late", "lost")


class BadSignature(Exception):
    """The webhook is not one that the holder of the secret sent just now."""


def decode_secret(secret):
    """The key in `whsec_` followed by base64, or in base64 alone."""
    try:
        key = base64.b64decode(secret.strip().removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("the secret is not base64 after whsec_") from error
    if len(key) < 24:
        raise ValueError("the secret has less than 24 bytes")
    return key


def sign(key, webhook_id, timestamp, body):
    """The signature of a webhook: base64 of HMAC-SHA256 over `id.timestamp.body`, after `v1,`."""
    signed = b".".join((webhook_id.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def verify(keys, headers, body, now):
    """Raises BadSignature unless one of the keys signed these bytes within the tolerance.

    Several keys let a secret be changed without a gap; several signatures in the header (separated
    by blanks) are the sender's way to do the same.
    """
    webhook_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    signatures = headers.get("webhook-signature", "").split()
    if not webhook_id or not timestamp or not signatures:
        raise BadSignature("webhook-id, webhook-timestamp or webhook-signature is missing")
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise BadSignature("webhook-timestamp is no number of seconds")
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise BadSignature("webhook-timestamp is too far away")
    matches = False
    for key in keys:
        expected = sign(key, webhook_id, timestamp, body)
        for signature in signatures:
            # Every pair is compared, in constant time: how long it takes says nothing.
            matches |= hmac.compare_digest(expected.encode(), signature.encode())
    if not matches:
        raise BadSignature("no signature is right")


class Verdicts:
    """Decides on each payment once, and tells the wallet."""

    def __init__(self, modes, late_seconds, tell):
        self._modes = modes
        self._late_seconds = late_seconds
        self._tell = tell
        self._lock = threading.Lock()
        self._seen = {}

    def requested(self, payment):
        """Takes a request; a repeated one is told its first verdict again, which changes nothing."""
        payment_id = payment["payment_id"]
        with self._lock:
            if payment_id not in self._seen:
                # One mode after the other; the last for all further payments.
                self._seen[payment_id] = self._modes[min(len(self._seen), len(self._modes) - 1)]
            mode = self._seen[payment_id]
        if mode != "lost":
            threading.Thread(target=self._answer, args=(payment, mode), daemon=True).start()

    def _answer(self, payment, mode):
        if mode == "late":
            time.sleep(self._late_seconds)
        self._tell(payment, succeeded=mode != "fail")


def tell_by_command_line(bursar):
    """Tells the wallet by `bursar credit complete`, until it has heard."""

    def tell(payment, succeeded):
        command = list(bursar)
        command += ["credit", "complete", payment["organization_id"], payment["payment_id"]]
        if succeeded:
            command += ["succeeded"]
        else:
            command += ["failed", "--code", "card_declined"]
            command += ["--message", "The card was declined."]
        command += ["--reference", "reference-" + payment["payment_id"][-12:]]
        for wait in (1, 5, 30, 120, 600):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            # 4 is refused or unreachable; a refusal does not get better by asking again.
            if done.returncode == 0 or "UNAVAILABLE" not in done.stderr:
                # One line for each verdict.
                print(" ".join((done.stdout or done.stderr).split()), flush=True)
                return
            time.sleep(wait)

    return tell


def read_payment(event):
    """The payment of a `payment.requested` event; None for other events. KeyError if malformed."""
    if event["type"] != "payment.requested":
        return None
    # What is asked for is in the facts of the event.
    payment = {**event["data"]["facts"], "organization_id": event["data"]["organization_id"]}
    for field in ("payment_id", "organization_id"):
        if not isinstance(payment[field], str) or payment[field].startswith("-"):
            raise KeyError(field)
    return payment


def make_handler(keys, verdicts):
    """The handler of the receiver's requests."""

    class Handler(http.server.BaseHTTPRequestHandler):
        """Takes webhooks at any path."""

        # A sender that stalls does not hold its thread for ever.
        timeout = 10

        def do_POST(self):
            length = self.headers.get("content-length", "")
            if not length.isdigit() or int(length) > MAX_BODY_BYTES:
                return self._reply(413, "the body is too large, or of unknown length")
            body = self.rfile.read(int(length))
            try:
                verify(keys, self.headers, body, time.time())
            except BadSignature as error:
                return self._reply(401, str(error))
            try:
                payment = read_payment(json.loads(body))
            except (ValueError, KeyError, TypeError) as error:
                return self._reply(400, f"this is no event: {error}")
            if payment is not None:
                verdicts.requested(payment)
            return self._reply(204, "")

        def _reply(self, status, text):
            self.send_response(status)
            content = (text + "\n").encode() if text else b""
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format, *args):
            print(format % args, file=sys.stderr, flush=True)

    return Handler


def parse_arguments(arguments):
    """The options, checked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--listen", default="127.0.0.1:8090", help="host:port; port 0 picks one")
    parser.add_argument("--secret-file", required=True,
                        help="the webhook's secret, whsec_…; several lines while it is changed")
    parser.add_argument("--mode", default="succeed",
                        help="succeed, fail, late or lost; several, separated by commas, are for "
                             "one payment after the other, the last for all further ones")
    parser.add_argument("--late-seconds", type=float, default=5.0, help="how late `late` is")
    parser.add_argument("--bursar", default="bursar",
                        help="the command line, with its options, for example "
                             "'bursar --server localhost:50051 --token-file payments.token'")
    options = parser.parse_args(arguments)
    options.modes = options.mode.split(",")
    unknown = [mode for mode in options.modes if mode not in MODES]
    if unknown:
        parser.error(f"--mode: {unknown[0]!r} is none of {', '.join(MODES)}")
    return options


def main(arguments):
    """Serves until it is stopped."""
    options = parse_arguments(arguments)
    with open(options.secret_file, encoding="utf-8") as file:
        keys = [decode_secret(line) for line in file if line.strip()]
    if not keys:
        sys.exit(f"{options.secret_file} holds no secret")
    verdicts = Verdicts(options.modes, options.late_seconds,
                        tell_by_command_line(options.bursar.split()))
    host, _, port = options.listen.rpartition(":")
    server = http.server.ThreadingHTTPServer((host, int(port)), make_handler(keys, verdicts))
    print(f"listening on {host}:{server.server_address[1]}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main(sys.argv[1:])

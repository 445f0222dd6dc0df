"""The program itself: how it starts, refuses to start, ends and says so.

    bursard_process_test.py BURSARD BURSAR
"""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

BURSARD = None
BURSAR = None
TOKEN = "correct-horse-battery-staple-0123456789"


def run(*flags, environment=None):
    """Runs the program to its end; returns exit status, standard output, standard error."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("BURSAR_")}
    done = subprocess.run([BURSARD, *map(str, flags)], env={**clean, **(environment or {})},
                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


class Process:
    """A running server; its addresses are read from its log."""

    def __init__(self, *flags, on_hangup=signal.SIG_DFL):
        self.process = subprocess.Popen([BURSARD, *map(str, flags)], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True,
                                        preexec_fn=lambda: signal.signal(signal.SIGHUP, on_hangup))
        self.log = ""
        for line in self.process.stderr:
            self.log += line
            found = re.search(r"listening grpc=(\S+) http=(\S+)", line)
            if found:
                self.grpc, self.http = found.groups()
                return
        raise AssertionError(f"did not start: {self.log}")

    def end(self, with_signal=signal.SIGTERM):
        self.process.send_signal(with_signal)
        self.log += self.process.stderr.read()
        self.process.stderr.close()
        return self.process.wait(60)


def get(url, token=None):
    """Status code and body of a GET."""
    request = urllib.request.Request(url)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


class Bursard(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="bursar-test-")
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)
        self.data = self.scratch / "data"
        self.token = self.scratch / "token"
        self.token.write_text(TOKEN + "\n")
        self.listen = ["--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0",
                       "--data", self.data]

    # Rules: A1
    def test_closed_by_default(self):
        status, _, errors = run(*self.listen)
        self.assertEqual(status, 2)
        self.assertIn("--operator-token-file", errors)
        status, _, errors = run("--listen", "0.0.0.0:0", "--data", self.data, "--insecure")
        self.assertEqual(status, 2)
        self.assertIn("loopback", errors)
        self.token.write_text("short")
        status, _, errors = run(*self.listen, "--operator-token-file", self.token)
        self.assertEqual(status, 2)
        self.assertFalse(self.data.exists(), "a store was made for a server that lets nobody in")
        self.assertIn("24", errors)
        self.assertNotIn("short\n", errors.replace("cannot start", ""))

    # Rules: A1
    def test_settings_are_checked_and_unknown_ones_refused(self):
        good = [*self.listen, "--operator-token-file", self.token]
        self.assertEqual(run(*good, "--check-config")[0], 0)
        self.assertFalse(self.data.exists())
        self.token.chmod(0o644)
        self.assertIn("chmod 600", run(*good, "--check-config")[1])
        self.token.chmod(0o600)
        self.assertNotIn("chmod 600", run(*good, "--check-config")[1])
        self.assertEqual(run(*good, "--no-such-setting")[0], 2)
        self.assertEqual(run(*good, environment={"BURSAR_NO_SUCH": "1"})[0], 2)
        self.assertEqual(run(*good, "--tls-cert", "/nonexistent", "--tls-key", "/nonexistent",
                             "--check-config")[0], 2)
        status, output, _ = run("--help")
        self.assertEqual(status, 0)
        self.assertIn("--operator-token-file", output)
        self.assertRegex(run("--version")[1], r"^bursard \d+\.\d+\.\d+\n$")

    # Rules: A1, R3
    def test_serves_until_asked_to_end(self):
        server = Process(*self.listen, "--operator-token-file", self.token)
        http = f"http://{server.http}"
        self.assertEqual(get(f"{http}/healthz")[0], 200)
        self.assertEqual(get(f"{http}/readyz")[0], 200)
        self.assertEqual(get(f"{http}/metrics")[0], 401)
        status, metrics = get(f"{http}/metrics", TOKEN)
        self.assertEqual(status, 200)
        self.assertIn("bursar_serving 1\n", metrics)
        self.assertIn("bursar_checks_total", metrics)
        self.assertEqual(server.end(), 0)
        self.assertIn("draining", server.log)
        self.assertNotIn(TOKEN, server.log)

    # Rules: R3
    def test_a_hangup_drains_too(self):
        server = Process(*self.listen, "--insecure")
        self.assertEqual(server.end(signal.SIGHUP), 0)
        self.assertIn("draining", server.log)
        self.assertIn("ended", server.log)

    # Rules: R3
    def test_signals_that_mean_nothing_end_nothing(self):
        server = Process(*self.listen, "--insecure", on_hangup=signal.SIG_IGN)
        for other in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM,
                      signal.SIGPIPE):
            server.process.send_signal(other)
            self.assertEqual(get(f"http://{server.http}/healthz")[0], 200)
        self.assertEqual(server.end(), 0)
        self.assertIn("draining", server.log)

    # Rules: A1
    def test_unusable_tls_files_are_named_before_a_store_is_made(self):
        certificate = self.scratch / "cert.pem"
        certificate.write_text("not a certificate")
        flags = [*self.listen, "--operator-token-file", self.token, "--tls-cert", certificate,
                 "--tls-key", certificate]
        for more in (["--check-config"], []):
            status, _, errors = run(*flags, *more)
            self.assertEqual(status, 2)
            self.assertIn(f"{certificate} holds no PEM certificate", errors)
            self.assertFalse(self.data.exists())

    # Rules: J3
    def test_one_server_on_a_directory(self):
        first = Process(*self.listen, "--insecure")
        status, _, errors = run(*self.listen, "--insecure")
        self.assertEqual(status, 1)
        self.assertIn("cannot start", errors)
        self.assertEqual(first.end(signal.SIGINT), 0)

    # Rules: A1
    def test_address_in_use_is_said(self):
        first = Process(*self.listen, "--insecure")
        status, _, errors = run("--listen", first.grpc, "--http-listen", "off", "--data",
                                self.scratch / "second", "--insecure")
        self.assertEqual(status, 1)
        self.assertIn(first.grpc, errors)
        self.assertEqual(first.end(), 0)

    # Rules: A1
    def test_unix_socket_and_json_log(self):
        path = self.scratch / "socket"
        server = Process("--listen", f"unix:{path}", "--http-listen", "off", "--data", self.data,
                         "--insecure", "--log-format", "json")
        self.assertEqual(server.grpc, f"unix:{path}")
        self.assertTrue(path.is_socket())
        self.assertEqual(server.end(), 0)
        for line in server.log.splitlines():
            self.assertRegex(line, r'^\{"time":".*","level":"[a-z]+","message":".*"\}$')

    # Rules: J2
    def test_offline_verification(self):
        status, _, errors = run("--verify-ledger", self.scratch / "nothing")
        self.assertEqual(status, 1)
        self.assertTrue(errors)
        server = Process(*self.listen, "--insecure")
        self.assertEqual(server.end(), 0)
        status, output, _ = run("--verify-ledger", self.data)
        self.assertEqual(status, 0)
        self.assertIn("0 violations", output)

    # Rules: J2
    def test_the_command_line_finds_the_server_program_of_its_build_tree(self):
        self.assertEqual(Process(*self.listen, "--insecure").end(), 0)
        done = subprocess.run([BURSAR, "verify", "--data", self.data], env={"PATH": ""},
                              capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("0 violations", done.stdout)


if __name__ == "__main__":
    BURSARD = sys.argv.pop(1)
    BURSAR = sys.argv.pop(1)
    unittest.main()

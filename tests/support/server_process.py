"""Runs the real programs for tests: a server on free loopback ports, and the command line.

The server is asked for port 0 and prints the addresses that it got, so tests never share a port.
"""
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import tempfile
import threading

WAIT_SECONDS = 60
ROOT = pathlib.Path(__file__).resolve().parents[2]
CHAT_TRACE = ROOT / "tests/testdata/traces/azure_llm_2023_conv.csv"
CODE_TRACE = ROOT / "tests/testdata/traces/azure_llm_2023_code.csv"


def seeded(name):
    """A generator whose seed is printed, and taken from BURSAR_TEST_SEED where that is set."""
    seed = int(os.environ.get("BURSAR_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"{name}: BURSAR_TEST_SEED={seed}", flush=True)
    return random.Random(seed)


def resident_kib(pid, peak=False):
    """The resident memory of a process, now or the most that it has had."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{'VmHWM' if peak else 'VmRSS'}:\s+(\d+) kB", status).group(1))


class Server:
    """One server process on a data directory; of everybody unless `token_file` is given."""

    def __init__(self, bursard, data, *flags, listen="127.0.0.1:0", http_listen="127.0.0.1:0",
                 token_file=None):
        access = ["--insecure"] if token_file is None else ["--operator-token-file", token_file]
        self.process = subprocess.Popen(
            list(map(str, [bursard, "--listen", listen, "--http-listen", http_listen, *access,
                           "--data", data, *flags])),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.address = self.http_address = None
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r"listening grpc=(\S+) http=(\S+)", line)
            if found:
                self.address, self.http_address = found.group(1).split(",")[0], found.group(2)
                break
        if self.address is None:
            self.process.wait()
            raise StartRefused(self.process.returncode, "".join(self.lines))
        # Nobody else reads the log; a full pipe would stop the server.
        self.reader = threading.Thread(target=self._drain, daemon=True)
        self.reader.start()

    def _drain(self):
        for line in self.process.stdout:
            self.lines.append(line)

    @property
    def log(self):
        return "".join(self.lines)

    def is_running(self):
        return self.process.poll() is None

    def wait(self):
        """The exit status of a server that ends by itself."""
        status = self.process.wait(WAIT_SECONDS)
        self.reader.join()
        return status

    def kill(self):
        """Ends the server without a word (kill -9)."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.reader.join()

    def stop(self):
        """Asks the server to end, and returns its exit status."""
        if self.is_running():
            self.process.terminate()
        status = self.process.wait()
        self.reader.join()
        return status


class StartRefused(Exception):
    """The server ended before it listened."""

    def __init__(self, status, log):
        super().__init__(f"exit status {status}:\n{log}")
        self.status = status
        self.log = log


class CommandLine:
    """The `bursar` program, answering in JSON, with a state directory of its own."""

    def __init__(self, bursar, scratch):
        self.bursar = bursar
        self.environment = dict(os.environ, XDG_STATE_HOME=str(scratch))

    def start(self, address, *arguments):
        return subprocess.Popen([self.bursar, "--server", address, "--output", "json",
                                 *map(str, arguments)], env=self.environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, address, *arguments, expect=(0,)):
        process = self.start(address, *arguments)
        output, errors = process.communicate()
        if process.returncode not in expect:
            raise AssertionError(f"bursar {' '.join(map(str, arguments))}: exit status "
                                 f"{process.returncode}\n{output}\n{errors}")
        return json.loads(output) if output.strip() else {}

    def journal(self, address, organization, kind=None):
        """Every entry of an organization's journal, oldest first."""
        flags = ["--kind", kind] if kind else []
        reply = self.run(address, "journal", organization, "--ascending", "--all", *flags)
        return reply.get("entries", [])


def nanos(money):
    """An amount as an integer."""
    return int(money.get("units", 0)) * 10**9 + int(money.get("nanos", 0))


def scratch_directory():
    return tempfile.TemporaryDirectory(prefix="bursar-test-")

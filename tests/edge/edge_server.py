"""A bursard with a token, whose process can be looked into and started again."""
import pathlib
import re
import resource
import subprocess
import time
import urllib.request

from honest import Honest

TOKEN = "correct-horse-battery-staple-0123456789"
START_SECONDS = 60


def make_certificate(folder):
    """A certificate of its own for this machine; the paths of certificate and key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", str(key), "-out", str(certificate)], check=True,
                   capture_output=True)
    return certificate, key


class EdgeServer:
    """Starts bursard on ports that the system chooses; start() takes the same ones again."""

    def __init__(self, bursard, scratch, tls=False, flags=()):
        self.bursard, self.scratch, self.flags = bursard, pathlib.Path(scratch), list(flags)
        self.token = TOKEN
        (self.scratch / "token").write_text(TOKEN)
        (self.scratch / "token").chmod(0o600)
        self.root, self.is_tls = None, tls
        if tls:
            certificate, key = make_certificate(self.scratch)
            self.root = certificate.read_bytes()
            self.flags += ["--tls-cert", certificate, "--tls-key", key]
        self.address = self.http = "127.0.0.1:0"
        self.process = None
        self.start()

    def start(self):
        with open(self.scratch / "log", "ab") as log:
            position = log.tell()
            self.process = subprocess.Popen(
                [self.bursard, "--listen", self.address, "--http-listen", self.http, "--data",
                 self.scratch / "data", "--operator-token-file", self.scratch / "token",
                 *map(str, self.flags)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.is_running():
            found = re.search(r"listening grpc=(\S+) http=(\S+)", self.log()[position:])
            if found:
                self.address, self.http = found.group(1).split(",")[0], found.group(2)
                return
        raise AssertionError(f"the server does not start: {self.log()}")

    def is_running(self):
        return self.process.poll() is None

    def wait(self):
        return self.process.wait(START_SECONDS)

    def stop(self):
        self.process.terminate()
        return self.process.wait(START_SECONDS)

    def kill(self):
        """For the end of a test, whatever became of the server."""
        if self.is_running():
            self.process.kill()
            self.process.wait()

    def log(self):
        return (self.scratch / "log").read_text(errors="replace")

    def peak_bytes(self):
        """The most resident memory that the process has had."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024

    def allow_descriptors(self, more):
        """Lets the process open so many more descriptors than it has now, and no more."""
        now = len(list(pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()))
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (now + more, now + more))

    def metrics(self):
        """Every sample of /metrics, by its name and labels."""
        scheme = "https" if self.is_tls else "http"
        request = urllib.request.Request(f"{scheme}://{self.http}/metrics",
                                         headers={"Authorization": f"Bearer {self.token}"})
        context = None
        if self.is_tls:
            import ssl
            context = ssl.create_default_context(cadata=self.root.decode())
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            lines = answer.read().decode().splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in lines if not line.startswith("#")}

    def live_connections(self):
        return int(self.metrics()["bursar_connections"])

    def wait_for_answers(self, count):
        """Until that many calls of CheckAdmission were answered."""
        name = 'bursar_rpc_answers_total{rpc="bursar.v1.QuotaService/CheckAdmission",code='
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if sum(v for k, v in self.metrics().items() if k.startswith(name)) >= count:
                return
        raise AssertionError("the calls take too long")

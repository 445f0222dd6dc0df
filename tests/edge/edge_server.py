"""A bursard with a token, whose process can be looked into and started again."""
import pathlib
import resource
import time
import urllib.request

from certificates import make_certificate
from server_process import WAIT_SECONDS, Server, resident_kib

TOKEN = "correct-horse-battery-staple-0123456789"


class EdgeServer:
    """Starts bursard on ports that the system chooses; start() takes the same ones again."""

    def __init__(self, bursard, scratch, tls=False, flags=()):
        self.bursard, self.scratch, self.flags = bursard, pathlib.Path(scratch), list(flags)
        self.token = TOKEN
        (self.scratch / "token").write_text(TOKEN)
        (self.scratch / "token").chmod(0o600)
        self.root, self.is_tls = None, tls
        if tls:
            certificate, key = make_certificate(self.scratch, "cert")
            self.root = certificate.read_bytes()
            self.flags += ["--tls-cert", certificate, "--tls-key", key]
        self.address = self.http = "127.0.0.1:0"
        self.server = None
        self.start()

    def start(self):
        """StartRefused, with what the server said, where it does not start."""
        self.server = Server(self.bursard, self.scratch / "data", *self.flags, listen=self.address,
                             http_listen=self.http, token_file=self.scratch / "token")
        self.address, self.http = self.server.address, self.server.http_address

    def is_running(self):
        return self.server.is_running()

    def wait(self):
        return self.server.wait()

    def stop(self):
        return self.server.stop()

    def kill(self):
        """For the end of a test, whatever became of the server."""
        if self.is_running():
            self.server.kill()

    def log(self):
        """What it said since it was started."""
        return self.server.log

    def peak_bytes(self):
        """The most resident memory that the process has had."""
        return resident_kib(self.server.process.pid, peak=True) * 1024

    def allow_descriptors(self, more):
        """Lets the process open so many more descriptors than it has now, and no more."""
        now = len(list(pathlib.Path(f"/proc/{self.server.process.pid}/fd").iterdir()))
        resource.prlimit(self.server.process.pid, resource.RLIMIT_NOFILE, (now + more, now + more))

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
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            if sum(v for k, v in self.metrics().items() if k.startswith(name)) >= count:
                return
        raise AssertionError("the calls take too long")

"""nginx and HAProxy as deploy/ configures them, run for a test in a folder of its own.

The shipped file is used as it is. What must differ is replaced literally: addresses, paths and,
where a test is not root, the change of user. A replacement that finds nothing to replace is an
error, so that a test never runs on less than what is shipped.
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import raw_http2  # noqa: E402
from certificates import Authority  # noqa: E402
from server_process import resident_kib  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60
IS_ROOT = os.geteuid() == 0


class Port:
    """A port of loopback that is ours, though nobody listens at it yet.

    It is bound and not listened at: the system gives it to nobody else, and a server, which like
    this binds with SO_REUSEADDR, may listen at it, and again after a restart.
    """

    def __init__(self, family=socket.AF_INET):
        self._socket = socket.socket(family)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        self.number = self._socket.getsockname()[1]

    def close(self):
        self._socket.close()


def has_ipv6():
    try:
        Port(socket.AF_INET6).close()
    except OSError:
        return False
    return True


def poll(condition, what):
    """Asks until the answer is true, and returns it; an error after PATIENCE_SECONDS."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = threading.Event()
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {PATIENCE_SECONDS} seconds: {what}")
        pause.wait(0.02)


def renew_server_certificate(authority):
    """server.crt for localhost and its key: a new one, in the place of the one before."""
    files = authority.issue("server", "DNS:localhost", "DNS:bursard", "IP:127.0.0.1",
                            purpose="serverAuth")
    for source, name in zip(files, ("server.crt", "server.key")):
        shutil.copy(source, authority.folder / name)


def make_certificates(folder):
    """The authority of: ca.crt, server.crt and server.key for localhost, and client.pem, the
    front's certificate and key; under the names that the configurations have for them."""
    authority = Authority(folder, "ca")
    renew_server_certificate(authority)
    client = authority.issue("client", "DNS:front.example", purpose="clientAuth")
    for name in ("ca.crt", "bursard-ca.crt"):
        shutil.copy(authority.certificate, folder / name)
    for source, name in zip(client, ("client.crt", "client.key")):
        shutil.copy(source, folder / name)
    (folder / "client.pem").write_bytes(b"".join(path.read_bytes() for path in client))
    return authority


class Front:
    """A proxy of the shipped configuration; `with` ends it."""

    program = None
    shipped = None
    reload_signal = None

    def __init__(self, folder, bursard, changes=()):
        """`folder` has the certificate; `bursard` is as `upstream_of` says; `changes` are further
        pairs of text to replace, for limits too large to reach in a test."""
        self.folder = folder
        self._ports = []
        self.port = self.reserve()
        self.process = None
        self.configuration = folder / pathlib.Path(self.shipped).name
        text = (ROOT / self.shipped).read_text()
        for old, new in [*changes, *self.replacements(bursard)]:
            if old not in text:
                raise AssertionError(f"{self.shipped} has no {old!r} any more")
            text = text.replace(old, new)
        self.configuration.write_text(text)

    def reserve(self, family=socket.AF_INET):
        self._ports.append(Port(family))
        return self._ports[-1].number

    def replacements(self, bursard):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def check_command(self):
        raise NotImplementedError

    def __enter__(self):
        with open(self.folder / "front.log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)
        try:
            poll(self._answers, f"{self.program} answers: {self.log()}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE_SECONDS)
        for port in self._ports:
            port.close()

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.program} ended with {self.process.returncode}: {self.log()}")
        try:
            self.connect().__exit__()
        except OSError:
            return False
        return True

    def connect(self, source="127.0.0.1", **more):
        return raw_http2.Connection(("127.0.0.1", self.port), self.folder / "ca.crt", source,
                                    **more)

    def reload(self):
        """Reads configuration and certificates again, as systemctl reload does it."""
        self.process.send_signal(self.reload_signal)

    def log(self):
        return (self.folder / "front.log").read_text(errors="replace")

    def pids(self):
        mine = self.process.pid
        children = pathlib.Path(f"/proc/{mine}/task/{mine}/children").read_text().split()
        return [mine, *map(int, children)]

    def resident_kib(self):
        return sum(resident_kib(pid) for pid in self.pids())


class Nginx(Front):
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:" + os.environ.get("PATH", ""))
    shipped = "deploy/nginx/bursar.conf"
    reload_signal = signal.SIGHUP

    @staticmethod
    def upstream_of(server):
        return server.address

    def replacements(self, bursard):
        hop = self.reserve()
        temporary = "".join(f"    {kind}_temp_path {self.folder}/{kind};\n" for kind in
                            ("client_body", "proxy", "fastcgi", "scgi", "uwsgi"))
        pairs = [("/run/nginx.pid", f"{self.folder}/nginx.pid"),
                 ("/var/log/nginx/error.log", f"{self.folder}/front.log"),
                 ("    server_tokens off;\n", f"    server_tokens off;\n{temporary}"),
                 ("listen 443 ", f"listen 127.0.0.1:{self.port} "),
                 ("127.0.0.1:10443", f"127.0.0.1:{hop}"),
                 ("unix:/run/bursar/grpc.sock;\n        keepalive", f"{bursard};\n        keepalive"),
                 ("/etc/bursar/front", str(self.folder))]
        if has_ipv6():
            pairs.append(("listen [::]:443", f"listen [::1]:{self.reserve(socket.AF_INET6)}"))
        else:
            pairs.append(("listen [::]:443", "#listen [::]:443"))
        if not IS_ROOT:
            pairs.append(("user www-data;\n", ""))
        return pairs

    def command(self):
        return [self.program, "-e", str(self.folder / "front.log"), "-c", str(self.configuration),
                "-g", "daemon off;"]

    def check_command(self):
        return [self.program, "-e", str(self.folder / "front.log"), "-t", "-c",
                str(self.configuration)]


    @classmethod
    def with_tls_to_bursard(cls):
        """Changes that put the commented lines for it in force."""
        text = (ROOT / cls.shipped).read_text()
        lines = re.findall(r"(?m)^ +#(grpc_ssl_[a-z_]+ .*)$", text)
        return [("grpc://bursard", "grpcs://bursard"), *((f"#{line}", line) for line in lines)]


class HaProxy(Front):
    program = shutil.which("haproxy", path="/usr/sbin:/usr/bin:" + os.environ.get("PATH", ""))
    shipped = "deploy/haproxy/bursar.cfg"
    reload_signal = signal.SIGUSR2

    @staticmethod
    def upstream_of(server):
        return server.tcp_address

    def replacements(self, bursard):
        pairs = [("/run/haproxy/admin.sock", f"{self.folder}/admin.sock"),
                 ("bind :443 ", f"bind 127.0.0.1:{self.port} "),
                 ("server bursard 127.0.0.1:50051 ", f"server bursard {bursard} "),
                 ("/etc/bursar/front", str(self.folder))]
        if has_ipv6():
            pairs.append(("bind :::443 ", f"bind ::1:{self.reserve(socket.AF_INET6)} "))
        else:
            pairs.append(("bind :::443 ", "#bind :::443 "))
        if not IS_ROOT:
            pairs += [("    chroot /var/lib/haproxy\n", ""), ("    user haproxy\n", ""),
                      ("    group haproxy\n", "")]
        return pairs

    def command(self):
        # A master and its worker, as Debian's service runs it, and no daemon.
        return [self.program, "-W", "-f", str(self.configuration)]

    def check_command(self):
        return [self.program, "-c", "-f", str(self.configuration)]

    @classmethod
    def with_tls_to_bursard(cls):
        """Changes that put the commented words for it in force."""
        text = (ROOT / cls.shipped).read_text()
        words = re.findall(r"(?m)^#     ((?:ssl|crt) .*)$", text)
        return [(" proto h2 maxconn", f" {' '.join(words)} maxconn")]

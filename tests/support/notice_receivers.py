"""Where notices arrive in tests: a real SMTP server with STARTTLS and logins, and real webhooks."""
import asyncio
import email
import email.policy
import json
import pathlib
import shutil
import ssl
import subprocess
import threading
import time
import urllib.request

from aiosmtpd.smtp import SMTP, AuthResult
from certificates import make_certificate

ROOT = pathlib.Path(__file__).resolve().parents[2]
WAIT_SECONDS = 60


# Notified whenever something arrives anywhere.
ARRIVED = threading.Condition()


def wait_for(what, condition):
    """Waits until the condition gives something true, and returns it.

    It is asked again at every arrival, and now and then for what the server alone knows.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        with ARRIVED:
            ARRIVED.wait(timeout=0.05)
    raise AssertionError(f"it did not come to this in {WAIT_SECONDS} s: {what}")


def tell_arrival():
    with ARRIVED:
        ARRIVED.notify_all()


class Mail:
    """One message as it arrived."""

    def __init__(self, recipient, content, over_tls, user_name):
        self.recipient = recipient
        self.over_tls = over_tls
        self.user_name = user_name
        self.message = email.message_from_bytes(content, policy=email.policy.default)

    @property
    def notice_id(self):
        return self.message["Message-ID"].strip("<>").split("@")[0]

    @property
    def subject(self):
        return self.message["Subject"]

    def body(self, kind):
        return self.message.get_body(preferencelist=(kind,)).get_content()


class MailServer:
    """An SMTP server that insists on STARTTLS and a login, and refuses whom it is told to."""

    def __init__(self, folder, user_name="bursar", password="let me in"):
        self.certificate, key = make_certificate(folder, "mail")
        self.user_name, self.password = user_name, password
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(self.certificate, key)
        self._lock = threading.Lock()
        self._mails = []
        self.refused = set()
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = None
        self.up()

    # ---- What aiosmtpd calls ----

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refused:
            return "550 5.1.1 no such person here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        with self._lock:
            for recipient in envelope.rcpt_tos:
                self._mails.append(Mail(recipient, envelope.content, session.ssl is not None,
                                        getattr(session, "auth_data", None)))
        tell_arrival()
        return "250 OK"

    def _authenticate(self, server, session, envelope, mechanism, data):
        login = data.login.decode(), data.password.decode()
        good = login == (self.user_name, self.password)
        return AuthResult(success=good, handled=good, auth_data=login[0] if good else None)

    # ---- What tests call ----

    @property
    def mails(self):
        with self._lock:
            return list(self._mails)

    def up(self):
        """Listens, always on the same port."""
        def factory():
            return SMTP(self, tls_context=self._tls, require_starttls=True, auth_required=True,
                        auth_require_tls=True, authenticator=self._authenticate,
                        hostname="mail.test", loop=self._loop)

        async def listen():
            return await self._loop.create_server(factory, "127.0.0.1", self.port)

        self._server = asyncio.run_coroutine_threadsafe(listen(), self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]

    def down(self):
        """Listens no more."""
        async def close():
            self._server.close()
            await self._server.wait_closed()

        asyncio.run_coroutine_threadsafe(close(), self._loop).result()

    def close(self):
        self.down()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def flags(self, folder):
        """The settings with which bursard sends here."""
        password = folder / "smtp.password"
        password.write_text(self.password + "\n")
        return ["--smtp-url", f"smtp://localhost:{self.port}", "--smtp-from",
                "Bursar <bursar@example.com>", "--smtp-username", self.user_name,
                "--smtp-password-file", str(password), "--smtp-ca-file", str(self.certificate)]


class WebhookReceiver:
    """The receiver in webhook_receiver.js, as a process."""

    def __init__(self):
        modules = ROOT / "build/tools/node_modules"
        self._process = subprocess.Popen(
            [shutil.which("node"), str(ROOT / "tests/support/webhook_receiver.js"), str(modules)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self._process.stdout.readline())["port"]
        self._lock = threading.Lock()
        self._posts = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            with self._lock:
                self._posts.append(json.loads(line))
            tell_arrival()

    @property
    def posts(self):
        with self._lock:
            return list(self._posts)

    def at(self, path):
        return [post for post in self.posts if post["path"] == path]

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def _call(self, path, body=b""):
        with urllib.request.urlopen(urllib.request.Request(self.url(path), data=body,
                                                           method="POST")):
            pass

    def keep_secret(self, name, secret):
        self._call(f"/secret/{name}", secret.encode())

    def heal(self, name):
        self._call(f"/heal/{name}")

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._reader.join()

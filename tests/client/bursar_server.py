"""A bursard of a test's own: on a unix socket in a folder of its own, gone at the end."""

import json
import os
import pathlib
import subprocess
import tempfile

import grpc

START_SECONDS = 60


class BursarServer:
    """Starts bursard; `with` ends it and removes its folder.

    Without `token` it serves everybody on its socket; with one, only who brings it. `sandbox` is
    called in the new process before it becomes the server.
    """

    def __init__(self, bursard, bursar, token=None, flags=(), sandbox=None, http_listen="off"):
        self._bursard = bursard
        self._bursar = bursar
        self._token = token
        self._flags = [str(flag) for flag in flags]
        self._sandbox = sandbox
        self._http_listen = http_listen
        self._process = None
        self._folder = tempfile.TemporaryDirectory(prefix="bursar-test-")
        self.folder = pathlib.Path(self._folder.name)
        self.data = self.folder / "data"
        self.address = f"unix:{self.folder}/bursard.sock"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        self._folder.cleanup()

    def start(self):
        """Starts the server and returns when it accepts connections."""
        arguments = [self._bursard, "--listen", self.address, "--http-listen", self._http_listen,
                     "--data", str(self.data), *self._flags]
        if self._token is None:
            arguments.append("--insecure")
        else:
            token_file = self.folder / "operator.token"
            token_file.write_text(self._token)
            arguments += ["--operator-token-file", str(token_file)]
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(arguments, stdout=log, stderr=log,
                                             env=self._environment(), preexec_fn=self._sandbox)
        with grpc.insecure_channel(self.address) as channel:
            try:
                grpc.channel_ready_future(channel).result(timeout=START_SECONDS)
            except grpc.FutureTimeoutError:
                raise RuntimeError(f"bursard does not answer: {self.log()}") from None

    @property
    def pid(self):
        return self._process.pid

    def stop(self):
        """Ends the server as an operator would; returns its exit status."""
        if self._process is None:
            return None
        self._process.terminate()
        status = self._process.wait(timeout=START_SECONDS)
        self._process = None
        return status

    def kill(self):
        """Ends the server as a power cut would end the process."""
        self._process.kill()
        self._process.wait(timeout=START_SECONDS)
        self._process = None

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def _environment(self, **more):
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith("BURSAR_")}
        return {**kept, "XDG_STATE_HOME": str(self.folder / "state"), **more}

    def run(self, *arguments, json_output=False, address=None, **environment):
        """Runs the command line: exit status, standard output, standard error.

        `address`: another one of the server's than its socket.
        """
        shared = ["--server", address or self.address] + (["--output", "json"] if json_output else [])
        done = subprocess.run([self._bursar, *shared, *arguments], capture_output=True, text=True,
                              env=self._environment(**environment), timeout=120, check=False)
        return done.returncode, done.stdout, done.stderr

    def ask(self, *arguments, status=0, **environment):
        """Runs the command line for its JSON; fails unless it ends with `status`."""
        got, out, err = self.run(*arguments, json_output=True, **environment)
        if got != status:
            raise AssertionError(f"bursar {' '.join(arguments)}: status {got}, not {status}\n"
                                 f"{out}{err}\n{self.log()}")
        return json.loads(out) if out else None

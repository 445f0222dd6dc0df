"""What Bursar is measured against, each a real server on loopback with a directory of its own.

Every yardstick has `pid` of the server (its CPU time counts) and is a context manager. Redis and
PostgreSQL do the same work as a record does: a request id is deduplicated, four limits are looked
at, and the change is on disk before the answer.
"""
import contextlib
import json
import os
import pathlib
import pwd
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import server_process  # noqa: E402

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
COST_NANOS = 1_234_567
# An operator's, of the wallets that are measured.
TOKEN = "the-benchmark's-own-operator-token"
LIMIT_NANOS = 10**17


def cpu_seconds(pid):
    """The CPU time of a process and of the children that it has had and has."""
    total = 0
    for one in [pid] + children(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
            total += sum(map(int, fields[11:15] if one == pid else fields[11:13]))
    return total / TICKS_PER_SECOND


def children(pid):
    found = []
    with contextlib.suppress(FileNotFoundError):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def run(*command, stderr=subprocess.PIPE, **options):
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=stderr, text=True,
                          check=False, **options)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: exit status {done.returncode}\n"
                         f"{done.stdout}{done.stderr or ''}")
    return done.stdout


def fdatasync_milliseconds(directory, times=400):
    """The median of what appending 512 bytes and one fdatasync take here."""
    path = pathlib.Path(directory) / "fdatasync"
    taken = []
    with open(path, "wb", buffering=0) as file:
        for _ in range(times):
            begin = time.perf_counter()
            file.write(b"x" * 512)
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - begin)
    path.unlink()
    return 1e3 * statistics.median(taken)


class Process:
    """A server process that is ended when its block is left."""

    def __init__(self, *command, ready, **options):
        self.process = subprocess.Popen(list(map(str, command)), text=True, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, **options)
        lines = []
        self.ready = None
        for line in self.process.stdout:
            lines.append(line)
            self.ready = re.search(ready, line)
            if self.ready:
                break
        if self.ready is None:
            raise SystemExit(f"{command[0]} did not start:\n{''.join(lines)}")
        # Nobody else reads what it says; a full pipe would stop it.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    @property
    def pid(self):
        return self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Echo(Process):
    """A gRPC server that answers the same calls with replies of the same shape and does nothing."""

    def __init__(self, build):
        super().__init__(build / "tests/bench/bare_echo", "127.0.0.1:0", stdin=subprocess.PIPE,
                         ready=r"listening grpc=(\S+)")
        self.address = self.ready.group(1)


class Redis(Process):
    """redis-server that syncs its append-only file before it answers, with a script."""

    name = "Redis"

    def __init__(self, directory):
        self.port = free_port()
        data = pathlib.Path(directory) / "redis"
        data.mkdir()
        super().__init__("redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", data,
                         "--save", "", "--appendonly", "yes", "--appendfsync", "always",
                         # What it would do in the background would fall into another's turn.
                         "--auto-aof-rewrite-percentage", "0",
                         ready="Ready to accept connections")
        script = (HERE / "redis_wallet.lua").read_text(encoding="utf-8")
        self.digest = run("redis-cli", "-p", self.port, "script", "load", script).strip()

    def record(self, clients, seconds):
        """Records by so many clients, one after the other: how many a second, and CPU of each. Its
        one thread does not mind whose they are."""
        def bench(count):
            before, begin = cpu_seconds(self.pid), time.monotonic()
            run("redis-benchmark", "-p", self.port, "-c", clients, "-n", count, "-r", 10**12,
                "--csv", "evalsha", self.digest, "6", "request:__rand_int__", "balance",
                "organization", "tier", "member", "surface", COST_NANOS, LIMIT_NANOS)
            taken = time.monotonic() - begin
            return count / taken, 1e6 * (cpu_seconds(self.pid) - before) / count

        rate, _ = bench(2000)
        rate, cpu = bench(int(rate * seconds))
        return {"itemsPerSecond": rate, "serverCpuMicrosecondsPerItem": cpu}


class Postgres(Process):
    """PostgreSQL with synchronous commit and a function."""

    name = "PostgreSQL"

    def __init__(self, directory):
        self.port = free_port()
        self.data = pathlib.Path(directory) / "postgres"
        self.data.mkdir()
        self.scripts = pathlib.Path(directory)
        self.bin = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        # The server refuses to be run by root.
        self.as_user = []
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.data, user.pw_uid, user.pw_gid)
            pathlib.Path(directory).chmod(0o755)
            self.as_user = [shutil.which("setpriv"), f"--reuid={user.pw_uid}",
                            f"--regid={user.pw_gid}", "--clear-groups"]
        run(*self.as_user, self.bin / "initdb", "-D", self.data, "-A", "trust", "-U", "bench",
            "--no-sync")
        super().__init__(*self.as_user, self.bin / "postgres", "-D", self.data, "-p", self.port,
                         "-c", "listen_addresses=127.0.0.1", "-k", self.data,
                         "-c", "shared_buffers=1GB", "-c", "max_connections=300",
                         # As with Redis.
                         "-c", "autovacuum=off", "-c", "checkpoint_timeout=1h",
                         "-c", "max_wal_size=8GB",
                         ready="ready to accept connections")
        self.connect = ["-h", "127.0.0.1", "-p", self.port, "-U", "bench"]
        run(self.bin / "psql", *self.connect, "-q", "-v", "ON_ERROR_STOP=1", "-f",
            HERE / "postgres_wallet.sql", "postgres")

    def record(self, clients, seconds, organizations=1):
        script = self.scripts / f"record-{organizations}.pgbench"
        script.write_text(
            f"\\set org random(0, {organizations - 1})\n\\set member random(0, 39)\n"
            "\\set request random(1, 9000000000000000000)\n"
            f"SELECT record(:org, 'm-' || :member, :request, {COST_NANOS});\n", encoding="utf-8")
        before = cpu_seconds(self.pid)
        text = run(self.bin / "pgbench", *self.connect, "-n", "-f", script, "-c", clients, "-j", 2,
                   "-T", max(1, round(seconds)), "-M", "prepared", "postgres")
        cpu = cpu_seconds(self.pid) - before
        rate = float(re.search(r"tps = ([\d.]+)", text).group(1))
        count = int(re.search(r"actually processed: (\d+)", text).group(1))
        return {"itemsPerSecond": rate, "serverCpuMicrosecondsPerItem": 1e6 * cpu / count}


class Load:
    """The load generator (bursar_load) against one gRPC server."""

    def __init__(self, build, address, pid):
        self.command = [build / "tests/bench/bursar_load"]
        self.target = ["--server", address, "--token", TOKEN]
        self.pid = pid
        self.runs = 0
        self.name = f"{os.getpid()}-{address.rsplit(':', 1)[-1]}"

    def start(self, call, **options):
        self.runs += 1
        flags = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
        prefix = f"--prefix={self.name}-{self.runs}"
        return subprocess.Popen(
            list(map(str, [*self.command, call, *self.target, "--server-pid", self.pid, prefix,
                           *flags])), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process):
        output, errors = process.communicate()
        if process.returncode != 0:
            raise SystemExit(f"bursar_load: exit status {process.returncode}\n{output}{errors}")
        return json.loads(output)

    def run(self, call, **options):
        return self.finish(self.start(call, **options))

    def set_up(self, organizations, members=40):
        """Organizations with members and extra usage."""
        for call in ("organization", "members", "extra"):
            self.run(call, count=organizations, in_flight=64, members=members)


class Wallet:
    """A bursard with its data under a directory, and `load` to put on it."""

    def __init__(self, build, directory):
        self.build = build
        self.data = directory / "data"
        self.backups = directory / "backups"
        self.token_file = directory / "token"
        directory.mkdir()
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(TOKEN, encoding="utf-8")
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()

    def start(self):
        """How long it took until it listened."""
        begin = time.monotonic()
        self.server = server_process.Server(self.build / "server/app/bursard", self.data,
                                            "--backups", self.backups, token_file=self.token_file)
        self.load = Load(self.build, self.server.address, self.pid)
        return time.monotonic() - begin

    def stop(self):
        self.server.stop()

    def kill_and_start(self):
        """How long the server takes from its start until it listens, after it was killed."""
        self.server.kill()
        return self.start()

    @property
    def pid(self):
        return self.server.process.pid

    def resident_mebibytes(self):
        return server_process.resident_kib(self.pid) / 1024

    def bytes_on_disk(self):
        return sum(path.stat().st_blocks * 512 for path in self.data.rglob("*") if path.is_file())

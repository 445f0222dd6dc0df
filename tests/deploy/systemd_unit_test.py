"""The unit that deploy/systemd ships: systemd's own judgement of it, and the server as it says.

systemd is not asked to start anything, which it can only where it is the first process. What of the
unit could break the server instead (its system calls, address families and executable memory) is
put around the real server by the same means as systemd's, seccomp.

    systemd_unit_test.py BURSARD BURSAR
"""
import configparser
import ctypes
import errno
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "client"))
from bursar_server import BursarServer  # noqa: E402

UNIT = pathlib.Path(__file__).resolve().parents[2] / "deploy/systemd/bursard.service"
SETTINGS_FILE = UNIT.with_name("bursard.conf")
BURSARD = None
BURSAR = None
TOKEN = "correct-horse-battery-staple-0123456789"


class UnitFile(configparser.RawConfigParser):
    """The unit's settings; one that is given several times keeps all its values, a line each."""

    class Repeatable(dict):
        def __setitem__(self, key, value):
            if isinstance(value, list) and key in self and isinstance(self[key], list):
                self[key].extend(value)
            else:
                super().__setitem__(key, value)

    def __init__(self, text):
        super().__init__(dict_type=self.Repeatable, strict=False, interpolation=None,
                         inline_comment_prefixes=None)
        self.optionxform = str
        self.read_string(text)

    def service(self, name):
        return self.get("Service", name)


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", "--no-pager", *map(str, arguments)],
                          capture_output=True, text=True, check=False, timeout=120)


def seconds(text):
    return int(re.fullmatch(r"(\d+)s", text).group(1))


def system_calls(groups):
    """The names of system calls that an allow list of the unit comes to: "@a b", then "~@c"."""
    def expand(name):
        if not name.startswith("@"):
            return {name}
        done = analyze("syscall-filter", name)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        members = [line.strip() for line in done.stdout.splitlines()[1:]]
        return set().union(*(expand(member) for member in members
                             if member and not member.startswith("#")))
    allowed = set()
    for line in groups.splitlines():
        names = set().union(*(expand(name) for name in line.lstrip("~").split()))
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed


class Compare(ctypes.Structure):
    """struct scmp_arg_cmp of libseccomp."""
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64),
                ("b", ctypes.c_uint64)]


class Sandbox:
    """A filter of system calls, made before a fork and put in force in the child.

    What the unit refuses with an error ends the process here, so that no call of the server goes
    unnoticed that it could be refused.
    """

    KILL_PROCESS, ALLOW = 0x80000000, 0x7FFF0000
    MASKED_EQUAL, NOT_EQUAL = 7, 1
    NO_NEW_PRIVILEGES = 38
    PROT_WRITE, PROT_EXEC = 2, 4

    def __init__(self, allowed, families):
        self._seccomp = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        self._seccomp.seccomp_init.restype = ctypes.c_void_p
        self._seccomp.seccomp_load.argtypes = [ctypes.c_void_p]
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._filter = self._seccomp.seccomp_init(ctypes.c_uint32(self.KILL_PROCESS))
        for name in sorted(allowed - {"mmap", "mprotect", "pkey_mprotect", "socket"}):
            self._add(name)
        # MemoryDenyWriteExecute: nothing writable is executable, nothing becomes executable.
        for forbidden_bits in (0, self.PROT_WRITE, self.PROT_EXEC):
            self._add("mmap", Compare(2, self.MASKED_EQUAL, self.PROT_WRITE | self.PROT_EXEC,
                                      forbidden_bits))
        for name in ("mprotect", "pkey_mprotect"):
            self._add(name, Compare(2, self.MASKED_EQUAL, self.PROT_EXEC, 0))
        for family in families:
            self._add("socket", Compare(0, self.MASKED_EQUAL, 0xFFFFFFFF, family))
        # glibc asks for the machine's addresses this way, and lives with the refusal.
        self._add("socket", Compare(0, self.MASKED_EQUAL, 0xFFFFFFFF, socket.AF_NETLINK),
                  action=0x00050000 | errno.EAFNOSUPPORT)

    def _add(self, name, *comparisons, action=ALLOW):
        number = self._seccomp.seccomp_syscall_resolve_name(name.encode())
        if number == -1:
            return  # Of another architecture or a newer library.
        array = (Compare * len(comparisons))(*comparisons)
        status = self._seccomp.seccomp_rule_add_array(
            ctypes.c_void_p(self._filter), ctypes.c_uint32(action), ctypes.c_int(number),
            ctypes.c_uint(len(comparisons)), array)
        if status not in (0, -errno.EDOM):  # EDOM: not a call of this architecture.
            raise OSError(-status, f"seccomp_rule_add {name}")

    def enter(self):
        """In the child, before exec."""
        if self._libc.prctl(self.NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS")
        if self._seccomp.seccomp_load(self._filter) != 0:
            raise OSError("seccomp_load")


class SystemdUnitTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="bursar-test-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.token = self.folder / "operator.token"
        self.token.write_text(TOKEN)
        self.token.chmod(0o600)
        self.text = UNIT.read_text()
        self.unit = UnitFile(self.text)

    def copy_of_unit(self, text=None):
        """The unit with a program that exists here, which systemd checks too."""
        self.assertIn("ExecStart=/usr/local/bin/bursard ", self.text)
        path = self.folder / "bursard.service"
        path.write_text((text or self.text).replace("/usr/local/bin/bursard", BURSARD))
        return path

    def flags(self):
        """The server's flags as the unit gives them, with files and folders of this test."""
        command = shlex.split(self.unit.service("ExecStart"))
        self.assertEqual(command[0], "/usr/local/bin/bursard")
        flags = []
        for flag in command[1:]:
            for there, here in (("/etc/bursar/bursard.conf", self.folder / "bursard.conf"),
                                ("/var/lib/bursar", self.folder / "data"),
                                ("%d/", f"{self.folder}/")):
                flag = flag.replace(there, str(here))
            flags.append(flag)
        return flags

    def check_config(self, settings):
        (self.folder / "bursard.conf").write_text(settings)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("BURSAR_")}
        return subprocess.run([BURSARD, *self.flags(), "--check-config"], env=clean, check=False,
                              capture_output=True, text=True, timeout=60)

    def test_systemd_understands_every_line(self):
        done = analyze("verify", "--man=no", self.copy_of_unit())
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        # And would say so if it did not.
        wrong = self.text.replace("MemoryDenyWriteExecute=yes", "MemoryDenyWriteExcute=yes")
        self.assertIn("MemoryDenyWriteExcute",
                      analyze("verify", "--man=no", self.copy_of_unit(wrong)).stderr)

    def test_exposure_is_at_most_two(self):
        done = analyze("security", "--offline=true", "--threshold=20", self.copy_of_unit())
        print(done.stdout.strip().splitlines()[-1])
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_its_flags_and_its_settings_are_accepted(self):
        settings = SETTINGS_FILE.read_text()
        done = self.check_config(settings)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("warning", (done.stdout + done.stderr).lower())
        # What stands there as a comment is accepted too, but for files that are not here.
        backups = re.sub(r"(?m)^#(backups = ).*$", rf"\1{self.folder}/backups", settings)
        self.assertNotEqual(backups, settings)
        self.assertEqual(self.check_config(backups).returncode, 0)
        self.assertEqual(self.check_config(settings + "\nno-such-setting = 1\n").returncode, 2)

    def test_its_limits_fit_the_server(self):
        drain = re.search(r"(?m)^drain-timeout = (\S+)$", SETTINGS_FILE.read_text()).group(1)
        self.assertGreater(seconds(self.unit.service("TimeoutStopSec")), 2 * seconds(drain))
        self.assertEqual(self.unit.service("Restart"), "on-failure")
        self.assertEqual(self.unit.service("RestartPreventExitStatus"), "2")
        # The server does not answer systemd's watchdog, which would kill it.
        self.assertFalse(self.unit.has_option("Service", "WatchdogSec"))

    def test_the_server_lives_with_what_the_unit_allows(self):
        """Starts, commits, makes a backup, drains and starts again under the filter."""
        allowed = system_calls(self.unit.service("SystemCallFilter"))
        self.assertIn("fdatasync", allowed)
        self.assertNotIn("mount", allowed)
        families = [getattr(socket, name) for name in
                    self.unit.service("RestrictAddressFamilies").split()]
        sandbox = Sandbox(allowed, families)
        # The filter is real: what it does not allow ends a program.
        self.assertEqual(subprocess.run(["nice", "true"], check=False,
                                        preexec_fn=sandbox.enter).returncode, -signal.SIGSYS)
        with BursarServer(BURSARD, BURSAR, token=TOKEN, sandbox=sandbox.enter,
                          flags=["--listen", "127.0.0.1:0", "--backups", self.folder / "backups",
                                 "--smtp-url", "smtp://localhost:1", "--smtp-from",
                                 "bursar@acme.example"]) as server:
            for command in (["org", "create", "acme", "--plan", "team"],
                            ["members", "add", "acme", "ann", "--email", "ann@acme.example",
                             "--role", "primary_owner", "--seat", "standard"],
                            ["record", "acme", "ann", "--surface", "chat", "--model",
                             "claude-sonnet-4-6", "--input", "10", "--output", "10"],
                            ["extra", "enable", "acme"],
                            ["credit", "grant", "acme", "25.00"],
                            ["backup", "create"]):
                server.ask(*command, BURSAR_TOKEN=TOKEN)
            self.assertEqual(server.stop(), 0, server.log())
            server.start()
            server.ask("wallet", "acme", BURSAR_TOKEN=TOKEN)
            self.assertEqual(server.stop(), 0, server.log())


if __name__ == "__main__":
    BURSARD, BURSAR = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1], verbosity=2)

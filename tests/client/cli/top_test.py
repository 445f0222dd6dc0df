#!/usr/bin/env python3
"""`bursar top` on a terminal of its own, against a live server.

Rules: S1, D5, N5
"""

import argparse
import codecs
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "client"))

from bursar_server import BursarServer  # pylint: disable=wrong-import-position

SETTINGS = None
PATIENCE_SECONDS = 60
SEQUENCE = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")


class Screen:
    """A program on a pseudo-terminal, and what its user sees."""

    def __init__(self, command, environment, rows=24, columns=150):
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(command, stdin=self.slave, stdout=self.slave,
                                        stderr=subprocess.PIPE, env=environment,
                                        start_new_session=True)
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.pending = ""
        self.lines = {}
        self.row = self.column = 0
        self.is_alternate = False
        self.was_alternate = False

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=PATIENCE_SECONDS)
        self.process.stderr.close()
        os.close(self.master)
        os.close(self.slave)

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys):
        os.write(self.master, keys)

    def text(self):
        return "\n".join(self.lines.get(row, "").rstrip() for row in range(self.rows))

    def wait_for(self, predicate, what):
        """Reads until the screen is so."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not predicate(self):
            left = end - time.monotonic()
            ready, _, _ = select.select([self.master], [], [], max(0, left))
            if not ready:
                raise AssertionError(f"never: {what}\n{self.text()}")
            self.obey(os.read(self.master, 65536))

    def wait_for_text(self, *words):
        self.wait_for(lambda screen: all(word in screen.text() for word in words), words)

    def finish(self):
        """Waits for the end; returns the exit status."""
        status = self.process.wait(timeout=PATIENCE_SECONDS)
        while select.select([self.master], [], [], 0)[0]:
            self.obey(os.read(self.master, 65536))
        return status

    def obey(self, data):
        self.pending += self.decoder.decode(data)
        while self.pending:
            if self.pending[0] != "\x1b":
                self.put(self.pending[0])
                self.pending = self.pending[1:]
                continue
            found = SEQUENCE.match(self.pending)
            if not found:
                assert len(self.pending) < 16, repr(self.pending)
                return
            self.pending = self.pending[found.end():]
            self.sequence(*found.groups())

    def put(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.row = min(self.row + 1, self.rows - 1)
        else:
            line = self.lines.get(self.row, "").ljust(self.column)
            self.lines[self.row] = line[:self.column] + character + line[self.column + 1:]
            self.column += 1

    def sequence(self, private, numbers, letter):
        if private:
            if numbers == "1049":
                self.is_alternate = letter == "h"
                self.was_alternate |= self.is_alternate
        elif letter == "H":
            self.row = self.column = 0
        elif letter == "K":
            self.lines[self.row] = self.lines.get(self.row, "")[:self.column]
        elif letter == "J":
            for row in [row for row in self.lines if row > self.row]:
                del self.lines[row]
        else:
            assert letter == "m", letter


class TopTest(unittest.TestCase):
    """Three organizations: big spends more than small; empty has no credit."""

    def setUp(self):
        self.server = BursarServer(SETTINGS.bursard, SETTINGS.bursar)
        self.addCleanup(self.server.__exit__)
        self.server.start()
        for name in ("small", "big", "empty"):
            self.server.ask("org", "create", name, "--plan", "api")
            self.server.ask("members", "add", name, "ann", "--role", "primary_owner")
        for name, cost in (("small", "1.25"), ("big", "7.50")):
            self.server.ask("credit", "grant", name, "100.00")
            self.server.ask("record", name, "ann", "--cost", cost)

    def environment(self):
        return {"PATH": os.environ["PATH"], "TERM": "xterm", "LC_ALL": "C.UTF-8"}

    def screen(self, *arguments, **size):
        screen = Screen([SETTINGS.bursar, "--server", self.server.address, "top", *arguments],
                        self.environment(), **size)
        self.addCleanup(screen.close)
        return screen

    def organizations(self, text):
        """The rows' organizations, in their order."""
        return [line.split()[0] for line in text.splitlines()
                if line.split()[:1] and line.split()[0] in ("small", "big", "empty")]

    # Rules: S1
    def test_once_prints_a_frame_as_plain_text_by_spend(self):
        status, out, err = self.server.run("top", "--once")
        self.assertEqual((status, err), (0, ""))
        self.assertNotIn("\x1b", out)
        self.assertEqual(self.organizations(out), ["big", "small", "empty"])
        row = next(line for line in out.splitlines() if line.startswith("big"))
        self.assertIn("7.50 USD", row)
        self.assertIn("92.50 USD", row)
        self.assertTrue(row.rstrip().endswith("ok"), row)
        self.assertIn("out: balance used up",
                      next(line for line in out.splitlines() if line.startswith("empty")))

    # Rules: D5
    def test_json_lines_carry_the_wallets(self):
        status, out, _ = self.server.run("top", "--once", "small", "empty", json_output=True)
        self.assertEqual(status, 0)
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([(line["organization"], line["state"]) for line in lines],
                         [("small", "ok"), ("empty", "out")])
        wallet = self.server.ask("wallet", "small")
        self.assertEqual(lines[0]["wallet"]["monthToDate"], wallet["monthToDate"])

    def test_what_cannot_be_read_is_said_in_its_row(self):
        status, out, _ = self.server.run("top", "--once", "small", "nobody")
        self.assertEqual(status, 0)
        self.assertIn("NOT_FOUND",
                      next(line for line in out.splitlines() if line.startswith("nobody")))

    def test_without_a_terminal_the_other_ways_are_named(self):
        status, _, err = self.server.run("top")
        self.assertEqual(status, 2)
        self.assertIn("--once", err)

    def test_keys_sort_select_open_and_quit_and_the_terminal_is_as_before(self):
        screen = self.screen("--interval", "1h")
        screen.wait_for_text("big", "small", "out: balance used up", "SPEND, MONTH*")
        self.assertTrue(screen.is_alternate)
        self.assertEqual(self.organizations(screen.text()), ["big", "small", "empty"])
        screen.press(b"sss")
        screen.wait_for_text("BALANCE*")
        self.assertEqual(self.organizations(screen.text()), ["empty", "big", "small"])
        screen.press(b"\x1b[B\r")
        screen.wait_for_text("plan api", "big", "prepaid")
        screen.press(b"\r")
        screen.wait_for_text("BALANCE*")
        screen.press(b"q")
        self.assertEqual(screen.finish(), 0)
        self.assertTrue(screen.was_alternate)
        self.assertFalse(screen.is_alternate)
        self.assertEqual(termios.tcgetattr(screen.slave), screen.before)

    # Rules: N5
    def test_what_happens_is_shown_as_it_happens(self):
        # Nothing is read anew for an hour but what a watch brings.
        screen = self.screen("--interval", "1h")
        screen.wait_for_text("empty", "3 watched")
        self.server.ask("credit", "grant", "empty", "33.00")
        screen.wait_for_text("credit granted  33.00 USD", "33.00 USD")
        screen.wait_for(lambda one: re.search(r"^empty .* ok$", one.text(), re.MULTILINE), "ok")
        self.server.ask("members", "add", "small", "bob")
        screen.wait_for_text("member upserted  bob")

    def test_the_screen_follows_its_window(self):
        screen = self.screen("--interval", "1h")
        screen.wait_for_text("STATE", "q quit")
        screen.resize(12, 40)
        screen.lines.clear()
        screen.process.send_signal(signal.SIGWINCH)
        screen.wait_for(lambda one: one.lines.get(11, "").startswith("q quit"), "twelve lines")
        self.assertLessEqual(max(map(len, screen.text().splitlines())), 40)

    def test_signals_end_it_and_the_terminal_is_as_before(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                screen = self.screen()
                screen.wait_for_text("q quit")
                screen.process.send_signal(number)
                self.assertEqual(screen.finish(), 0)
                self.assertFalse(screen.is_alternate)
                self.assertEqual(termios.tcgetattr(screen.slave), screen.before)

    def test_a_server_that_goes_away_is_said_and_comes_back(self):
        screen = self.screen("--interval", "100ms")
        screen.wait_for_text("big", "q quit")
        self.server.stop()
        screen.wait_for_text("UNAVAILABLE", "big")
        self.server.start()
        screen.wait_for_text("q quit", "big")

    def test_a_stream_of_lines_ends_by_a_signal(self):
        process = subprocess.Popen(
            [SETTINGS.bursar, "--server", self.server.address, "--output", "json", "top", "small",
             "--interval", "100ms"], stdout=subprocess.PIPE, text=True, env=self.environment())
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        for _ in range(3):
            self.assertEqual(json.loads(process.stdout.readline())["organization"], "small")
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        self.assertEqual(process.wait(timeout=PATIENCE_SECONDS), 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bursard", required=True)
    parser.add_argument("--bursar", required=True)
    SETTINGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)

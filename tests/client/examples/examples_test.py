#!/usr/bin/env python3
"""Runs the Python and Node examples against a live server: admitted and recorded, then denied.

Rules: A1, D1, R2
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "client"))

from bursar_server import BursarServer  # pylint: disable=wrong-import-position

SETTINGS = None
TOKEN = "correct-horse-battery-staple-0123456789"


class ExamplesTest(unittest.TestCase):
    """Each example as its README says to run it."""

    def setUp(self):
        self.server = BursarServer(SETTINGS.bursard, SETTINGS.bursar, token=TOKEN)
        self.addCleanup(self.server.__exit__)
        self.server.start()
        self.bursar("org", "create", "acme", "--plan", "api")
        self.bursar("members", "add", "acme", "ann", "--email", "ann@example.com",
                    "--role", "owner")
        self.token = self.bursar("tokens", "create", "chat", "--role", "frontend",
                                 "--org", "acme")["secret"]

    def bursar(self, *arguments):
        return self.server.ask(*arguments, BURSAR_TOKEN=TOKEN)

    def run_example(self, command, token, **environment):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, **environment, "BURSAR_TOKEN": token})
        print(done.stdout + done.stderr)
        return done

    def check_story(self, command, **environment):
        """No credit: denied with a way out. Credit: answered, and charged once a call."""
        denied = self.run_example(command, self.token, **environment)
        self.assertEqual(denied.returncode, 0, denied.stderr)
        self.assertNotIn("You said", denied.stdout)
        self.assertGreaterEqual(len(denied.stdout.strip().splitlines()), 2)

        self.bursar("credit", "grant", "acme", "25.00")
        admitted = self.run_example(command, self.token, **environment)
        self.assertEqual(admitted.returncode, 0, admitted.stderr)
        self.assertIn("You said: Hello?", admitted.stdout)
        # 1,200 input tokens at 3 USD and 350 output tokens at 15 USD a million.
        self.assertIn("[charged 0.008850000 USD, journal entry ", admitted.stdout)

        usage = self.bursar("usage", "acme")
        self.assertEqual(usage["total"]["recordCount"], "1")
        self.assertEqual(usage["total"]["cost"]["nanos"], 8850000)

        refused = self.run_example(command, "wrong-token-of-no-one-000000000000", **environment)
        self.assertNotEqual(refused.returncode, 0)
        self.assertNotIn("You said", refused.stdout)

    def test_python(self):
        stubs = self.server.folder / "stubs"
        stubs.mkdir()
        protos = sorted((ROOT / "proto" / "bursar" / "v1").glob("*.proto"))
        subprocess.run([SETTINGS.protoc, "-I", str(ROOT / "proto"), f"--python_out={stubs}",
                        f"--grpc_out={stubs}", f"--plugin=protoc-gen-grpc={SETTINGS.plugin}",
                        *map(str, protos)], check=True)
        self.check_story([sys.executable, str(ROOT / "client/examples/python/chat_backend.py"),
                          self.server.address, "acme", "ann", "Hello?"], PYTHONPATH=str(stubs))

    def test_node(self):
        # Beside its own modules, which are not part of the source tree.
        folder = self.server.folder / "node"
        folder.mkdir()
        shutil.copy(ROOT / "client/examples/node/chat_backend.js", folder)
        (folder / "node_modules").symlink_to(SETTINGS.node_modules)
        self.check_story([SETTINGS.node, str(folder / "chat_backend.js"), self.server.address,
                          "acme", "ann", "Hello?"], BURSAR_PROTOS=str(ROOT / "proto"))


def main():
    global SETTINGS  # pylint: disable=global-statement
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("bursard", "bursar", "protoc", "plugin", "node", "node-modules"):
        parser.add_argument(f"--{name}", required=True)
    SETTINGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()

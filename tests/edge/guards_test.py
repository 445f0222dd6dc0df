#!/usr/bin/python3
"""When the server ends by itself, and when it does not.

Rules: A1.

    guards_test.py BURSARD
"""
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from server_process import StartRefused, scratch_directory
from edge_server import EdgeServer
from honest import Honest

BURSARD = None
OUT_OF_MEMORY, DEAF = 3, 4
PATIENCE_SECONDS = 60
KNOCKS = 'bursar_rpc_answers_total{rpc="grpc.health.v1.Health/Check",code="OK"}'


class Guards(unittest.TestCase):
    def setUp(self):
        scratch = scratch_directory()
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)

    def start(self, *flags, tls=False):
        server = EdgeServer(BURSARD, self.scratch, tls=tls, flags=flags)
        self.addCleanup(server.kill)
        return server

    def assert_serves(self, server):
        caller = Honest(server.address, server.token, server.root)
        self.assertTrue(caller.is_new_caller_served())
        caller.end()

    def wait_for_rest(self, path):
        """Until the file was not written for two seconds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.time() - path.stat().st_mtime < 2:
            self.assertLess(time.monotonic(), deadline)

    def test_the_watchdog_reaches_every_door_and_leaves_a_healthy_server_alone(self):
        server = self.start("--listen", f"unix:{self.scratch}/socket", "--watchdog-timeout", "30s",
                            tls=True)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while server.metrics()[KNOCKS] < 4 and time.monotonic() < deadline:
            pass
        self.assertGreaterEqual(server.metrics()[KNOCKS], 4)
        self.assertNotIn("does not answer", server.log())
        self.assert_serves(server)
        self.assertEqual(server.stop(), 0)

    def test_a_deaf_server_ends_with_its_own_status_and_serves_again(self):
        server = self.start("--watchdog-timeout", "2s")
        # Once the store is at rest: otherwise it is the one that fails first, with another status.
        self.wait_for_rest(self.scratch / "data" / "WATERMARK")
        # Nothing can be accepted any more, and for good.
        server.allow_descriptors(0)
        self.assertEqual(server.wait(), DEAF)
        self.assertIn("did not answer 15 health checks", server.log())
        server.start()
        self.assert_serves(server)
        self.assertEqual(server.stop(), 0)

    def test_a_server_over_its_memory_ends_with_its_own_status(self):
        server = self.start("--memory-limit", "16MiB")
        self.assertEqual(server.wait(), OUT_OF_MEMORY)
        self.assertIn("the limit is 16 MiB", server.log())

    def test_too_few_descriptors_are_said_at_the_start(self):
        with self.assertRaisesRegex(StartRefused, "descriptors"):
            self.start("--max-connections", "1000000")


if __name__ == "__main__":
    BURSARD = sys.argv.pop(1)
    unittest.main()

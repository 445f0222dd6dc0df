#!/usr/bin/python3
"""Kills the server at five random points of a replay and resumes it with the same command.

Rules: R2, R3, J1, J2. Afterwards the totals equal those of an uninterrupted run, every request id
that the client saw acknowledged is in the journal exactly once, and the ledger verifies.
"""
import argparse
import collections
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from server_process import CHAT_TRACE, CommandLine, Server, nanos, scratch_directory, seeded

KILLS = 5
ROWS = 19_366
EXPECTED_NANOS = 214_025_975_000  # The trace's tokens at 5 and 25 dollars a million.


def kill_after(process, acknowledged, count, server):
    """Kills the server when the replay has seen `count` acknowledgements in its file."""
    done = threading.Event()
    finished = threading.Thread(target=lambda: (process.communicate(), done.set()))
    finished.start()
    while not done.is_set():
        if acknowledged.exists():
            with acknowledged.open("rb") as lines:
                if sum(1 for _ in lines) >= count:
                    break
        done.wait(0.002)
    server.kill()
    process.kill()
    finished.join()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bursard", required=True)
    parser.add_argument("--bursar", required=True)
    options = parser.parse_args()
    generator = seeded("kill_during_replay")
    points = sorted(generator.sample(range(1, ROWS - 1000), KILLS))
    with scratch_directory() as scratch:
        scratch = pathlib.Path(scratch)
        data, acknowledged = scratch / "data", scratch / "acknowledged"
        command = CommandLine(options.bursar, scratch / "state")
        server = Server(options.bursard, data)
        command.run(server.address, "org", "create", "acme", "--plan", "enterprise_seat",
                    "--anchor", "2026-01-31T10:00:00Z", "--time-zone", "UTC")
        command.run(server.address, "extra", "enable", "acme")
        replay = ["replay", CHAT_TRACE, "--org", "acme", "--members", "40", "--surface", "chat",
                  "--model", "claude-opus-4-5", "--acknowledged", acknowledged]
        for point in points:
            process = command.start(server.address, *replay)
            kill_after(process, acknowledged, point, server)
            server = Server(options.bursard, data)
            print(f"killed after {point} acknowledged records; started again", flush=True)
        summary = command.run(server.address, *replay)
        charges = command.journal(server.address, "acme", "usage_charged")
        verified = command.run(server.address, "verify")
        status = server.stop()
        with_acknowledgement = set(acknowledged.read_text(encoding="ascii").split())

    times_charged = collections.Counter(entry["requestId"] for entry in charges)
    total = sum(nanos(entry["amount"]) for entry in charges)
    assert len(times_charged) == len(charges) == ROWS, f"{len(charges)} charges of {ROWS}"
    assert max(times_charged.values()) == 1, "a request id was charged twice"
    assert with_acknowledgement <= set(times_charged), "an acknowledged record is lost"
    assert total == EXPECTED_NANOS, f"charged {total} nanos instead of {EXPECTED_NANOS}"
    assert int(verified.get("violationCount", 0)) == 0, verified
    assert status == 0, f"the server's exit status was {status}"
    print(f"{KILLS} kills; {len(charges)} charges, each once; {total / 1e9:.6f} in all; "
          f"{len(with_acknowledgement)} acknowledged ids all there; last run replayed "
          f"{summary.get('replayed')}")


if __name__ == "__main__":
    main()

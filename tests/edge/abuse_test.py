#!/usr/bin/python3
"""Clients that abuse HTTP/2, one kind after the other, against a server of their own each.

Rules: A1. After each attack a caller with a token is served again and memory stayed under the limit
that the server was given; or the process has ended with the status that says why, and serves after
being started again. Either way it is never deaf.

    abuse_test.py --bursard PATH [--release] [--only NAME]

--release takes the large sizes and prints a table for docs/reliability.md.
"""
import argparse
import multiprocessing
import pathlib
import resource
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import attacks
from honest import Honest
from server_process import scratch_directory
from edge_server import EdgeServer

OUT_OF_MEMORY, DEAF = 3, 4
SERVED_AGAIN_SECONDS = 60
NEW_CALLERS = 3
MIB = 1 << 20


class Case:
    """An attack and its sizes: what each attacker does, small and large."""

    def __init__(self, name, attack, small, large, attackers=1, tls=False, flags=(), large_flags=(),
                 spare_descriptors=None, new_callers=True):
        self.name, self.attack, self.tls = name, attack, tls
        self.small, self.large, self.attackers = small, large, attackers
        self.flags, self.large_flags = flags, large_flags
        self.spare_descriptors, self.new_callers = spare_descriptors, new_callers


CASES = [
    Case("streams, settings not acknowledged", attacks.streams_without_acknowledgement, 10_000,
         2_000_000),
    Case("rapid reset", attacks.rapid_reset, 5_000, 1_000_000),
    Case("endless headers", attacks.endless_headers, 2_000, 100_000),
    Case("a header of 256 MiB", attacks.endless_value, 500, 20_000),
    Case("ping flood", attacks.ping_flood, 50_000, 5_000_000),
    Case("settings flood", attacks.settings_flood, 50_000, 5_000_000),
    Case("window of one byte, never read", attacks.tiny_window, 5_000, 500_000),
    Case("stalled TLS handshakes", attacks.stalled_handshakes, 100, 1_000, tls=True),
    Case("stalled prefaces", attacks.stalled_prefaces, 100, 1_000),
    Case("silent connections", attacks.silent_connections, 300, 5_000,
         flags=("--max-connections", "100")),
    Case("descriptors used up", attacks.silent_connections, 100, 1_000, spare_descriptors=84,
         new_callers=False),
]


def attacker(case, address, amount, in_place, release):
    held = case.attack(address, amount)
    in_place.set()
    release.wait()
    for connection in held:
        connection.close()


class Attackers:
    """Processes that attack, hold what they have, and let go when told."""

    def __init__(self, case, address, amount):
        self.release = multiprocessing.Event()
        self.in_place = [multiprocessing.Event() for _ in range(case.attackers)]
        self.processes = [
            multiprocessing.Process(target=attacker, daemon=True,
                                    args=(case, address, amount, event, self.release))
            for event in self.in_place]
        for process in self.processes:
            process.start()

    def are_in_place(self):
        return all(event.is_set() or not process.is_alive()
                   for event, process in zip(self.in_place, self.processes))

    def wait(self, server):
        """Until all are in place, or the server has ended."""
        for event in self.in_place:
            while not event.wait(0.05) and server.is_running() and not self.are_in_place():
                pass

    def let_go(self):
        self.release.set()
        for process in self.processes:
            process.join(5)
            if process.is_alive():
                process.kill()
                process.join()


def percentile(seconds, share):
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def shown(seconds):
    return "–" if seconds is None else f"{seconds * 1000:.1f} ms"


def run_case(case, options, scratch):
    """Attacks a new server; returns the row of the table, and asserts what is promised."""
    large = options.release
    limit = options.memory_limit * MIB
    server = EdgeServer(options.bursard, scratch, tls=case.tls, flags=[
        "--memory-limit", f"{options.memory_limit}MiB", *(case.large_flags if large else case.flags)])
    caller = Honest(server.address, server.token, server.root)
    assert caller.is_new_caller_served(), server.log()
    before = []
    if large:
        caller.begin()
        server.wait_for_answers(2_000)
        before, _ = caller.finish()
    if case.spare_descriptors is not None:
        server.allow_descriptors(case.spare_descriptors)
    caller.begin()
    attackers = Attackers(case, server.address, case.large if large else case.small)
    attackers.wait(server)
    during, failures = caller.finish()
    newcomers = sum(caller.is_new_caller_served() for _ in range(NEW_CALLERS)) if (
        server.is_running() and case.new_callers) else None
    attackers.let_go()
    outcome = "served throughout"
    if failures:
        outcome = f"{failures} of {failures + len(during)} calls failed during it, then served"
    if not server.is_running():
        status = server.wait()
        assert status in (OUT_OF_MEMORY, DEAF), f"status {status}: {server.log()}"
        outcome = (f"ended with status {status}, {failures} of {failures + len(during)} calls "
                   "failed; serves after a restart")
        peak = f"over {options.memory_limit} MiB" if status == OUT_OF_MEMORY else "–"
        server.start()
    else:
        peak_bytes = server.peak_bytes()
        peak = f"{peak_bytes // MIB} MiB"
        assert peak_bytes <= limit, f"{peak} is over the limit: {server.log()}"
    deadline = time.monotonic() + SERVED_AGAIN_SECONDS
    is_served = False
    while not is_served and time.monotonic() < deadline:
        is_served = caller.is_new_caller_served()
    assert is_served, f"{case.name}: nobody is served any more\n{server.log()}"
    if newcomers is not None:
        outcome += f"; {newcomers} of {NEW_CALLERS} new callers served during it"
    caller.end()
    status = server.stop()
    assert status == 0, f"status {status}: {server.log()}"
    return [case.name, peak, shown(percentile(before, 0.99)), shown(percentile(during, 0.99)),
            outcome]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bursard", required=True)
    parser.add_argument("--release", action="store_true", help="the large sizes")
    parser.add_argument("--only", help="one attack, by a part of its name")
    parser.add_argument("--memory-limit", type=int, default=1024, help="in MiB")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print("| attack | peak memory | p99 before | p99 during | outcome |\n|---|---:|---:|---:|---|",
          flush=True)
    for case in CASES:
        if options.only and options.only not in case.name:
            continue
        with scratch_directory() as scratch:
            row = run_case(case, options, pathlib.Path(scratch))
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()

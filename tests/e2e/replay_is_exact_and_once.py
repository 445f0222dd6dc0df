#!/usr/bin/python3
"""Two real hours of traffic charge exactly what the public price list says, and only once.

Rules: M3, R2, J1, S2. Both traces are replayed into an organization of 40 members with extra usage
on and no limits, then replayed again: every reply is `replayed`, and the journal's last sequence
and chain hash are unchanged.
"""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from server_process import CHAT_TRACE, CODE_TRACE, CommandLine, Server, nanos, scratch_directory

# Tokens of the traces at the list's prices: 5 and 25 dollars a million, 1 and 5.
EXPECTED = {
    "chat": (CHAT_TRACE, "claude-opus-4-5", 19_366, 214_025_975_000),
    "claude-code": (CODE_TRACE, "claude-haiku-4-5", 8_819, 19_289_454_000),
}


def last_entry(command, address):
    reply = command.run(address, "journal", "acme", "--page-size", 1)
    entry = reply["entries"][0]
    return int(entry["sequence"]), entry["chainHash"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bursard", required=True)
    parser.add_argument("--bursar", required=True)
    options = parser.parse_args()
    with scratch_directory() as scratch:
        scratch = pathlib.Path(scratch)
        command = CommandLine(options.bursar, scratch / "state")
        server = Server(options.bursard, scratch / "data")
        command.run(server.address, "org", "create", "acme", "--plan", "enterprise_seat",
                    "--anchor", "2026-01-31T10:00:00Z", "--time-zone", "UTC")
        command.run(server.address, "extra", "enable", "acme")

        ends = []
        for run in (1, 2):
            for surface, (trace, model, rows, _) in EXPECTED.items():
                summary = command.run(server.address, "replay", trace, "--org", "acme",
                                      "--members", 40, "--surface", surface, "--model", model)
                replayed = int(summary["replayed"])
                assert replayed == (0 if run == 1 else rows), f"run {run}: {replayed} replayed"
            ends.append(last_entry(command, server.address))
        charges = command.journal(server.address, "acme", "usage_charged")
        usage = command.run(server.address, "usage", "acme", "--group-by", "surface")
        verified = command.run(server.address, "verify")
        assert server.stop() == 0

    assert ends[0] == ends[1], f"the second run changed the journal: {ends}"
    reported = {row["surface"]: nanos(row["cost"]) for row in usage["rows"]}
    for surface, (_, model, rows, expected) in EXPECTED.items():
        of_surface = [entry for entry in charges if entry["surface"] == surface]
        total = sum(nanos(entry["amount"]) for entry in of_surface)
        assert len(of_surface) == rows, f"{surface}: {len(of_surface)} charges of {rows}"
        assert total == expected, f"{surface}: {total} nanos instead of {expected}"
        assert reported[surface] == expected, f"{surface}: usage reports {reported[surface]}"
        print(f"{surface:12} {model:18} {rows:>7,} requests {total / 1e9:.6f} USD")
    assert int(verified.get("violationCount", 0)) == 0, verified
    print(f"second run: every reply replayed; sequence {ends[0][0]}, chain hash {ends[0][1][:16]}… "
          "unchanged")


if __name__ == "__main__":
    main()

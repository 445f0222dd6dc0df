#!/usr/bin/python3
"""Two real hours of traffic add up: by surface, model and member, to the statement, exactly.

Rules: S2, S3, S4, S5, D6. Both traces are replayed into an organization of 40 members; the sums by
every dimension, the members' table, the exports and the statement's lines are compared with the sum
over the journal's own entries, to the nano.
"""
import argparse
import collections
import csv
import decimal
import io
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from server_process import CHAT_TRACE, CODE_TRACE, CommandLine, Server, nanos, scratch_directory

REPLAYS = {
    "chat": (CHAT_TRACE, "claude-opus-4-5"),
    "claude-code": (CODE_TRACE, "claude-haiku-4-5"),
}
DIMENSIONS = {"member": "memberId", "surface": "surface", "model": "model",
              "seat_tier": "seatTier", "provider": "provider"}


def plain_nanos(text):
    return int(decimal.Decimal(text) * 10**9)


def text_of(options, address, *arguments):
    return subprocess.run([options.bursar, "--server", address, *map(str, arguments)], check=True,
                          capture_output=True, text=True).stdout


def check_usage(command, address, charges, total):
    for dimension, field in DIMENSIONS.items():
        expected = collections.Counter()
        for entry in charges:
            expected[entry.get(field, "")] += nanos(entry["amount"])
        usage = command.run(address, "usage", "acme", "--group-by", dimension, "--all")
        rows = {row.get(field, ""): nanos(row["cost"]) for row in usage["rows"]}
        assert rows == dict(expected), f"by {dimension}: {rows} instead of {dict(expected)}"
        assert nanos(usage["total"]["cost"]) == total, dimension
    for group in ("meter", "hour,member", "day,surface,model,meter", "month"):
        usage = command.run(address, "usage", "acme", "--group-by", group, "--all")
        assert sum(nanos(row["cost"]) for row in usage["rows"]) == total, group
        assert len(usage["rows"]) > 0


def check_statement(command, address, total):
    listed = command.run(address, "statement", "list", "acme")["statements"]
    assert sum(nanos(one["netCost"]) for one in listed) == total
    net = 0
    for one in listed:
        shown = command.run(address, "statement", "show", "acme", one["statementId"], "--all")
        lines = sum(nanos(line["cost"]) for line in shown["lines"])
        assert lines == nanos(shown["statement"]["netCost"]) == nanos(shown["lineTotal"]["cost"])
        assert len({line["memberId"] for line in shown["lines"]}) == 40
        net += lines
    assert net == total, f"{net} nanos on lines, {total} in the journal"
    return listed


def check_exports(options, address, total):
    rows = list(csv.DictReader(io.StringIO(
        text_of(options, address, "usage", "query", "acme", "--group-by", "day,member,model", "--csv"))))
    assert sum(plain_nanos(row["cost"]) for row in rows) == total
    focus = list(csv.DictReader(io.StringIO(text_of(options, address, "usage", "acme", "--focus"))))
    assert sum(plain_nanos(row["ListCost"]) for row in focus) == total
    billed = sum(plain_nanos(row["BilledCost"]) + plain_nanos(row["x_IncludedCost"])
                 for row in focus)
    assert billed == total
    assert {row["BillingAccountId"] for row in focus} == {"acme"}


def check_members(command, address, charges):
    members = command.run(address, "members", "list", "acme", "--spend", "--all")["members"]
    spent = [nanos(one["monthToDate"]) for one in members]
    assert spent == sorted(spent, reverse=True)
    paged = []
    token = ""
    while True:
        flags = ["--page-token", token] if token else []
        page = command.run(address, "members", "list", "acme", "--spend", "--page-size", 7, *flags)
        paged += [one["member"]["memberId"] for one in page.get("members", [])]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert paged == [one["member"]["memberId"] for one in members]
    extra = sum(nanos(draw["amount"]) for entry in charges for draw in entry.get("draws", [])
                if draw["bucket"] == "BUCKET_EXTRA")
    assert sum(spent) == extra, "the members' month to date is the journal's extra usage"


def check_decisions(command, address, charges):
    for entry in (charges[0], charges[-1]):
        explained = command.run(address, "explain", "acme", entry["sequence"])
        assert explained["reproduced"], explained
        rules = [step["rule"] for step in explained["steps"]]
        assert "B1" in rules and "P5" in rules, rules
    command.run(address, "limits", "set", "acme", "--scope", "organization", "0.01")
    member = charges[-1]["memberId"]
    denied = command.run(address, "check", "acme", member, "--surface", "chat", expect=(3,))
    assert denied["decision"] == "DECISION_DENIED"
    listed = command.run(address, "denials", "list", "acme", "--member", member)["denials"]
    assert listed[0]["denial"]["reason"] == denied["denial"]["reason"]
    explained = command.run(address, "explain", "acme", "--denial", listed[0]["denialId"])
    assert explained["reproduced"] and explained["decision"] == "DECISION_DENIED"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bursard", required=True)
    parser.add_argument("--bursar", required=True)
    options = parser.parse_args()
    with scratch_directory() as scratch:
        scratch = pathlib.Path(scratch)
        command = CommandLine(options.bursar, scratch / "state")
        server = Server(options.bursard, scratch / "data")
        address = server.address
        command.run(address, "org", "create", "acme", "--plan", "enterprise_seat",
                    "--anchor", "2026-01-31T10:00:00Z", "--time-zone", "UTC")
        command.run(address, "extra", "enable", "acme")
        for surface, (trace, model) in REPLAYS.items():
            command.run(address, "replay", trace, "--org", "acme", "--members", 40,
                        "--surface", surface, "--model", model)
        charges = command.journal(address, "acme", "usage_charged")
        total = sum(nanos(entry["amount"]) for entry in charges)
        check_usage(command, address, charges, total)
        listed = check_statement(command, address, total)
        check_exports(options, address, total)
        check_members(command, address, charges)
        check_decisions(command, address, charges)
        verified = command.run(address, "verify")
        assert int(verified.get("violationCount", 0)) == 0, verified
        assert server.stop() == 0
    print(f"{len(charges):,} charges, {total / 1e9:.9f} USD, by every dimension and on "
          f"{len(listed)} statement(s)")


if __name__ == "__main__":
    main()

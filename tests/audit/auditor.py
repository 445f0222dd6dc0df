#!/usr/bin/python3
"""An auditor of exported journals, written apart from the ledger: it shares no rule code with it.

Rules: J1, J2, R2, R3, R7, H4. Reads the lines of `bursar export` and adds up by itself: sequences
have no gap and time never goes back; no request id is charged twice; every acknowledged id is there
exactly once; a charge's draws are its cost; refunds never exceed their charge, in no bucket; holds
are placed once, settled and ended while they are open; and what is left of credit, what is held and
what the month drew are what the wallet says.

    auditor.py EXPORT [--acknowledged ORG=FILE]... [--wallet ORG=FILE.json]...
"""
import argparse
import collections
import datetime
import json
import sys

CREDIT = "JOURNAL_ENTRY_KIND_CREDIT_GRANTED"
EXPIRED = "JOURNAL_ENTRY_KIND_CREDIT_EXPIRED"
CHARGED = "JOURNAL_ENTRY_KIND_USAGE_CHARGED"
REVERSED = "JOURNAL_ENTRY_KIND_ENTRY_REVERSED"
PLACED = "JOURNAL_ENTRY_KIND_HOLD_PLACED"
EXTENDED = "JOURNAL_ENTRY_KIND_HOLD_EXTENDED"
ENDED = "JOURNAL_ENTRY_KIND_HOLD_ENDED"
CHARGED_BACK = "JOURNAL_ENTRY_KIND_CHARGED_BACK"
INCLUDED = "BUCKET_INCLUDED"


def nanos(money):
    """Nanos of a money object; the wire leaves zeros out."""
    if not money:
        return 0
    return int(money.get("units", 0)) * 1_000_000_000 + int(money.get("nanos", 0))


def field(message, name):
    """A field under its proto or its JSON name."""
    head, *rest = name.split("_")
    camel = head + "".join(word.capitalize() for word in rest)
    return message.get(name, message.get(camel))


def instant(text):
    """Nanoseconds of an RFC 3339 instant in UTC."""
    day, _, fraction = text.rstrip("Z").partition(".")
    seconds = datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.timezone.utc)
    return int(seconds.timestamp()) * 1_000_000_000 + int((fraction or "0").ljust(9, "0"))


class Journal:
    """One organization's journal, added up entry by entry."""

    def __init__(self, organization):
        self.organization = organization
        self.problems = []
        self.sequence = 0
        self.time = 0
        self.charges = {}  # Sequence to cost by bucket.
        self.reversed = collections.defaultdict(collections.Counter)
        self.ids = collections.Counter()
        self.holds = {}  # Open ones: sequence to what they still hold.
        self.credit = 0  # Granted, less what expired, was drawn or taken back.
        self.times = {}  # Of the charges, by sequence.

    def problem(self, words):
        self.problems.append(f"{self.organization}, entry {self.sequence}: {words}")

    def take(self, entry):
        sequence = int(entry["sequence"])
        if sequence != self.sequence + 1:
            self.problem(f"entry {sequence} follows")
        self.sequence = sequence
        time = instant(field(entry, "record_time"))
        if time < self.time:
            self.problem("is older than the entry before it")
        self.time = time
        kind = entry["kind"]
        amount = nanos(entry.get("amount"))
        if kind == CHARGED:
            self.take_charge(entry, amount)
        elif kind == REVERSED:
            self.take_reversal(entry, amount)
        elif kind == CREDIT:
            self.credit += amount
        elif kind in (EXPIRED, CHARGED_BACK):
            self.credit -= amount
        elif kind == PLACED:
            self.holds[sequence] = amount
        elif kind == EXTENDED and self.hold(entry) not in self.holds:
            self.problem("extends a hold that is not open")
        elif kind == ENDED and self.holds.pop(self.hold(entry), None) is None:
            self.problem("ends a hold that is not open")

    @staticmethod
    def hold(entry):
        return int(field(entry, "hold_sequence") or 0)

    def draws(self, entry):
        drawn = collections.Counter()
        for draw in entry.get("draws", []):
            drawn[draw["bucket"]] += nanos(draw["amount"])
        return drawn

    def take_charge(self, entry, cost):
        drawn = self.draws(entry)
        if sum(drawn.values()) != cost:
            self.problem(f"costs {cost} and draws {dict(drawn)}")
        self.charges[self.sequence] = drawn
        self.times[self.sequence] = self.time
        self.credit -= cost - drawn[INCLUDED]
        request_id = field(entry, "request_id")
        if not entry.get("captured"):
            if not request_id:
                self.problem("is charged without a request id")
            self.ids[request_id] += 1
        hold = self.hold(entry)
        if hold:
            if hold not in self.holds:
                self.problem("settles a hold that is not open")
            elif entry.get("captured") and self.holds[hold] != cost:
                self.problem(f"captures {cost} of a hold of {self.holds[hold]}")

    def take_reversal(self, entry, amount):
        charge = int(field(entry, "reversed_sequence") or 0)
        if charge not in self.charges:
            self.problem(f"reverses entry {charge}, which is no charge")
            return
        drawn = self.draws(entry)
        if sum(drawn.values()) != amount:
            self.problem(f"takes back {amount} and draws {dict(drawn)}")
        self.reversed[charge] += drawn
        for bucket, back in self.reversed[charge].items():
            if back > self.charges[charge][bucket]:
                self.problem(f"takes more than all of {bucket} of entry {charge} back")

    def finish(self):
        for request_id, times in self.ids.items():
            if times > 1:
                self.problem(f"request id {request_id} was charged {times} times")

    def compare_acknowledged(self, lines):
        for request_id in lines:
            if self.ids[request_id] != 1:
                self.problem(f"{request_id} was acknowledged and is there {self.ids[request_id]} times")

    def compare_wallet(self, wallet):
        if wallet.get("funding") == "FUNDING_PREPAID":
            told = nanos(wallet.get("balance")) - nanos(wallet.get("overdraft"))
            if told != self.credit:
                self.problem(f"credit less what was drawn is {self.credit}, the wallet says {told}")
        start = instant(field(wallet, "month_start")) if field(wallet, "month_start") else None
        if start is None:
            return
        for bucket_is_included, name in ((True, "included_month_to_date"), (False, "month_to_date")):
            told = nanos(field(wallet, name))
            added = sum(self.in_month(bucket_is_included, start))
            if told != added:
                self.problem(f"the month's {name} is {added}, the wallet says {told}")

    def in_month(self, included, start):
        for sequence, drawn in self.charges.items():
            if self.times[sequence] < start:
                continue
            for bucket, amount in drawn.items():
                if (bucket == INCLUDED) == included:
                    yield amount - self.reversed[sequence][bucket]


def read(path):
    """The journals of an export, by organization; and what is wrong with the lines themselves."""
    journals, problems, ended = {}, [], False
    with open(path, encoding="utf-8") as lines:
        for number, text in enumerate(lines, 1):
            line = json.loads(text)
            ended = "end" in line
            commit = line.get("commit")
            if not commit:
                continue
            name = field(commit, "organization_id")
            journal = journals.setdefault(name, Journal(name))
            entries = commit.get("entries", [])
            if int(entries[0]["sequence"]) != int(field(commit, "first_sequence")):
                problems.append(f"line {number} begins with another entry than it says")
            for entry in entries:
                journal.take(entry)
    if not ended:
        problems.append("the export has no end")
    return journals, problems


def main():
    parser = argparse.ArgumentParser(description="Audits exported journals.")
    parser.add_argument("export")
    parser.add_argument("--acknowledged", action="append", default=[], metavar="ORG=FILE")
    parser.add_argument("--wallet", action="append", default=[], metavar="ORG=FILE")
    options = parser.parse_args()
    journals, problems = read(options.export)
    for name, action in (("acknowledged", "compare_acknowledged"), ("wallet", "compare_wallet")):
        for pair in getattr(options, name):
            organization, path = pair.split("=", 1)
            with open(path, encoding="utf-8") as text:
                told = json.load(text) if name == "wallet" else text.read().split()
            getattr(journals.setdefault(organization, Journal(organization)), action)(told)
    for journal in journals.values():
        journal.finish()
        problems += journal.problems
    for problem in problems[:20]:
        print(problem)
    entries = sum(journal.sequence for journal in journals.values())
    charges = sum(len(journal.charges) for journal in journals.values())
    print(f"{len(journals)} organizations, {entries} entries, {charges} charges: "
          f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Computes what the ledger charged again, from the public list itself, with exact fractions.

It shares nothing with the product but the list: its own reading of the list, its own matching of
names, its own arithmetic (fractions.Fraction, each line rounded once, half up). It runs the program
that prices random usages, compares every line, and insists that every priced card and tier of the
list was hit, tiers on both sides of their start.

Rules: M3, P1, P3, P4, P5, P6, P7. BURSAR_TEST_SEED repeats a run.
"""

import argparse
import collections
import datetime
import json
import math
import os
import random
import re
import subprocess
import sys
from fractions import Fraction

VERSION = "genai-prices-0.1.8"
PROVIDER_ORDER = ["anthropic", "openai", "google"]
# What the list does not say, as client/prices/data/README.md states it; dollars.
SERVICE_TIERS = {"": 1, "standard": 1, "batch": Fraction(1, 2)}
REGIONS = {"": 1, "global": 1, "us": Fraction(11, 10)}
FALLBACK = {
    "input": Fraction(15), "output": Fraction(75), "cache_write_5m": Fraction("18.75"),
    "cache_write_1h": Fraction(30), "cache_read": Fraction("1.5"), "web_search": Fraction(10),
    "images": Fraction(75),
}
LIST_NAMES = {
    "input": ["input_mtok"],
    "output": ["output_mtok"],
    "cache_write_5m": ["cache_write_mtok", "input_mtok"],
    "cache_write_1h": ["cache_write_1h_mtok", "cache_write_mtok", "input_mtok"],
    "cache_read": ["cache_read_mtok", "input_mtok"],
    "web_search": ["web_searches_kcount"],
}
NANOS = 10**9


def accepts(match, name):
    """Whether a match of the list accepts a name."""
    (rule, operand), = match.items()
    if rule == "or":
        return any(accepts(part, name) for part in operand)
    if rule == "and":
        return all(accepts(part, name) for part in operand)
    return {
        "equals": lambda: name == operand,
        "starts_with": lambda: name.startswith(operand),
        "ends_with": lambda: name.endswith(operand),
        "contains": lambda: operand in name,
        "regex": lambda: re.search(operand, name) is not None,
    }[rule]()


def entries_of(model):
    """The model's prices as (first instant in nanoseconds or None, date, prices)."""
    prices = model["prices"]
    if isinstance(prices, dict):
        return [(None, "", prices)]
    entries = []
    for entry in prices:
        date = entry.get("constraint", {}).get("start_date", "")
        start = None
        if date:
            midnight = datetime.datetime.fromisoformat(date).replace(tzinfo=datetime.timezone.utc)
            start = int(midnight.timestamp()) * NANOS
        entries.append((start, date, entry["prices"]))
    return entries


def is_priced(model):
    """Whether the model has any price that usage can be charged at."""
    known = {name for names in LIST_NAMES.values() for name in names}
    return all(known & set(prices) for _, _, prices in entries_of(model))


class PriceList:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            # Numbers stay text until they are fractions.
            self.providers = json.load(file, parse_float=Fraction, parse_int=Fraction)

    def find_in(self, provider, name):
        for model in self.providers[provider]["models"]:
            if is_priced(model) and accepts(model["match"], name):
                return provider, model
        return None

    def find_at(self, provider, name):
        """In a provider's models, then in those that it resells."""
        for place in [provider] + self.providers[provider].get("fallback_model_providers", []):
            found = self.find_in(place, name)
            if found:
                return found
        return None

    def find(self, provider, name):
        head, slash, rest = name.partition("/")
        explicit = slash and rest and head in self.providers
        if provider:
            provider = provider.lower()
            if provider not in self.providers:
                aliases = [p for p in PROVIDER_ORDER
                           if accepts(self.providers[p]["provider_match"], provider)]
                if not aliases:
                    return None
                provider = aliases[0]
            found = self.find_at(provider, name)
            if not found and explicit and head == provider:
                found = self.find_at(provider, rest)
            return found
        found = self.find_at(head, rest) if explicit else None
        for place in PROVIDER_ORDER:
            found = found or self.find_in(place, name)
        return found


def price_of(prices, meter, prompt):
    """The list's price in dollars of a meter for a prompt of that many tokens, or None."""
    for name in LIST_NAMES.get(meter, []):
        if name not in prices:
            continue
        price = prices[name]
        if not isinstance(price, dict):
            return price
        chosen = price["base"]
        for tier in price["tiers"]:
            if prompt > tier["start"]:
                chosen = tier["price"]
        return chosen
    return None


def round_half_up(value):
    return math.floor(value + Fraction(1, 2))


def expected(price_list, row, hits):
    """What a row should say: (card, lines, cost, fallback)."""
    fallback = row["service_tier"] not in SERVICE_TIERS or row["region"] not in REGIONS
    modifier = SERVICE_TIERS.get(row["service_tier"], 1) * REGIONS.get(row["region"], 1)
    prompt = (row["input"] + row["cache_read"] + row["cache_write_5m"] + row["cache_write_1h"])
    found = price_list.find(row["provider"], row["model"])
    prices, card = {}, "fallback"
    if found:
        provider, model = found
        for start, date, entry in entries_of(model):  # The last that has begun.
            if start is None or start <= row["occurred_at_nanos"]:
                prices, chosen = entry, date
        card = f"{provider}/{model['id']}" + (f"/{chosen}" if chosen else "")
        note_tiers(hits, (provider, model["id"], chosen), prices, prompt)
    quantities = {meter: row[meter] for meter in LIST_NAMES if meter != "web_search"}
    quantities["web_search"] = row["web_searches"]
    quantities["images"] = row["images"]
    lines = {}
    for meter, quantity in quantities.items():
        if quantity == 0:
            continue
        price = price_of(prices, meter, prompt)
        if price is None:
            price, fallback = FALLBACK[meter], True
        per = 1000 if meter == "web_search" else 10**6
        factor = 1 if meter in ("web_search", "images") else modifier
        lines[meter] = round_half_up(Fraction(quantity) * price * NANOS * factor / per)
    return f"{card}@{VERSION}", lines, sum(lines.values()), fallback or not found


def starts_of(prices):
    return sorted({int(tier["start"]) for price in prices.values() if isinstance(price, dict)
                   for tier in price["tiers"]})


def note_tiers(hits, card, prices, prompt):
    hits[card, "card"] += 1
    for start in starts_of(prices):
        if prompt in (start, start + 1):
            hits[card, prompt] += 1


def texts_of(match):
    (rule, operand), = match.items()
    if rule in ("or", "and"):
        return [text for part in operand for text in texts_of(part)]
    return [] if rule == "regex" else [operand]


def missing_coverage(price_list, hits):
    """Cards and edges of tiers that no row hit, but for models that no name of theirs reaches."""
    missing, total = [], 0
    for provider, data in price_list.providers.items():
        for model in filter(is_priced, data["models"]):
            names = [model["id"]] + texts_of(model["match"])
            if not any(price_list.find_in(provider, name) == (provider, model) for name in names):
                print(f"shadowed by an earlier model: {provider}/{model['id']}")
                continue
            for _, date, prices in entries_of(model):
                card = (provider, model["id"], date)
                keys = [(card, "card")]
                keys += [(card, s + edge) for s in starts_of(prices) for edge in (0, 1)]
                total += len(keys)
                missing += [key for key in keys if not hits[key]]
    return missing, total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--list", required=True)
    parser.add_argument("--count", type=int, required=True)
    arguments = parser.parse_args()
    seed = int(os.environ.get("BURSAR_TEST_SEED") or random.getrandbits(63))
    print(f"seed {seed} (repeat with BURSAR_TEST_SEED={seed})")
    sys.stdout.flush()
    program = subprocess.run([arguments.program, str(arguments.count), str(seed)],
                             stdout=subprocess.PIPE, check=True, text=True)
    rows = [json.loads(line) for line in program.stdout.splitlines()]
    price_list = PriceList(arguments.list)
    hits, wrong, fallbacks = collections.Counter(), 0, 0
    for row in rows:
        card, lines, cost, fallback = expected(price_list, row, hits)
        fallbacks += fallback
        got = (row["card"], row["lines"], row["cost"], row["fallback"])
        if got != (card, lines, cost, fallback):
            wrong += 1
            if wrong <= 10:
                print(f"MISMATCH {row}\n  expected {(card, lines, cost, fallback)}")
    missing, total = missing_coverage(price_list, hits)
    for key in missing[:10]:
        print(f"NOT COVERED {key}")
    print(f"{len(rows) - wrong} of {len(rows)} usages equal the exact computation "
          f"({fallbacks} with a fallback price); {total - len(missing)} of {total} cards and edges "
          f"of tiers covered")
    return 0 if wrong == 0 and not missing and len(rows) >= arguments.count else 1


if __name__ == "__main__":
    sys.exit(main())

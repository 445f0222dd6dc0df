#!/usr/bin/env python3
"""Computes every price of an imported LiteLLM list again, from the list itself, with exact fractions.

It shares nothing with the product but the list: its own reading of the keys, its own tiers, its own
arithmetic (fractions.Fraction of the numbers as they are written). It runs the program that makes
price books, and compares every price of every card and tier of the book; every entry of the list
that has a price above zero for a meter of usage must have its card, and no other.

Rules: M1, P1, P2, P3, P7.
"""

import argparse
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile
from fractions import Fraction

HOUSES = {"gemini": "google", "bedrock_converse": "bedrock", "cohere_chat": "cohere",
          "azure_text": "azure", "text-completion-openai": "openai",
          "text-completion-codestral": "codestral", "text-completion-inception": "inception",
          "fireworks_ai-embedding-models": "fireworks_ai"}
METERS = {"input_cost_per_token": "input", "output_cost_per_token": "output",
          "cache_creation_input_token_cost": "cacheWrite5m",
          "cache_creation_input_token_cost_above_1hr": "cacheWrite1h",
          "cache_read_input_token_cost": "cacheRead"}
KEY = re.compile(r"^(" + "|".join(sorted(METERS, key=len, reverse=True)) +
                 r")(?:_above_(\d+)(k?)_tokens)?$")
MILLION_TOKENS_IN_NANOS = 10**6 * 10**9
THOUSAND_SEARCHES_IN_NANOS = 10**3 * 10**9


def house_of(provider):
    return "vertex_ai" if provider.startswith("vertex_ai-") else HOUSES.get(provider, provider)


def half_up(value):
    """Whole nano-units; a price is never rounded down to nothing."""
    return max(math.floor(value + Fraction(1, 2)), 1 if value else 0)


def filled(prices):
    """Rule P7 on prices by meter."""
    whole = dict(prices)
    if "input" in whole:
        whole.setdefault("cacheWrite5m", whole["input"])
        whole.setdefault("cacheRead", whole["input"])
    if "cacheWrite5m" in whole:
        whole.setdefault("cacheWrite1h", whole["cacheWrite5m"])
    return whole


def prices_of(entry):
    """Prices by meter in nano-units: the base, and by the prompt above which they hold."""
    base, tiers = {}, {}
    for key, value in entry.items():
        match = KEY.match(key)
        if not match or value is None:
            continue
        meter, nanos = METERS[match[1]], half_up(value * MILLION_TOKENS_IN_NANOS)
        if match[2] is None:
            base[meter] = nanos
        else:
            start = int(match[2]) * (1000 if match[3] else 1)
            start -= entry["litellm_provider"] == "xai"
            tiers.setdefault(start, {})[meter] = nanos
    search = entry.get("search_context_cost_per_query")
    if search:
        base["webSearch"] = half_up(search["search_context_size_medium"] *
                                    THOUSAND_SEARCHES_IN_NANOS)
    for tier in entry.get("tiered_pricing", []):
        own = filled({METERS[key]: half_up(value * MILLION_TOKENS_IN_NANOS)
                      for key, value in tier.items() if key in METERS})
        if tier["range"][0] == 0:
            base.update(own)
        else:
            tiers[int(tier["range"][0])] = own
    return filled(base), {start: filled({**base, **own}) for start, own in tiers.items()}


def expected_cards(path):
    """Cards by id."""
    with open(path, encoding="utf-8") as file:
        # Numbers stay text until they are fractions.
        models = json.load(file, parse_float=Fraction, parse_int=Fraction)
    cards = {}
    for key, entry in models.items():
        if key == "sample_spec":
            continue
        house = house_of(entry["litellm_provider"])
        name = re.sub(f"^({re.escape(entry['litellm_provider'])}|{re.escape(house)})/", "", key)
        base, tiers = prices_of(entry)
        if any(base.values()) or any(any(tier.values()) for tier in tiers.values()):
            cards.setdefault(f"{house}/{name}".replace("@", "_"), (base, tiers))
    return cards


def read_prices(prices):
    """A book's prices by meter."""
    return {re.sub("NanosPer(Million|Thousand)$", "", name): int(nanos)
            for name, nanos in prices.items()}


def cards_of(book):
    cards = {}
    for model in book["models"]:
        (card,) = model["cards"]
        tiers = {int(tier["promptTokensAbove"]): read_prices(tier["prices"])
                 for tier in card.get("tiers", [])}
        cards[card["id"]] = (read_prices(card["prices"]), tiers)
    return cards


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--list", required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bursar-test-") as folder:
        output = pathlib.Path(folder) / "book.json"
        done = subprocess.run([arguments.program, arguments.list, "litellm-test", str(output)],
                              capture_output=True, check=True, text=True)
        got = cards_of(json.loads(output.read_text(encoding="utf-8")))
    expected = expected_cards(arguments.list)
    wrong = 0
    for card in sorted(set(got) | set(expected)):
        if got.get(card) != expected.get(card):
            wrong += 1
            print(f"MISMATCH {card}\n  book     {got.get(card)}\n  expected {expected.get(card)}")
    prices = sum(len(base) + sum(map(len, tiers.values())) for base, tiers in expected.values())
    print(f"{len(expected) - wrong} of {len(expected)} cards, {prices} prices, equal the exact "
          f"computation; {len(done.stdout.splitlines())} things reported as left out")
    return 1 if wrong or not expected else 0


if __name__ == "__main__":
    sys.exit(main())

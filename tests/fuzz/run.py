#!/usr/bin/env python3
"""Runs a fuzz target so many times and says how many it ran.

    run.py --program P --max-bytes N --runs N --corpus FOLDER ... [--dictionary FILE] [--keep FOLDER]

Inputs that reach something new are kept in --keep, which the next run begins with; without it they
are forgotten. BURSAR_TEST_SEED decides what is drawn. Ends with status 1 where a claim is broken,
with the input that breaks it as text.
"""
import argparse
import base64
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

# The longest that one input may take; what takes longer hangs.
INPUT_SECONDS = 25
MEMORY_MIB = 4096


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--max-bytes", type=int, required=True)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--corpus", action="append", default=[])
    parser.add_argument("--dictionary")
    parser.add_argument("--keep")
    return parser.parse_args()


def tell_finding(folder):
    """The input that broke a claim, in a form that a mail carries."""
    for path in sorted(folder.glob("*-*")):
        data = path.read_bytes()
        print(f"The input, {len(data)} bytes in base64 (give it to the program as a file):\n"
              f"{base64.b64encode(data).decode()}")


class Runs:
    """The executions of a target, in as many processes as that takes."""

    def __init__(self, options, seed, folder):
        self.options = options
        self.seed = int(seed) % 2**31 or 1
        self.found = folder / "found"
        self.found.mkdir()
        self.keep = pathlib.Path(options.keep or folder / "kept")
        self.keep.mkdir(parents=True, exist_ok=True)
        self.executed = 0
        self.doubted = 0
        self.text = ""

    def start(self, *arguments):
        """One process; its exit status."""
        command = [self.options.program, f"-max_len={self.options.max_bytes}",
                   f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={MEMORY_MIB}",
                   f"-artifact_prefix={self.found}/", "-print_final_stats=1", "-verbosity=1",
                   "-detect_leaks=1", *arguments]
        # Short stacks of allocations, and little that is kept from re-use: most of the time that
        # the sanitizer takes, at this rate of allocation.
        environment = {**os.environ, "ASAN_SYMBOLIZER_PATH": "/usr/bin/llvm-symbolizer-14",
                       "ASAN_OPTIONS": "malloc_context_size=6:quarantine_size_mb=32"}
        done = subprocess.run(command, check=False, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.text = done.stdout.decode("utf-8", "replace")
        return done.returncode

    def step(self):
        """The executions that are left, or those until a finding; whether nothing was found."""
        arguments = [f"-runs={self.options.runs - self.executed}",
                     f"-seed={self.seed + self.doubted}"]
        if self.options.dictionary:
            arguments.append(f"-dict={self.options.dictionary}")
        status = self.start(*arguments, str(self.keep), *self.options.corpus)
        executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", self.text)
        self.executed += int(executed.group(1)) if executed else 0
        return status == 0 or (executed is not None and self.is_doubtful())

    def is_doubtful(self):
        """Whether all that was found is memory of a thread that was just ending when leaks were
        looked for: the same input, a hundred times over, leaks nothing."""
        words = self.text
        leaks = list(self.found.glob("leak-*"))
        if not leaks or len(leaks) < len(list(self.found.iterdir())):
            return False
        if any(self.start("-runs=100", str(leak)) != 0 for leak in leaks):
            self.text = words
            return False
        for leak in leaks:
            leak.unlink()
        self.doubted += 1
        self.text = words
        return True


def main():
    options = arguments()
    seed = os.environ.get("BURSAR_TEST_SEED") or str(random.SystemRandom().randrange(1, 2**31))
    print(f"seed {seed}; repeat with BURSAR_TEST_SEED={seed}")
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        runs = Runs(options, seed, pathlib.Path(temporary))
        while runs.executed < options.runs:
            if not runs.step():
                print(runs.text[-20000:])
                tell_finding(runs.found)
                return 1
    covered = re.findall(r" cov: (\d+) ft: (\d+) corp: (\d+)", runs.text)
    if not covered:
        print(runs.text[-4000:])
        return 1
    rate = runs.executed / max(1, time.monotonic() - begin)
    doubts = f", {runs.doubted} leaks that no repetition showed" if runs.doubted else ""
    print(f"{runs.executed:,} executions, {rate:.0f} a second, {int(covered[-1][0]):,} edges, "
          f"{int(covered[-1][2]):,} inputs that reach them: nothing lost{doubts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

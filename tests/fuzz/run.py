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


def main():
    options = arguments()
    seed = os.environ.get("BURSAR_TEST_SEED") or str(random.SystemRandom().randrange(1, 2**31))
    print(f"seed {seed}; repeat with BURSAR_TEST_SEED={seed}")
    with tempfile.TemporaryDirectory() as temporary:
        found = pathlib.Path(temporary) / "found"
        found.mkdir()
        keep = pathlib.Path(options.keep or pathlib.Path(temporary) / "kept")
        keep.mkdir(parents=True, exist_ok=True)
        command = [options.program, f"-runs={options.runs}", f"-seed={int(seed) % 2**31 or 1}",
                   f"-max_len={options.max_bytes}", f"-timeout={INPUT_SECONDS}",
                   f"-rss_limit_mb={MEMORY_MIB}", f"-artifact_prefix={found}/",
                   "-print_final_stats=1", "-verbosity=1", "-detect_leaks=1"]
        if options.dictionary:
            command.append(f"-dict={options.dictionary}")
        # Short stacks of allocations, and little that is kept from re-use: most of the time that
        # the sanitizer takes, at this rate of allocation.
        environment = {**os.environ, "ASAN_SYMBOLIZER_PATH": "/usr/bin/llvm-symbolizer-14",
                       "ASAN_OPTIONS": "malloc_context_size=6:quarantine_size_mb=32"}
        done = subprocess.run(command + [str(keep)] + options.corpus, check=False, env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        text = done.stdout.decode("utf-8", "replace")
        if done.returncode != 0:
            print(text[-20000:])
            tell_finding(found)
            return 1
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", text)
    rate = re.search(r"stat::average_exec_per_sec:\s*(\d+)", text)
    covered = re.findall(r" cov: (\d+) ft: (\d+) corp: (\d+)", text)
    if executed is None or not covered:
        print(text[-4000:])
        return 1
    print(f"{int(executed.group(1)):,} executions, {rate.group(1)} a second, "
          f"{int(covered[-1][0]):,} edges, {int(covered[-1][2]):,} inputs that reach them: "
          "nothing lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Puts each seeded bug into a copy of the sources and sees that its test fails.

A test that cannot fail proves nothing: bugs.json lists changes that each break one promise, and the
test that must notice. The copy is a worktree of the commit, in build/seeded, built beside it.

    tests/seeded_bugs/run.py [NAME...]
"""
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "seeded"
TIMEOUT_SECONDS = 900  # Of one test; one that hangs has noticed, in its way.
BUGS = json.loads((ROOT / "tests" / "seeded_bugs" / "bugs.json").read_text(encoding="utf-8"))


def call(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False, **options)


def prepare():
    """The commit's sources in the copy, configured."""
    if COPY.exists():
        call("git", "worktree", "remove", "--force", COPY, cwd=ROOT)
    call("git", "worktree", "prune", cwd=ROOT)
    made = call("git", "worktree", "add", "--force", "--detach", COPY, "HEAD", cwd=ROOT)
    assert made.returncode == 0, made.stderr
    environment = {**os.environ, "CCACHE_BASEDIR": str(COPY), "CCACHE_NOHASHDIR": "1"}
    configured = call("cmake", "--preset", "release", cwd=COPY, env=environment)
    assert configured.returncode == 0, configured.stdout + configured.stderr
    return environment


def build(target, environment):
    built = call("cmake", "--build", "--preset", "release", "--target", target, cwd=COPY,
                 env=environment)
    assert built.returncode == 0, built.stdout[-4000:]


def run_test(bug):
    """The bug's test: whether it passed, and the first words of how it did not."""
    try:
        done = call(COPY / "build" / "release" / bug["run"], f"--gtest_filter={bug['only']}",
                    timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        return False, f"did not end within {TIMEOUT_SECONDS} s"
    assert "Running 0 tests" not in done.stdout, f"{bug['name']}: there is no test {bug['only']}"
    failed = [line for line in done.stdout.splitlines() if line.startswith("[  FAILED  ]")]
    return done.returncode == 0, (failed or [f"exit status {done.returncode}"])[0]


def with_bug(sound, bug):
    """The sources with the bug in them."""
    text = sound
    for change in [bug, *bug.get("also", [])]:
        assert text.count(change["find"]) == change.get("times", 1), \
            f"{bug['name']}: its place is not in {bug['file']}"
        text = text.replace(change["find"], change["put"])
    return text


def caught_by(bug, environment):
    """Whether the bug's test fails with it, and how. Without the bug it must pass."""
    build(bug["target"], environment)
    passes, how = run_test(bug)
    assert passes, f"{bug['name']}: its test fails without the bug: {how}"
    path = COPY / bug["file"]
    sound = path.read_text(encoding="utf-8")
    path.write_text(with_bug(sound, bug), encoding="utf-8")
    try:
        build(bug["target"], environment)
        passes, how = run_test(bug)
    finally:
        path.write_text(sound, encoding="utf-8")
    return not passes, how


def main():
    chosen = [bug for bug in BUGS if not sys.argv[1:] or bug["name"] in sys.argv[1:]]
    environment = prepare()
    missed = []
    for bug in chosen:
        begin = time.monotonic()
        caught, how = caught_by(bug, environment)
        if not caught:
            missed.append(bug["name"])
        print(f"{bug['name']:28} {'caught' if caught else 'NOT CAUGHT'} in "
              f"{time.monotonic() - begin:4.0f} s  {bug['breaks']}\n{'':29}{how}", flush=True)
    call("git", "worktree", "remove", "--force", COPY, cwd=ROOT)
    print(f"{len(chosen)} seeded bugs, {len(chosen) - len(missed)} caught, {len(missed)} problems")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

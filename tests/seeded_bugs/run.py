#!/usr/bin/python3
"""Puts each seeded bug into a copy of the sources and sees that its test fails.

A test that cannot fail proves nothing: bugs.json lists changes that each break one promise, and the
test that must notice. Each copy is a worktree of the commit, in build/seeded, built there; there are
as many, side by side, as the machine has cores.

    tests/seeded_bugs/run.py [NAME...]
"""
import concurrent.futures
import json
import os
import pathlib
import queue
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPIES = ROOT / "build" / "seeded"
TIMEOUT_SECONDS = 900  # Of one test; one that hangs has noticed, in its way.
BUGS = json.loads((ROOT / "tests" / "seeded_bugs" / "bugs.json").read_text(encoding="utf-8"))


def call(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False, **options)


class Copy:
    """The commit's sources once more, configured, to be built with one bug after another."""

    def __init__(self, path):
        self.path = path
        if path.exists():
            call("git", "worktree", "remove", "--force", path, cwd=ROOT)
        call("git", "worktree", "prune", cwd=ROOT)
        made = call("git", "worktree", "add", "--force", "--detach", path, "HEAD", cwd=ROOT)
        assert made.returncode == 0, made.stderr
        self.environment = {**os.environ, "CCACHE_BASEDIR": str(path), "CCACHE_NOHASHDIR": "1"}
        configured = call("cmake", "--preset", "release", cwd=path, env=self.environment)
        assert configured.returncode == 0, configured.stdout + configured.stderr

    def remove(self):
        call("git", "worktree", "remove", "--force", self.path, cwd=ROOT)

    def build(self, target):
        built = call("cmake", "--build", "--preset", "release", "--target", target, cwd=self.path,
                     env=self.environment)
        assert built.returncode == 0, built.stdout[-4000:]

    def run_test(self, bug):
        """The bug's test: whether it passed, and the first words of how it did not."""
        try:
            done = call(self.path / "build" / "release" / bug["run"],
                        f"--gtest_filter={bug['only']}", timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            return False, f"did not end within {TIMEOUT_SECONDS} s"
        assert "Running 0 tests" not in done.stdout, f"{bug['name']}: there is no test {bug['only']}"
        failed = [line for line in done.stdout.splitlines() if line.startswith("[  FAILED  ]")]
        return done.returncode == 0, (failed or [f"exit status {done.returncode}"])[0]

    def try_bug(self, bug):
        """Whether the bug's test fails with it, and how. Without the bug it must pass."""
        self.build(bug["target"])
        passes, how = self.run_test(bug)
        assert passes, f"{bug['name']}: its test fails without the bug: {how}"
        path = self.path / bug["file"]
        sound = path.read_text(encoding="utf-8")
        path.write_text(with_bug(sound, bug), encoding="utf-8")
        try:
            self.build(bug["target"])
            passes, how = self.run_test(bug)
        finally:
            path.write_text(sound, encoding="utf-8")
        return not passes, how


def with_bug(sound, bug):
    """The sources with the bug in them."""
    text = sound
    for change in [bug, *bug.get("also", [])]:
        assert text.count(change["find"]) == change.get("times", 1), \
            f"{bug['name']}: its place is not in {bug['file']}"
        text = text.replace(change["find"], change["put"])
    return text


def main():
    chosen = [bug for bug in BUGS if not sys.argv[1:] or bug["name"] in sys.argv[1:]]
    unknown = set(sys.argv[1:]) - {bug["name"] for bug in BUGS}
    if unknown:
        print(f"there is no bug {', '.join(sorted(unknown))} in bugs.json", file=sys.stderr)
        return 2
    # Before anything is built: a list that fell behind the sources is said at once.
    for bug in chosen:
        with_bug((ROOT / bug["file"]).read_text(encoding="utf-8"), bug)
    lanes = min(len(chosen), os.cpu_count() or 1)
    copies = [Copy(COPIES / str(lane)) for lane in range(lanes)]
    free = queue.SimpleQueue()
    for copy in copies:
        free.put(copy)

    def judge(bug):
        copy = free.get()
        begin = time.monotonic()
        try:
            return bug, *copy.try_bug(bug), time.monotonic() - begin
        finally:
            free.put(copy)

    missed = []
    with concurrent.futures.ThreadPoolExecutor(lanes) as pool:
        for done in concurrent.futures.as_completed([pool.submit(judge, bug) for bug in chosen]):
            bug, caught, how, seconds = done.result()
            if not caught:
                missed.append(bug["name"])
            print(f"{bug['name']:28} {'caught' if caught else 'NOT CAUGHT'} in {seconds:4.0f} s  "
                  f"{bug['breaks']}\n{'':29}{how}", flush=True)
    for copy in copies:
        copy.remove()
    print(f"{len(chosen)} seeded bugs, {len(chosen) - len(missed)} caught, {len(missed)} problems")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

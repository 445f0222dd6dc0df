#!/usr/bin/env python3
"""The scripts of `bursar completion` in the shells themselves; zsh and fish where they are installed."""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SETTINGS = None

# The words typed so far, the last one unfinished; some of what must and must not be offered.
CASES = [
    (["or"], {"org"}, {"record"}),
    (["org", ""], {"create", "list", "suspend"}, {"org", "wallet"}),
    (["members", "i"], {"import"}, {"add"}),
    (["--server", "org", ""], {"members", "top"}, {"create"}),
    (["org", "create", "acme", "--pl"], {"--plan"}, {"--etag", "create"}),
    (["org", "create", "--se"], {"--settings-url", "--server"}, {"--status"}),
    (["--output", ""], {"table", "json"}, {"org"}),
    (["wallet", "acme", "--output", "j"], {"json"}, {"table"}),
    (["members", "add", "acme", "ann", "--role", ""],
     {"primary_owner", "owner", "admin", "billing", "member"}, {"unspecified"}),
    (["check", "a", "b", "--mode", "h"], {"hold", "hold_up_to_available"}, {"check"}),
    (["tokens", "create", "--role", "f"], {"frontend"}, {"operator"}),
    (["journal", "acme", "--kind", "usage"], {"usage_charged"}, {"hold_placed"}),
    (["prices", "import", "--format", ""], {"genai-prices", "litellm"}, {"import"}),
    (["completion", ""], {"bash", "zsh", "fish"}, {"org"}),
    (["org", "create", "--name", ""], set(), {"create", "--plan"}),
]
FILE_CASE = ["members", "import", "acme", "peo"]


class CompletionTest(unittest.TestCase):
    """Sources the script and asks the shell's own function."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="bursar-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "people.csv").write_text("")

    def script(self, shell):
        done = subprocess.run([SETTINGS.bursar, "completion", shell], capture_output=True,
                              text=True, check=True, timeout=60)
        self.assertEqual(done.stderr, "")
        path = self.folder / f"bursar.{shell}"
        path.write_text(done.stdout)
        return str(path)

    def run_shell(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False,
                              cwd=self.folder,
                              env={"PATH": os.environ["PATH"], "HOME": str(self.folder),
                                   "LC_ALL": "C.UTF-8"})
        self.assertEqual((done.returncode, done.stderr), (0, ""), command)
        return done.stdout.splitlines()

    def check(self, complete):
        for words, wanted, unwanted in CASES:
            with self.subTest(words):
                offered = {word for word in complete(words) if word.startswith(words[-1])}
                self.assertLessEqual(wanted, offered)
                self.assertFalse(unwanted & offered, offered)
        self.assertIn("people.csv", complete(FILE_CASE))

    def test_bash_offers_what_the_commands_take(self):
        script = self.script("bash")

        def complete(words):
            return self.run_shell(
                "bash", "--norc", "-c",
                f'source {script}; COMP_WORDS=(bursar "$@"); COMP_CWORD=$#; _bursar; '
                'if [ ${#COMPREPLY[@]} -gt 0 ]; then printf "%s\\n" "${COMPREPLY[@]}"; fi',
                "bash", *words)

        self.check(complete)
        # Bash hands --output=j over in three words.
        self.assertEqual(complete(["--output", "=", "j"]), ["json"])
        self.assertEqual(set(complete(["--output", "="])), {"table", "json"})
        self.assertEqual(self.run_shell("bash", "--norc", "-c",
                                        f"source {script}; complete -p bursar"),
                         ["complete -o filenames -F _bursar bursar"])

    if shutil.which("shellcheck"):
        def test_the_bash_script_is_clean(self):
            self.run_shell("shellcheck", "--shell=bash", self.script("bash"))

    if shutil.which("zsh"):
        def test_zsh_offers_what_the_commands_take(self):
            script = self.script("zsh")

            def complete(words):
                # The completion system's own functions print what they are told.
                return self.run_shell(
                    "zsh", "-f", "-c",
                    'compdef() { :; }; compset() { :; }; compadd() { shift; print -l -- "$@"; }; '
                    '_files() { print -l -- *(N); }; '
                    f'source {script}; words=(bursar "$@"); CURRENT=$(($# + 1)); _bursar',
                    "zsh", *words)

            self.check(complete)
            self.assertEqual(set(complete(["--output=j"])), {"table", "json"})

    if shutil.which("fish"):
        def test_fish_offers_what_the_commands_take(self):
            script = self.script("fish")

            def complete(words):
                lines = self.run_shell("fish", "--no-config", "-c",
                                       f"source {script}; complete -C 'bursar {' '.join(words)}'")
                return [line.split("\t")[0] for line in lines]

            self.check(complete)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bursar", required=True)
    SETTINGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)

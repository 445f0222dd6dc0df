#!/usr/bin/env python3
"""Tests that check_style.py reports what breaks the house rules, and nothing else."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "scripts"))
import check_style  # noqa: E402


def function_of(lines):
    return "int F() {\n" + "  Call();\n" * (lines - 2) + "}\n"


class CheckStyle(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.root = pathlib.Path(self.directory.name)
        subprocess.run(["git", "init", "-q", str(self.root)], check=True)
        self.write("docs/rules.md", "# Rules\n- **B3** windows\n# Not yet built\n- **Q1** requests\n")
        self.write("tests/a_test.cc", "// Rules: B3\nTEST(A, B) {}\n")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def assert_refused(self, name, text, *words):
        self.write(name, text)
        found = check_style.check_tree(self.root)
        self.assertEqual(len(found), 1, found)
        for word in words:
            self.assertIn(word, found[0])

    def test_a_clean_tree_is_silent(self):
        self.write("server/a.h", "// What it is.\n#pragma once\n" + function_of(70))
        self.assertEqual(check_style.check_tree(self.root), [])

    def test_long_file(self):
        self.assert_refused("server/a.cc", "int a;\n" * 601, "601 lines")

    def test_long_function(self):
        self.assert_refused("server/a.cc", "namespace a {\n" + function_of(71) + "}\n", ":2:", "71")

    def test_long_method(self):
        self.assert_refused("server/a.cc", "class A : public B {\n" + function_of(71) + "};\n", ":2:")

    def test_long_lambda_counts_to_its_function(self):
        body = "  auto f = [&] {\n" + "    Call();\n" * 70 + "  };\n"
        self.assert_refused("server/a.cc", "void F() {\n" + body + "}\n", ":1:", "74")

    def test_braces_in_literals_and_comments_do_not_count(self):
        literal = "int F() {\n  // {\n  G(\"{\", '{', 1'000, R\"(\n{\n)\");\n}\n"
        self.write("server/a.cc", literal + function_of(60))
        self.assertEqual(check_style.check_tree(self.root), [])

    def test_header_without_opening_comment(self):
        self.assert_refused("server/a.h", "#pragma once\n", "does not open")

    def test_sleeping_and_disabled_tests(self):
        # Split, so that this test does not do what it tests for.
        self.assert_refused("tests/b_test.cc", "std::this_thread::sle" "ep_for(x);\n", "sleeps")
        self.assert_refused("tests/b_test.cc", "absl::Sle" "epFor(x);\n", "sleeps")
        self.assert_refused("tests/b_test.cc", "TEST(A, DIS" "ABLED_B) {}\n", "disabled")

    def test_rule_that_no_test_names(self):
        self.assert_refused("docs/rules.md", "- **B3** windows\n- **B4** bounds\n", "B4")

    def test_rule_that_does_not_exist(self):
        unknown = "B" + "99"  # In one piece this file itself would name a rule that is not there.
        self.assert_refused("tests/a_test.cc", f"// Rules: B3,\n// {unknown}\nTEST(A, B) {{}}\n",
                            unknown)

    def test_registry_in_a_lock_file(self):
        self.assert_refused("a.json", '{"resol' 'ved": "x"}\n', "a.json:1")

    def test_path_outside_the_repository(self):
        self.assert_refused("README.md", "see ../sha" "red/design\n", "README.md:1")


if __name__ == "__main__":
    unittest.main()

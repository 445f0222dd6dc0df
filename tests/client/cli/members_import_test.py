#!/usr/bin/env python3
"""`bursar members import` against a live server.

Rules: O3, O4, R2
"""

import argparse
import json
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "client"))

from bursar_server import BursarServer  # pylint: disable=wrong-import-position

SETTINGS = None


class MembersImportTest(unittest.TestCase):
    """Each test has a server and an organization of its own."""

    def setUp(self):
        self.server = BursarServer(SETTINGS.bursard, SETTINGS.bursar)
        self.addCleanup(self.server.__exit__)
        self.server.start()
        self.server.ask("org", "create", "acme", "--plan", "enterprise_usage")

    def file(self, text, name="members.csv"):
        path = self.server.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def members(self):
        listed = self.server.ask("members", "list", "acme", "--all")
        return {one["member"]["memberId"]: one["member"] for one in listed.get("members", [])}

    def entries(self):
        return len(self.server.ask("journal", "acme", "--all")["entries"])

    def refused(self, text):
        """Standard error of a file that must not be accepted; nothing of it is sent."""
        before = self.entries()
        status, out, err = self.server.run("members", "import", "acme", self.file(text))
        self.assertEqual((status, out), (2, ""), err)
        self.assertEqual(self.entries(), before)
        return err

    # Rules: O3
    def test_columns_in_any_order_quotes_and_a_byte_order_mark_are_read(self):
        path = self.file(b'\xef\xbb\xbfdisplay_name,role,member_id,email,time_zone\r\n'
                         b'"Lee, Ann ""A""",primary_owner,ann,ann@example.com,Europe/Berlin\r\n'
                         b'Bj\xc3\xb6rn,,bob,,\r\n')
        done = self.server.ask("members", "import", "acme", path)
        self.assertEqual((done["created"], done["changed"], done["unchanged"], done["refused"]),
                         (2, 0, 0, 0))
        members = self.members()
        self.assertEqual(members["ann"]["displayName"], 'Lee, Ann "A"')
        self.assertEqual(members["ann"]["role"], "MEMBER_ROLE_PRIMARY_OWNER")
        self.assertEqual(members["ann"]["timeZone"], "Europe/Berlin")
        self.assertEqual(members["bob"]["displayName"], "Björn")
        self.assertEqual(members["bob"]["role"], "MEMBER_ROLE_MEMBER")

    def test_a_dry_run_checks_and_sends_nothing(self):
        status, out, err = self.server.run("members", "import", "acme", "--dry-run",
                                           self.file("member_id\nann\nbob\n"))
        self.assertEqual((status, err), (0, ""))
        self.assertIn("nothing was sent: 2 members", out)
        self.assertEqual(self.members(), {})

    # Rules: R2
    def test_a_file_that_is_imported_again_changes_nothing(self):
        path = self.file("member_id,email\n" +
                         "".join(f"m{i},m{i}@example.com\n" for i in range(2500)))
        first = self.server.ask("members", "import", "acme", path)
        self.assertEqual((first["rows"], first["created"], first["complete"]), (2500, 2500, True))
        entries = self.entries()
        again = self.server.ask("members", "import", "acme", path)
        self.assertEqual((again["created"], again["changed"], again["unchanged"]), (0, 0, 2500))
        for repeated in (0, 2500):
            named = self.server.ask("members", "import", "acme", path, "--request-id", "second")
            self.assertEqual((named["unchanged"], named["repeated"]), (2500, repeated))
        self.assertEqual(self.entries(), entries)

    # Rules: R2
    def test_a_file_that_is_imported_again_sets_what_was_changed_meanwhile(self):
        path = self.file("member_id,email\nann,ann@example.com\n")
        self.server.ask("members", "import", "acme", path)
        self.server.ask("members", "set", "acme", "ann", "--email", "other@example.com")
        self.assertEqual(self.server.ask("members", "import", "acme", path)["changed"], 1)

    def test_rows_that_the_server_refuses_name_their_line_and_the_others_go_in(self):
        path = self.file("member_id,seat_tier,time_zone\nann,,\n\nbob,golden,\ncid,,Mars/Base\n"
                         "dee,,\n")
        status, out, _ = self.server.run("members", "import", "acme", path)
        self.assertEqual(status, 4)
        lines = [line.split() for line in out.splitlines()]
        self.assertIn(["2", "0", "0", "2"], lines)
        self.assertTrue(any(line[:3] == ["4", "bob", "seat_tier"] for line in lines), out)
        self.assertTrue(any(line[:3] == ["5", "cid", "time_zone"] for line in lines), out)
        self.assertEqual(sorted(self.members()), ["ann", "dee"])
        problems = self.server.ask("members", "import", "acme", path, status=4)["problems"]
        self.assertEqual([(p["line"], p["memberId"], p["column"]) for p in problems],
                         [(4, "bob", "seat_tier"), (5, "cid", "time_zone")])

    # Rules: O4
    def test_a_batch_that_is_refused_as_a_whole_names_every_line(self):
        path = self.file("member_id,role\nann,primary_owner\nbob,primary_owner\n")
        done = self.server.ask("members", "import", "acme", path, status=4)
        self.assertEqual((done["created"], done["refused"]), (0, 2))
        self.assertEqual([p["line"] for p in done["problems"]], [2, 3])
        self.assertIn("exactly one primary owner", done["problems"][0]["problem"])

    def test_mistakes_in_the_file_are_named_by_line_and_column(self):
        cases = [
            ("", "line 1: the file is empty"),
            ("member_id\n", "there is no member below the heading"),
            ("email\nann@example.com\n", "there is no column member_id"),
            ("member_id,emial\n", "line 1, column emial: is no column of members; did you mean "
                                  "email?"),
            ("member_id,xyzzy9876543\n", "they are member_id, email, display_name, role, "
                                         "seat_tier, status, time_zone"),
            ("member_id,member_id\n", "line 1, column member_id: is named twice"),
            ("member_id,email\nann\n", "line 2: has 1 fields where the heading has 2"),
            ("member_id\na b\n", "line 2, column member_id: must be 1 to 128"),
            ("member_id\nann\nbob\nann\n", 'line 4, column member_id: "ann" is that of line 2'),
            ("member_id,role\nann,boss\n", 'line 2, column role: "boss" is none of '
                                           'primary_owner, owner, admin'),
            ("member_id,status\nann,away\n", 'line 2, column status: "away" is none of'),
            ("member_id,email\nann,nobody\n", "line 2, column email: must be a mail address"),
            (b"member_id,display_name\nann,\xff\n", "line 2, column display_name: is not UTF-8"),
            ('member_id\n"ann\n', "line 2: a quote is opened and never closed"),
        ]
        for text, expected in cases:
            with self.subTest(expected):
                self.assertIn(expected, self.refused(text))
        many = self.refused("member_id,role\n" + "".join(f"m{i},boss\n" for i in range(30)))
        self.assertIn("line 21, column role", many)
        self.assertNotIn("line 22", many)
        self.assertIn("and 10 more", many)

    def test_an_organization_that_is_not_there_ends_the_import(self):
        status, out, err = self.server.run("members", "import", "nobody",
                                           self.file("member_id\nann\n"), json_output=True)
        self.assertEqual(status, 4)
        self.assertFalse(json.loads(out)["complete"])
        self.assertIn("NOT_FOUND", err)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bursard", required=True)
    parser.add_argument("--bursar", required=True)
    SETTINGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)

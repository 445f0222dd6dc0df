"""Notices arrive at real servers: SMTP with STARTTLS and a login, webhooks that verify signatures.

    delivery_test.py BURSARD BURSAR
"""
import collections
import pathlib
import sys
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from notice_receivers import MailServer, WebhookReceiver, wait_for  # noqa: E402
from server_process import CommandLine, Server, scratch_directory  # noqa: E402

BURSARD, BURSAR = sys.argv[1], sys.argv[2]
FAST = ["--notice-retry-min", "50ms", "--notice-retry-max", "300ms"]
SUBJECT = "Your workspace has run out of extra usage"


class DeliveryTest(unittest.TestCase):

    def setUp(self):
        scratch = scratch_directory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.data = self.folder / "data"
        self.line = CommandLine(BURSAR, self.folder)
        self.server = None
        self.addCleanup(lambda: self.server and self.server.stop())

    def start(self, *flags):
        self.server = Server(BURSARD, self.data, *FAST, *flags)

    def run_line(self, *arguments, **more):
        return self.line.run(self.server.address, *arguments, **more)

    def mail_server(self):
        server = MailServer(self.folder)
        self.addCleanup(server.close)
        return server

    def receiver(self):
        receiver = WebhookReceiver()
        self.addCleanup(receiver.close)
        return receiver

    def set_up_organization(self, organization):
        """Prepaid, everything metered: an owner and a billing person who are mailed."""
        self.run_line("org", "create", organization, "--plan", "api", "--name", "Acme & Sons",
                      "--settings-url", "https://acme.example/wallet")
        for member, role in (("olga", "primary_owner"), ("bill", "billing")):
            self.run_line("members", "add", organization, member, "--role", role, "--email",
                          f"{member}@example.com")

    def exhaust(self, organization, request_id):
        self.run_line("record", organization, "olga", "--surface", "chat", "--cost", "2.00",
                      "--request-id", request_id)
        self.run_line("check", organization, "olga", "--surface", "chat", expect=(3,))

    def add_webhook(self, receiver, organization, target, path, *flags):
        reply = self.run_line("channels", "webhook", organization, target, receiver.url(path),
                              *flags)
        (secret,) = reply["newSecrets"]
        receiver.keep_secret(path.split("/")[2], secret["secret"])
        return reply

    def deliveries(self, *arguments):
        return self.run_line("notices", *arguments).get("deliveries", [])

    def metrics(self):
        with urllib.request.urlopen(f"http://{self.server.http_address}/metrics") as reply:
            return dict(line.rsplit(" ", 1) for line in reply.read().decode().splitlines()
                        if line.startswith("bursar_notice"))

    # Rules: N1, N2, N3
    def test_mail_goes_over_tls_with_a_login_and_one_refused_recipient_holds_up_no_other(self):
        mail = self.mail_server()
        mail.refused.add("bill@example.com")
        self.start(*mail.flags(self.folder))
        self.set_up_organization("acme")
        self.run_line("channels", "mail", "acme", "on", "--events", "extra_usage.*")
        wait_for("the notice of the channels is told", lambda: not self.deliveries("deliveries"))
        told = len(mail.mails)
        self.exhaust("acme", "spend-1")
        wait_for("the owner is told", lambda: len(mail.mails) > told)
        (dead,) = wait_for("the refusal is a dead letter", lambda: self.deliveries("dead", "acme"))
        (arrived,) = mail.mails[told:]
        self.assertEqual(arrived.recipient, "olga@example.com")
        self.assertEqual(arrived.subject, SUBJECT)
        self.assertTrue(arrived.over_tls)
        self.assertEqual(arrived.user_name, "bursar")
        self.assertEqual(arrived.message["From"], "Bursar <bursar@example.com>")
        self.assertIn("has used up its prepaid balance", arrived.body("plain"))
        self.assertIn("https://acme.example/wallet", arrived.body("plain"))
        self.assertIn('<a href="https://acme.example/wallet"', arrived.body("html"))
        self.assertIn("Acme &amp; Sons", arrived.body("html"))
        self.assertIn("chat: 2.00 USD (100 %)", arrived.body("plain"))
        self.assertEqual(dead["notice"]["noticeId"], arrived.notice_id)
        states = {one["memberId"]: one for one in dead["recipients"]}
        self.assertEqual(states["olga"]["state"], "DELIVERY_STATE_DELIVERED")
        self.assertEqual(states["bill"]["state"], "DELIVERY_STATE_DEAD")
        self.assertIn("550", states["bill"]["lastError"])
        self.assertIn(f"dead letter: notice {arrived.notice_id}", self.server.log)
        self.assertEqual(self.metrics()["bursar_notices_dead_total"], "1")
        # It is sent again by hand, under the same id, to whom it did not reach.
        mail.refused.clear()
        self.run_line("notices", "resend", "acme", arrived.notice_id)
        wait_for("billing is told", lambda: len(mail.mails) == told + 2)
        self.assertEqual(mail.mails[-1].recipient, "bill@example.com")
        self.assertEqual(mail.mails[-1].notice_id, arrived.notice_id)
        wait_for("nothing is left", lambda: not self.deliveries("deliveries", "acme"))
        self.run_line("notices", "resend", "acme", arrived.notice_id, expect=(4,))
        self.assertEqual(self.server.stop(), 0)

    # Rules: N1, N2
    def test_a_mail_server_away_for_an_hour_through_kills_of_bursard_gets_everything(self):
        mail = self.mail_server()
        flags = mail.flags(self.folder)
        mail.down()
        self.start(*flags)
        self.set_up_organization("acme")
        for round_number in range(3):
            self.exhaust("acme", f"spend-{round_number}")
            self.run_line("credit", "grant", "acme", "100.00")
            self.run_line("record", "acme", "olga", "--surface", "chat", "--cost", "110.00",
                          "--request-id", f"spend-more-{round_number}")
            # Another twenty minutes have gone by.
            self.server.kill()
            self.start(*flags, "--clock-ahead", f"{20 * (round_number + 1)}m")
        flags += ["--clock-ahead", "60m"]
        expected = {one["notice"]["noticeId"] for one in self.deliveries("deliveries", "acme")}
        self.assertGreaterEqual(len(expected), 4)
        wait_for("attempts are counted", lambda: any(
            int(recipient.get("attemptCount", 0)) > 1
            for one in self.deliveries("deliveries", "acme")
            for recipient in one.get("recipients", [])))
        self.assertEqual(mail.mails, [])
        mail.up()
        # Killed in the middle of sending, again and again: what was sent and not noted repeats its
        # id, and no other id ever appears.
        for _ in range(5):
            seen = len(mail.mails)
            wait_for("something arrives", lambda: len(mail.mails) > seen or
                     not self.deliveries("deliveries", "acme"))
            self.server.kill()
            self.start(*flags)
        wait_for("nothing is left", lambda: not self.deliveries("deliveries", "acme"))
        counts = collections.Counter((one.notice_id, one.recipient) for one in mail.mails)
        self.assertEqual({notice for notice, _ in counts}, expected)
        self.assertEqual(len({one for one in counts if one[1] == "olga@example.com"}),
                         len(expected))
        repeated = {one: count for one, count in counts.items() if count > 1}
        self.assertLessEqual(sum(count - 1 for count in repeated.values()), 5, repeated)
        self.assertEqual(self.line.run(self.server.address, "verify").get("violations", []), [])

    # Rules: N1, N2
    def test_webhooks_verify_and_bad_targets_hold_up_no_other(self):
        receiver = self.receiver()
        self.start("--notice-max-age", "24h")
        self.set_up_organization("acme")
        filters = ["--events", "extra_usage.*"]
        for target, path in (("good", "/ok/good"), ("fails", "/fail/fails"),
                             ("hangs", "/hang/hangs"), ("endless", "/endless/endless"),
                             ("away", "/away/away")):
            self.add_webhook(receiver, "acme", target, path, *filters)
        self.exhaust("acme", "spend-1")
        (post,) = wait_for("the good target gets it", lambda: receiver.at("/ok/good"))
        self.assertTrue(post["verified"], post)
        event = post["event"]
        self.assertEqual(event["type"], "extra_usage.exhausted")
        self.assertEqual(event["id"], post["id"])
        self.assertEqual(event["data"]["organization_id"], "acme")
        self.assertEqual(event["data"]["facts"]["reason"], "balance")
        self.assertEqual(event["data"]["facts"]["overdraft"],
                         {"amount": "2.00", "currency_code": "USD"})
        self.assertEqual(event["data"]["drawn_by_surface"][0]["name"], "chat")
        wait_for("the failing target is tried again and again",
                 lambda: len(receiver.at("/fail/fails")) >= 5)
        wait_for("an answer without end is an answer", lambda: any(
            recipient["address"] == "endless" and recipient["state"] == "DELIVERY_STATE_DELIVERED"
            for one in self.deliveries("deliveries", "acme") for recipient in one["recipients"]))
        self.assertEqual(len(receiver.at("/endless/endless")), 1)
        receiver.heal("fails")
        failing = wait_for("the failing target gets it", lambda: [
            recipient for one in self.deliveries("deliveries", "acme")
            for recipient in one["recipients"] if recipient["address"] == "fails" and
            recipient["state"] == "DELIVERY_STATE_DELIVERED"])
        self.assertGreaterEqual(int(failing[0]["attemptCount"]), 5)
        self.assertEqual({one["id"] for one in receiver.posts}, {post["id"]})
        # A redirect is followed nowhere.
        self.assertGreaterEqual(len(receiver.at("/away/away")), 1)
        self.assertEqual(receiver.at("/ok/away"), [])
        self.assertEqual(len(receiver.at("/ok/good")), 1)
        # A target that is removed is given up, and the secret of another is replaced.
        for target in ("hangs", "away"):
            self.run_line("channels", "remove", "acme", target)
        reply = self.run_line("channels", "rotate", "acme", "good")
        self.run_line("credit", "grant", "acme", "50.00")
        wait_for("the old secret still verifies", lambda: len(receiver.at("/ok/good")) == 2)
        self.assertTrue(receiver.at("/ok/good")[1]["verified"])
        self.assertEqual(receiver.at("/ok/good")[1]["signatures"], 2)
        receiver.keep_secret("good", reply["newSecrets"][0]["secret"])
        self.run_line("notices", "test", "acme", "--request-id", "try-1")
        wait_for("the test arrives", lambda: len(receiver.at("/ok/good")) == 3)
        self.assertTrue(receiver.at("/ok/good")[2]["verified"])
        self.assertEqual(receiver.at("/ok/good")[2]["event"]["type"], "notice.test")
        # No secret is ever shown again, by whatever is listed.
        secret = reply["newSecrets"][0]["secret"]
        for arguments in (("channels", "show", "acme"), ("journal", "acme", "--all"),
                          ("notices", "deliveries")):
            self.assertNotIn(secret[6:20], str(self.run_line(*arguments)))
        self.assertNotIn(secret[6:20], self.server.log)

    # Rules: N2
    def test_what_is_private_is_not_connected_to_and_bad_addresses_are_refused(self):
        receiver = self.receiver()
        self.start("--notice-max-attempts", "2")
        self.set_up_organization("acme")
        for url in ("ftp://a.example/", "http://a.example/", "https://user:word@a.example/",
                    "https:///x", "https://a.example/#x", "nonsense"):
            self.run_line("channels", "webhook", "acme", "main", url, expect=(4,))
        for event in ("payment.nosuch", "extra.*"):
            self.run_line("channels", "mail", "acme", "on", "--events", event, expect=(4,))
        self.run_line("channels", "webhook", "acme", "main", "https://10.0.0.1/hook", "--events",
                      "extra_usage.*")
        self.exhaust("acme", "spend-1")
        (dead,) = wait_for("it is given up", lambda: self.deliveries("dead", "acme"))
        self.assertIn("private", dead["recipients"][0]["lastError"])
        self.assertEqual(receiver.posts, [])

    # Rules: N2
    def test_settings_that_make_no_sense_are_refused_at_start(self):
        for flags in (["--smtp-url", "smtp://localhost:25"], ["--smtp-from", "a@b"],
                      ["--smtp-url", "http://localhost", "--smtp-from", "a@b"],
                      ["--smtp-url", "smtp://localhost:25", "--smtp-from", "a@b",
                       "--smtp-username", "x"],
                      ["--notice-max-age", "soon"], ["--delivery-threads", "0"]):
            with self.assertRaises(Exception, msg=str(flags)):
                self.start(*flags)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "--verbose", *sys.argv[3:]])

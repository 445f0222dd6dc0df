#!/usr/bin/python3
"""A team's month, by the command line: the people who own the wallet run it, and hear from it.

The owner sets the wallet up, buys credit, sets auto-reload and limits; a member is blocked, asks, is
raised by an admin and goes on; the pool runs out, which the owner's mail (a real SMTP server with
STARTTLS and a login) and a webhook (verified by the public standardwebhooks library) tell; the
reload completes and the very next check is admitted; the digest comes at nine in the organization's
zone; the month's statement is final and ties to the journal to the nano.

What comes at night and at the month's end is a rehearsal: the server is started again with its
clock ahead.

Rules: A4, L5, N1, N2, N3, N4, Q1, Q3, Q4, S4, X0, X4, X5, X7.
"""
import argparse
import datetime
import pathlib
import sys
import zoneinfo

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/support"))
from notice_receivers import MailServer, WebhookReceiver, wait_for  # noqa: E402
from payment_receiver import Receiver  # noqa: E402
from server_process import CommandLine, Server, nanos, scratch_directory  # noqa: E402

DOLLAR = 10**9
PEOPLE = {"olga": "primary_owner", "adam": "admin", "ann": "member", "ben": "member"}


def zone_within_its_month():
    """A zone in which the month does not end while this runs."""
    for name in ("Europe/Berlin", "America/New_York"):
        here = datetime.datetime.now(zoneinfo.ZoneInfo(name))
        if (here + datetime.timedelta(minutes=30)).month == here.month:
            return name
    raise AssertionError("the month ends everywhere at once")


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")[:19] + "+00:00")


class Story:

    def __init__(self, options, scratch):
        self.options, self.scratch = options, scratch
        self.line = CommandLine(options.bursar, scratch / "state")
        self.mail = MailServer(scratch)
        self.systems = WebhookReceiver()
        self.zone = zone_within_its_month()
        self.ahead = datetime.timedelta()
        self.start()

    def start(self, *flags):
        self.server = Server(self.options.bursard, self.scratch / "data", "--notice-retry-min",
                             "50ms", "--notice-retry-max", "300ms", "--clock-ahead",
                             f"{int(self.ahead.total_seconds())}s",
                             *self.mail.flags(self.scratch), *flags)

    def move_to(self, local, *flags):
        """Starts the server again, a second behind that local time."""
        assert self.server.stop() == 0
        self.ahead += local - self.now() + datetime.timedelta(seconds=1)
        self.start(*flags)

    def now(self):
        return datetime.datetime.now(zoneinfo.ZoneInfo(self.zone)) + self.ahead

    def run(self, *arguments, **expectations):
        return self.line.run(self.server.address, *arguments, **expectations)

    def as_member(self, member, *arguments):
        return self.run("--as", member, *arguments)

    def mailed(self, recipient, words):
        """The mails to somebody whose subject has these words, once there is one."""
        def found():
            return [one for one in self.mail.mails
                    if one.recipient == f"{recipient}@acme.example" and words in one.subject]
        return wait_for(f"a mail to {recipient}: {words}", found)

    def posted(self, kind):
        """The posts of an event to the organization's systems, once there is one."""
        def found():
            return [post for post in self.systems.at("/ok/systems")
                    if post["event"]["type"] == kind]
        posts = wait_for(f"a post of {kind}", found)
        assert all(post["verified"] for post in posts), posts
        return posts

    def spend(self, member, dollars, request_id):
        self.run("record", "acme", member, "--surface", "claude-code", "--cost", dollars,
                 "--request-id", request_id)

    def denied(self, member):
        return self.run("check", "acme", member, "--surface", "claude-code", expect=(3,))["denial"]

    def admitted(self, member):
        self.run("check", "acme", member, "--surface", "claude-code")

    def payment_system(self, secret):
        """Answers payments, and is where the organization's payments go from now on."""
        money = Receiver(self.scratch, self.options.bursar, self.server.address, secret)
        self.send_payments_to(money.port)
        return money

    def send_payments_to(self, port):
        reply = self.run("channels", "webhook", "acme", "payments", f"http://127.0.0.1:{port}/",
                         "--events", "payment.requested")
        return [one["secret"] for one in reply.get("newSecrets", [])]

    # ---- Chapters ----

    def the_owner_sets_it_up(self):
        self.run("org", "create", "acme", "--plan", "team", "--name", "Acme & Sons", "--time-zone",
                 self.zone, "--settings-url", "https://acme.example/wallet")
        for member, role in PEOPLE.items():
            self.run("members", "add", "acme", member, "--role", role, "--email",
                     f"{member}@acme.example")
        reply = self.as_member("olga", "channels", "webhook", "acme", "systems",
                               self.systems.url("/ok/systems"), "--events",
                               "extra_usage.*,limit.*,payment.succeeded")
        (secret,) = reply["newSecrets"]
        self.systems.keep_secret("systems", secret["secret"])
        (self.payment_secret,) = self.send_payments_to(9)
        self.as_member("olga", "extra", "enable", "acme")
        money = self.payment_system(self.payment_secret)
        self.as_member("olga", "credit", "buy", "acme", "25", "--reference", "order-1")
        money.verdict()
        money.stop()
        assert nanos(self.run("wallet", "acme")["balance"]) == 25 * DOLLAR
        self.as_member("olga", "credit", "reload", "set", "acme", "--threshold", "5", "--amount",
                       "25")
        self.as_member("olga", "limits", "set", "acme", "100", "--scope", "organization")
        self.as_member("olga", "limits", "set", "acme", "10", "--scope", "member", "--id", "ann")
        self.posted("payment.succeeded")
        self.mailed("olga", "bought credit")

    def a_member_is_raised(self):
        self.spend("ann", "35", "ann-1")  # 25 included, 10 extra.
        denial = self.denied("ann")
        assert denial["reason"] == "DENIAL_REASON_MEMBER_LIMIT_REACHED", denial
        assert self.posted("limit.threshold_reached")
        self.mailed("ann", "100 % of a spend limit")
        asked = self.as_member("ann", "requests", "create", "acme", "ann", "--kind",
                               "higher-limit", "--amount", "12", "--reason",
                               "the release is tomorrow")
        request = asked["request"]["increaseRequestId"]
        (letter,) = self.mailed("adam", "asks for a higher limit")
        assert "the release is tomorrow" in letter.body("plain")
        self.as_member("adam", "requests", "approve", "acme", request, "--note", "good luck")
        (letter,) = self.mailed("ann", "was approved")
        assert "good luck" in letter.body("plain")
        self.admitted("ann")

    def the_pool_runs_out(self):
        self.spend("ben", "41", "ben-1")  # 25 included, 16 extra: 1 more than there is.
        denial = self.denied("ben")
        assert denial["reason"] == "DENIAL_REASON_BALANCE_EXHAUSTED", denial
        assert "We let your admin know." in denial["message"], denial
        (letter,) = self.mailed("olga", "has run out of extra usage")
        assert letter.over_tls and letter.user_name == "bursar"
        assert "has used up its prepaid balance" in letter.body("plain")
        (post,) = self.posted("extra_usage.exhausted")
        assert post["id"] == letter.notice_id, (post, letter.notice_id)
        money = self.payment_system(self.payment_secret)
        money.verdict()
        self.admitted("ben")
        money.stop()
        assert nanos(self.run("wallet", "acme")["balance"]) == 24 * DOLLAR
        self.posted("extra_usage.resolved")
        self.mailed("olga", "has extra usage again")

    def the_digest_comes_at_nine(self):
        self.as_member("ben", "requests", "create", "acme", "ben", "--kind", "higher-seat",
                       "--reason", "two projects at once")
        self.mailed("adam", "asks for a higher seat")
        nine = self.now().replace(hour=9, minute=0, second=0, microsecond=0)
        if nine <= self.now():
            nine += datetime.timedelta(days=1)
        self.move_to(nine)
        (letter,) = self.mailed("adam", "Requests wait for your decision")
        assert "two projects at once" in letter.body("plain")
        due = [entry for entry in self.line.journal(self.server.address, "acme")
               if entry["kind"].endswith("DIGEST_SCHEDULED")]
        told = instant(due[-1]["recordTime"]).astimezone(zoneinfo.ZoneInfo(self.zone))
        assert (told.hour, told.minute) == (9, 0), told

    def the_statement_ties(self):
        charges = self.line.journal(self.server.address, "acme", "usage_charged")
        month = instant(charges[0]["recordTime"]).astimezone(zoneinfo.ZoneInfo(self.zone))
        over = (month.replace(day=28) + datetime.timedelta(days=4)).replace(
            day=1, hour=0, minute=0, second=0, microsecond=0)
        if self.now() < over:
            self.move_to(over, "--confirm-clock")
        name = month.strftime("%Y-%m")
        shown = self.run("statement", "show", "acme", name, "--group-by", "member", "--all")
        statement = shown["statement"]
        assert statement["state"] == "STATEMENT_STATE_FINAL", statement
        net = sum(nanos(entry["amount"]) for entry in charges)
        assert net == 76 * DOLLAR == nanos(statement["netCost"]), statement
        assert sum(nanos(line["cost"]) for line in shown["lines"]) == net
        moved = nanos(statement["purchased"]) + nanos(statement["autoReloaded"]) - nanos(
            statement["drawn"]) - nanos(statement.get("overdrawn", {}))
        assert moved == nanos(statement["closingBalance"]) == 24 * DOLLAR, statement
        verified = self.run("verify")
        assert int(verified.get("violationCount", 0)) == 0, verified

    def tell(self):
        for chapter in (self.the_owner_sets_it_up, self.a_member_is_raised, self.the_pool_runs_out,
                        self.the_digest_comes_at_nine, self.the_statement_ties):
            chapter()
            print(f"{chapter.__name__.replace('_', ' ')}: as told", flush=True)
        ids = [(one.notice_id, one.recipient) for one in self.mail.mails]
        assert len(ids) == len(set(ids)), "a mail came twice"
        print(f"{len(ids)} mails, {len(self.systems.posts)} posts, "
              f"{self.ahead.total_seconds() / 86400:.0f} days")

    def end(self):
        self.server.stop()
        self.mail.close()
        self.systems.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bursard", required=True)
    parser.add_argument("--bursar", required=True)
    options = parser.parse_args()
    with scratch_directory() as scratch:
        story = Story(options, pathlib.Path(scratch))
        try:
            story.tell()
        finally:
            story.end()


if __name__ == "__main__":
    main()

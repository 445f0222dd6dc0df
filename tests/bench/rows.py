"""The rows of the table: what is measured, beside what, and what it should be.

A row runs several rounds; in each, Bursar and its yardsticks take turns, so that a slow minute of
the machine is everybody's. What is told is the median.
"""
import statistics
import subprocess
import time

HOT = 1        # Organizations of the hot runs.
MANY = 10_000  # And of the wide ones.


class Row:
    """One line of the table."""

    def __init__(self, what, goal):
        self.what = what
        self.goal = goal
        self.samples = {}  # Of each figure, by name.
        self.verdicts = []  # [words, whether it is reached]

    def add(self, **figures):
        for name, value in figures.items():
            self.samples.setdefault(name, []).append(value)

    def median(self, name):
        return statistics.median(self.samples[name])

    def spread(self, name):
        """The farthest sample from the median, as a share of it."""
        middle = self.median(name)
        return max(abs(value - middle) for value in self.samples[name]) / middle if middle else 0

    def expect(self, words, reached):
        self.verdicts.append([words, bool(reached)])

    def as_json(self):
        return {"what": self.what, "goal": self.goal,
                "medians": {name: self.median(name) for name in self.samples},
                "spread": {name: round(self.spread(name), 3) for name in self.samples},
                "samples": self.samples,
                "verdicts": [{"words": words, "reached": reached}
                             for words, reached in self.verdicts]}


def ratio(row, ours, yardstick):
    """The median of the rounds' ratios: what slows a whole round down is in neither."""
    return statistics.median(a / b for a, b in zip(row.samples[ours], row.samples[yardstick]))


def check(bench):
    row = Row("CheckAdmission, 64 in flight", "≥ 0.90 × echo")
    bench.bursar.run("record", in_flight=64, seconds=1)  # As in life: windows are open.
    for _ in bench.rounds():
        for name, load in (("bursar", bench.bursar), ("echo", bench.echo)):
            done = load.run("check", in_flight=64, seconds=bench.seconds)
            row.add(**{name: done["itemsPerSecond"],
                       f"{name}_cpu_us": done["serverCpuMicrosecondsPerItem"]})
    share = ratio(row, "bursar", "echo")
    row.expect(f"{share:.2f} × echo", share >= 0.9)
    yield row


def record(bench):
    for organizations, words in ((HOT, "one organization"), (MANY, "over 10,000")):
        row = Row(f"RecordConsumption, 256 in flight, {words}",
                  "≥ 0.70 × echo, ≥ 2 × Redis, ≥ 20 × PostgreSQL hot, ≤ 15 µs CPU")
        for _ in bench.rounds():
            for name, load in (("bursar", bench.bursar), ("echo", bench.echo)):
                done = load.run("record", in_flight=256, seconds=bench.seconds,
                                organizations=organizations)
                row.add(**{name: done["itemsPerSecond"],
                           f"{name}_cpu_us": done["serverCpuMicrosecondsPerItem"]})
            for name, done in (
                    ("redis", bench.redis.record(256, bench.seconds)),
                    # Fewer clients, which suits its locks: with 256 it is a quarter as fast.
                    ("postgres", bench.postgres.record(64, bench.seconds, organizations))):
                row.add(**{name: done["itemsPerSecond"],
                           f"{name}_cpu_us": done["serverCpuMicrosecondsPerItem"]})
        goals = [("echo", 0.7), ("redis", 2)] + ([("postgres", 20)] if organizations == HOT else [])
        for name, goal in goals:
            share = ratio(row, "bursar", name)
            row.expect(f"{share:.2f} × {name}", share >= goal)
        cpu = row.median("bursar_cpu_us")
        row.expect(f"{cpu:.1f} µs CPU", cpu <= 15)
        yield row


def alone(bench):
    row = Row("RecordConsumption, 1 in flight: p50, ms", "≤ fdatasync p50 + 0.15")
    for _ in bench.rounds():
        done = bench.bursar.run("record", in_flight=1, seconds=bench.seconds)
        row.add(bursar=done["p50Milliseconds"], fdatasync=bench.fdatasync())
    more = row.median("bursar") - row.median("fdatasync")
    row.expect(f"fdatasync + {more:.2f} ms", more <= 0.15)
    yield row


def batch(bench):
    row = Row("BatchRecordConsumption of 1,000: records", "≥ 450k/s, ≥ 5 × echo's requests")
    for _ in bench.rounds():
        done = bench.bursar.run("batch", in_flight=8, seconds=bench.seconds, batch=1000)
        row.add(bursar=done["itemsPerSecond"], bursar_cpu_us=done["serverCpuMicrosecondsPerItem"])
        done = bench.echo.run("record", in_flight=256, seconds=bench.seconds)
        row.add(echo=done["itemsPerSecond"])
    row.expect(f"{row.median('bursar') / 1e3:.0f}k/s", row.median("bursar") >= 450_000)
    share = ratio(row, "bursar", "echo")
    row.expect(f"{share:.2f} × echo", share >= 5)
    yield row


def stream(bench):
    row = Row("StreamConsumption: records", "≥ 150k/s")
    for _ in bench.rounds():
        done = bench.bursar.run("stream", in_flight=2048, seconds=bench.seconds)
        row.add(bursar=done["itemsPerSecond"], bursar_cpu_us=done["serverCpuMicrosecondsPerItem"])
    row.expect(f"{row.median('bursar') / 1e3:.0f}k/s", row.median("bursar") >= 150_000)
    yield row


def half_rate(bench):
    """An open loop at half of what a closed one just reached."""
    for call, in_flight, goal in (("check", 64, 1), ("record", 256, 5)):
        row = Row(f"p99 of {call} at half the maximum rate, ms", f"≤ {goal}")
        for _ in bench.rounds():
            most = bench.bursar.run(call, in_flight=in_flight, seconds=2)["callsPerSecond"]
            done = bench.bursar.run(call, rate=most / 2, seconds=bench.seconds)
            row.add(bursar=done["p99Milliseconds"], rate=done["callsPerSecond"])
        row.expect(f"{row.median('bursar'):.2f} ms", row.median("bursar") <= goal)
        yield row


def beside(bench):
    """Records at a quarter of the rate while an operator reads a month, or a backup is made."""
    bench.bursar.run("batch", in_flight=8, batch=1000, organizations=1,
                     count=bench.month_records // 1000)
    commands = {
        "an operator reads a month of usage": ["usage", "org-0", "--group-by", "member", "--group-by", "model"],
        "a backup is made": ["backup", "create"]}
    most = bench.bursar.run("record", in_flight=256, seconds=2)["callsPerSecond"]
    for words, command in commands.items():
        row = Row(f"p99 of records while {words}, ms", "at most doubles")
        for _ in bench.rounds():
            options = {"rate": most / 4, "seconds": bench.seconds}
            row.add(quiet=bench.bursar.run("record", **options)["p99Milliseconds"])
            loaded = bench.bursar.start("record", **options)
            begin = time.monotonic()
            while loaded.poll() is None:
                subprocess.run(bench.command_line(*command), stdout=subprocess.DEVNULL, check=True)
                row.add(command_seconds=time.monotonic() - begin)
                begin = time.monotonic()
            row.add(bursar=bench.bursar.finish(loaded)["p99Milliseconds"])
        share = ratio(row, "bursar", "quiet")
        row.expect(f"{share:.2f} × quiet", share <= 2)
        yield row


def disk(bench):
    row = Row("disk of a record without labels or hold, bytes", "≤ 400")
    with bench.server("disk") as server:
        server.load.set_up(HOT)
        server.load.run("record", count=200_000, in_flight=256)
        server.stop()
        row.add(bursar=server.bytes_on_disk() / 200_000)
    row.expect(f"{row.median('bursar'):.0f} bytes", row.median("bursar") <= 400)
    yield row


def restart(bench):
    row = Row(f"start after kill -9, {bench.restart_records:,} records on disk, s", "≤ 3")
    with bench.server("restart") as server:
        server.load.set_up(MANY)
        server.load.run("batch", in_flight=8, batch=1000, organizations=MANY,
                        count=bench.restart_records // 1000)
        for _ in bench.rounds():
            server.load.run("record", in_flight=256, seconds=2, organizations=MANY)
            row.add(bursar=server.kill_and_start(), records=bench.restart_records)
    row.expect(f"{row.median('bursar'):.2f} s", row.median("bursar") <= 3)
    yield row


def many_wallets(bench):
    row = Row(f"{bench.many_organizations:,} organizations of 5 members: MiB, and start, s",
              "≤ 2048 MiB, ≤ 2 s")
    with bench.server("wallets") as server:
        server.load.set_up(bench.many_organizations, members=5)
        server.load.run("record", in_flight=256, organizations=bench.many_organizations, members=5,
                        count=bench.many_organizations)
        row.add(mebibytes=server.resident_mebibytes(), start_seconds=server.kill_and_start())
    row.expect(f"{row.median('mebibytes'):.0f} MiB", row.median("mebibytes") <= 2048)
    row.expect(f"{row.median('start_seconds'):.2f} s", row.median("start_seconds") <= 2)
    yield row


def remembered(bench):
    row = Row(f"rate of records with {bench.remembered_ids:,} request ids remembered",
              "falls ≤ 20 %")
    with bench.server("remembered") as server:
        server.load.set_up(MANY)
        def measure():
            return server.load.run("record", in_flight=256, organizations=MANY,
                                   seconds=bench.seconds)["itemsPerSecond"]
        for _ in bench.rounds():
            row.add(before=measure())
        server.load.run("batch", in_flight=8, batch=1000, organizations=MANY,
                        count=bench.remembered_ids // 1000)
        for _ in bench.rounds():
            row.add(bursar=measure())
    fall = 1 - ratio(row, "bursar", "before")
    row.expect(f"{100 * fall:.0f} % less", fall <= 0.2)
    yield row


# By the name that --only takes. Those of LARGE take minutes and gigabytes.
ROWS = {"check": check, "record": record, "alone": alone, "batch": batch, "stream": stream,
        "half-rate": half_rate, "beside": beside, "disk": disk, "restart": restart,
        "wallets": many_wallets, "remembered": remembered}
LARGE = ("restart", "wallets", "remembered")

#!/usr/bin/python3
"""A flipped bit in the live log is refused at start; a torn tail opens and is reported.

Rules: R3, J1. The log is RocksDB's newest write-ahead log under the data directory, after a kill.
"""
import argparse
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from server_process import CommandLine, Server, StartRefused, scratch_directory, seeded

RECORDS = 200


def newest_log(data):
    logs = [path for path in data.rglob("*.log") if path.stat().st_size > 0]
    assert logs, f"no log under {data}"
    return max(logs, key=lambda path: path.name)


def make_live_log(options, scratch):
    """A data directory whose server was killed after RECORDS acknowledged records."""
    data = scratch / "data"
    command = CommandLine(options.bursar, scratch / "state")
    server = Server(options.bursard, data)
    command.run(server.address, "org", "create", "acme", "--plan", "enterprise_usage")
    command.run(server.address, "members", "add", "acme", "ann", "--email", "ann@example.com")
    for number in range(RECORDS):
        command.run(server.address, "record", "acme", "ann", "--model", "claude-haiku-4-5",
                    "--surface", "chat", "--input", 1000 + number, "--request-id", f"r{number}")
    server.kill()
    return data, command


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bursard", required=True)
    parser.add_argument("--bursar", required=True)
    options = parser.parse_args()
    generator = seeded("damaged_journal")
    with scratch_directory() as scratch:
        scratch = pathlib.Path(scratch)
        data, command = make_live_log(options, scratch)

        flipped = scratch / "flipped"
        shutil.copytree(data, flipped)
        log = newest_log(flipped)
        content = bytearray(log.read_bytes())
        # In the first half: acknowledged records follow it, so it can be no torn tail.
        place = generator.randrange(len(content) // 2)
        content[place] ^= 1 << generator.randrange(8)
        log.write_bytes(content)
        before = sorted((path.name, path.read_bytes()) for path in flipped.rglob("*.log"))
        try:
            Server(options.bursard, flipped).kill()
            raise AssertionError(f"a flipped bit at byte {place} of {len(content)} was accepted")
        except StartRefused as refused:
            assert refused.status not in (0, None), "refused with exit status 0"
            print(f"flipped bit at byte {place} of {len(content)}: refused, exit status "
                  f"{refused.status}:\n  {refused.log.strip().splitlines()[-1]}")
        after = sorted((path.name, path.read_bytes()) for path in flipped.rglob("*.log"))
        assert before == after, "a refused start changed the log"

        torn = scratch / "torn"
        shutil.copytree(data, torn)
        with newest_log(torn).open("ab") as log:
            # The beginning of one more record whose rest never reached the disk.
            log.write(generator.randbytes(4) + b"\x40\x00\x01" + generator.randbytes(20))
        server = Server(options.bursard, torn)
        assert "torn" in server.log, f"a torn tail was not reported:\n{server.log}"
        charges = command.journal(server.address, "acme", "usage_charged")
        verified = command.run(server.address, "verify")
        assert server.stop() == 0
        assert len(charges) == RECORDS, f"{len(charges)} charges of {RECORDS}"
        assert int(verified.get("violationCount", 0)) == 0, verified
        report = next(line for line in server.lines if "torn" in line)
        print(f"torn tail: opened with all {RECORDS} records, and said so:\n  {report.strip()}")


if __name__ == "__main__":
    main()

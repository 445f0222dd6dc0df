#!/usr/bin/python3
"""Kills the server at random moments under load, again and again, and has every ledger audited.

Rules: R2, R3, H4, J1, J2. A cycle: a real trace is replayed, with holds in every second store, the
server is killed at a random moment, its store is opened offline, verified, exported, and the export
is audited by a program that shares no code with the ledger; then the same replay goes on against a
new server on it. Every twenty cycles a store ends with the auditor comparing the live wallet too.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import threading

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "support"))
from server_process import CHAT_TRACE, CommandLine, Server, scratch_directory, seeded

CYCLES_OF_A_STORE = 20
LONGEST_SECONDS = 0.6


def audit(options, data, scratch, wallet=None):
    """Verifies and audits the store of a server that is dead; returns how many charges it has."""
    export = scratch / "export.jsonl"
    export.unlink(missing_ok=True)
    for command in ([options.bursard, "--verify-ledger", data],
                    [options.ledger, "export", "--data", data, export]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    told = ["--wallet", f"acme={wallet}"] if wallet else []
    acknowledged = scratch / "acknowledged"
    if acknowledged.exists():
        told += ["--acknowledged", f"acme={acknowledged}"]
    audited = subprocess.run([sys.executable, TESTS / "audit" / "auditor.py", export, *told],
                             capture_output=True, text=True, check=False)
    assert audited.returncode == 0, audited.stdout + audited.stderr
    return int(audited.stdout.split(" entries, ")[1].split(" charges")[0])


def run_store(options, generator, cycles, with_holds):
    """One store through its cycles; returns how many charges it ends with."""
    with scratch_directory() as scratch:
        scratch = pathlib.Path(scratch)
        data = scratch / "data"
        command = CommandLine(options.bursar, scratch / "state")
        server = Server(options.bursard, data)
        command.run(server.address, "org", "create", "acme", "--plan", "api")
        command.run(server.address, "credit", "grant", "acme", "120")
        replay = ["replay", CHAT_TRACE, "--org", "acme", "--members", "20", "--surface", "chat",
                  "--model", "claude-opus-4-5", "--acknowledged", scratch / "acknowledged",
                  *(["--holds"] if with_holds else [])]
        for _ in range(cycles):
            process = command.start(server.address, *replay)
            over = threading.Event()
            waiter = threading.Thread(target=lambda p=process: (p.communicate(), over.set()))
            waiter.start()
            over.wait(generator.uniform(0.02, LONGEST_SECONDS))
            server.kill()
            process.kill()
            waiter.join()
            audit(options, data, scratch)
            server = Server(options.bursard, data)
        wallet = scratch / "wallet.json"
        wallet.write_text(json.dumps(command.run(server.address, "wallet", "acme")),
                          encoding="utf-8")
        status = server.stop()
        assert status == 0, f"the server's exit status was {status}"
        return audit(options, data, scratch, wallet)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bursard", required=True)
    parser.add_argument("--bursar", required=True)
    parser.add_argument("--ledger", required=True)
    parser.add_argument("--cycles", type=int, default=CYCLES_OF_A_STORE)
    options = parser.parse_args()
    generator = seeded("kill_under_load")
    charges = done = store = 0
    while done < options.cycles:
        cycles = min(CYCLES_OF_A_STORE, options.cycles - done)
        charges += run_store(options, generator, cycles, with_holds=store % 2 == 1)
        done += cycles
        store += 1
        print(f"{done} of {options.cycles} kills, {store} stores, {charges} charges audited, "
              "0 problems", flush=True)


if __name__ == "__main__":
    main()

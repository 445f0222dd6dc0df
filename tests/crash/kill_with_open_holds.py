#!/usr/bin/python3
"""Kills the server with thousands of holds open, and looks after them when it is back.

Rules: H3, H4, H5, J2. What was acknowledged is open again, what is held equals the sum of the live
holds, settling works, and those whose time has come are gone by the organization's policy.
"""
import argparse
import pathlib
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from server_process import ROOT, CommandLine, Server, nanos, scratch_directory, seeded

HOLDS = 4_000
CENT = 10_000_000  # In nanos.
MEMBERS = ["ann", "bob", "cyd", "dan"]  # Each may have 2,000 holds open.


def import_stubs(options, folder):
    """Python stubs of the public interface, made as a backend team would."""
    folder.mkdir()
    protos = sorted((ROOT / "proto/bursar/v1").glob("*.proto"))
    subprocess.run([options.protoc, "-I", str(ROOT / "proto"), f"--python_out={folder}",
                    f"--grpc_out={folder}", f"--plugin=protoc-gen-grpc={options.plugin}",
                    *map(str, protos)], check=True)
    sys.path.insert(0, str(folder))
    import grpc
    from bursar.v1 import quota_service_pb2, quota_service_pb2_grpc
    return grpc, quota_service_pb2, quota_service_pb2_grpc


def hold_until_killed(stub, protocol, grpc, kill_at, kill, short_lived):
    """Places holds, many at once, and kills the server after `kill_at` answers. The answered ones
    by admission id, and which of them live for a second only."""
    placed, lock, enough = {}, threading.Lock(), threading.Event()

    def done(index, future):
        try:
            reply = future.result()
        except grpc.RpcError:
            return
        with lock:
            assert reply.decision == protocol.DECISION_ADMITTED, reply
            placed[reply.admission_id] = index in short_lived
            if len(placed) >= kill_at:
                enough.set()

    slots = threading.Semaphore(256)
    for index in range(HOLDS):
        if enough.is_set():
            break
        slots.acquire()
        request = protocol.CheckAdmissionRequest(
            organization_id="acme", member_id=MEMBERS[index % len(MEMBERS)], surface="claude-code",
            mode=protocol.ADMISSION_MODE_HOLD, request_id=f"hold-{index}")
        request.estimate.cost.nanos = CENT
        request.hold_ttl.seconds = 1 if index in short_lived else 3600
        future = stub.CheckAdmission.future(request)
        future.add_done_callback(lambda f, i=index: (done(i, f), slots.release()))
    assert enough.wait(timeout=120), f"only {len(placed)} holds were placed"
    kill()
    return placed


def list_holds(command, address):
    """Every open hold and what they hold, of one moment: pages between which a hold expired are
    read again, until none is left that expires."""
    while True:
        before = command.run(address, "hold", "list", "acme", "--page-size", 1)["heldExtra"]
        holds = command.run(address, "hold", "list", "acme", "--all").get("holds", [])
        after = command.run(address, "hold", "list", "acme", "--page-size", 1)["heldExtra"]
        if before == after:
            return holds, nanos(after)


def main():
    parser = argparse.ArgumentParser()
    for name in ("bursard", "bursar", "protoc", "plugin"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    generator = seeded("kill_with_open_holds")
    kill_at = generator.randrange(HOLDS // 2, HOLDS - 600)
    short_lived = set(generator.sample(range(HOLDS), HOLDS // 10))
    with scratch_directory() as scratch:
        scratch = pathlib.Path(scratch)
        grpc, protocol, services = import_stubs(options, scratch / "stubs")
        command = CommandLine(options.bursar, scratch / "state")
        server = Server(options.bursard, scratch / "data")
        command.run(server.address, "org", "create", "acme", "--plan", "api")
        for member in MEMBERS:
            command.run(server.address, "members", "add", "acme", member)
        command.run(server.address, "credit", "grant", "acme", "100.00")
        with grpc.insecure_channel(server.address) as channel:
            placed = hold_until_killed(services.QuotaServiceStub(channel), protocol, grpc, kill_at,
                                       server.kill, short_lived)
        server = Server(options.bursard, scratch / "data")
        holds, held_nanos = list_holds(command, server.address)
        assert sum(nanos(hold["extra"]) for hold in holds) == held_nanos, \
            "held is not the sum of the live holds"
        open_ids = {hold["admissionId"] for hold in holds}
        lost = [i for i, is_short in placed.items() if not is_short and i not in open_ids]
        assert not lost, f"{len(lost)} acknowledged holds are gone"
        with grpc.insecure_channel(server.address) as channel:
            stub = services.QuotaServiceStub(channel)
            for number, admission_id in enumerate(sorted(open_ids)):
                record = protocol.RecordConsumptionRequest(
                    organization_id="acme", admission_id=admission_id,
                    request_id=f"settle-{number}")
                record.cost.nanos = CENT
                receipt = stub.RecordConsumption(record)
                # A short one may expire between the list and its record.
                assert receipt.admission_status in (protocol.ADMISSION_STATUS_SETTLED,
                                                    protocol.ADMISSION_STATUS_EXPIRED), receipt
        left = command.run(server.address, "hold", "list", "acme")
        verified = command.run(server.address, "verify")
        status = server.stop()
    assert not left.get("holds") and nanos(left["heldExtra"]) == 0, left
    assert int(verified.get("violationCount", 0)) == 0, verified
    assert status == 0, f"the server's exit status was {status}"
    print(f"killed with {len(placed)} acknowledged holds; {len(open_ids)} open after the restart, "
          f"holding {held_nanos / 1e9:.2f}; all settled, nothing held")


if __name__ == "__main__":
    main()

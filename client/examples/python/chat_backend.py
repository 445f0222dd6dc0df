"""A chat backend that asks Bursar before it calls the model and records what the call used."""

import os
import sys
import uuid

import grpc
from bursar.v1 import quota_service_pb2 as bursar
from bursar.v1.quota_service_pb2_grpc import QuotaServiceStub


def call_model(question):
    """Stands in for the model: its answer, and the tokens that its reply reports."""
    return f"You said: {question}", {"input_tokens": 1200, "output_tokens": 350}


def answer(quota, who, question):
    options = {"timeout": 5, "metadata": []}
    if token := os.environ.get("BURSAR_TOKEN"):
        options["metadata"].append(("authorization", f"Bearer {token}"))
    request = {**who, "surface": "chat", "model": "claude-sonnet-4-6"}

    check = quota.CheckAdmission(bursar.CheckAdmissionRequest(**request), **options)
    if check.decision == bursar.DECISION_DENIED:
        remedies = [remedy.description for remedy in check.denial.remedies[:1]]
        return "\n".join([check.denial.message, *remedies])

    # Made before the call: whatever is repeated later is charged once.
    record = bursar.RecordConsumptionRequest(**request, request_id=str(uuid.uuid4()))
    text, usage = call_model(question)
    for name, quantity in usage.items():
        setattr(record.usage, name, quantity)
    receipt = quota.RecordConsumption(record, **options)
    cost = f"{receipt.cost.units}.{receipt.cost.nanos:09d} {receipt.cost.currency_code}"
    return f"{text}\n[charged {cost}, journal entry {receipt.sequence}]"


if __name__ == "__main__":
    address, organization, member, prompt = sys.argv[1:5]
    with grpc.insecure_channel(address) as channel:  # Over a network: grpc.secure_channel.
        identity = {"organization_id": organization, "member_id": member}
        print(answer(QuotaServiceStub(channel), identity, prompt))

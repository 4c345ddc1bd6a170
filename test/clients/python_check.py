"""What a service in Python does with the generated client: a risk, an error with its fields, signals. Arguments: address, token."""

import sys

import grpc
from google.rpc import error_details_pb2, status_pb2
from perennial.v1 import (
    customer_service_pb2,
    customer_service_pb2_grpc,
    risk_service_pb2,
    risk_service_pb2_grpc,
    signal_pb2,
    signal_service_pb2,
    signal_service_pb2_grpc,
)

address, token = sys.argv[1:]
metadata = [("authorization", f"Bearer {token}")]
with grpc.insecure_channel(address) as channel:
    risks = risk_service_pb2_grpc.RiskServiceStub(channel)
    page = risks.ListRisks(risk_service_pb2.ListRisksRequest(page_size=2), metadata=metadata, timeout=30)
    first = risks.GetRisk(
        risk_service_pb2.GetRiskRequest(subscription_id=page.risks[0].subscription_id), metadata=metadata, timeout=30
    )
    assert first == page.risks[0], (first, page.risks[0])
    assert page.next_page_token

    found, page_token = [], ""
    while True:
        page = risks.ListRisks(
            risk_service_pb2.ListRisksRequest(page_size=2, page_token=page_token), metadata=metadata, timeout=30
        )
        found.extend(page.risks)
        page_token = page.next_page_token
        if not page_token:
            break
    whole = risks.ListRisks(risk_service_pb2.ListRisksRequest(), metadata=metadata, timeout=30)
    assert found == list(whole.risks) and len(found) > 2, found

    watch = risks.WatchRisks(risk_service_pb2.WatchRisksRequest(), metadata=metadata)
    assert next(watch).resume_token
    watch.cancel()

    customers = customer_service_pb2_grpc.CustomerServiceStub(channel)
    customer = customers.GetCustomer(
        customer_service_pb2.GetCustomerRequest(account_id=first.account_id), metadata=metadata, timeout=30
    )
    assert customer.subscriptions[0].risk.subscription_id == first.subscription_id, customer

    try:
        risks.GetRisk(risk_service_pb2.GetRiskRequest(subscription_id="x" * 300), metadata=metadata, timeout=30)
        raise AssertionError("it should have been refused")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
        details = dict(error.trailing_metadata())["grpc-status-details-bin"]
        bad = error_details_pb2.BadRequest()
        unpacked = [detail.Unpack(bad) for detail in status_pb2.Status.FromString(details).details]
        assert any(unpacked) and bad.field_violations[0].field == "subscription_id", bad

    try:
        risks.ListRisks(risk_service_pb2.ListRisksRequest(), timeout=30)
        raise AssertionError("it should have been refused")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNAUTHENTICATED, error

    def signal(number):
        made = signal_pb2.Signal(
            id=f"py-{number}", source="python", category=signal_pb2.CATEGORY_USAGE, type="feature_used", account_id="py"
        )
        made.time.FromJsonString("2025-12-31T12:00:00Z")
        return made

    signals = signal_service_pb2_grpc.SignalServiceStub(channel)
    batches = (signal_service_pb2.StreamSignalsRequest(signals=[signal(n), signal(n + 10)]) for n in range(3))
    answers = list(signals.StreamSignals(batches, metadata=metadata, timeout=30))
    assert [(answer.request_index, answer.accepted_count) for answer in answers] == [(0, 2), (1, 2), (2, 2)], answers
print("ok")

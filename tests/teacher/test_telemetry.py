"""What OpenTelemetry hears of teacher calls: models, sizes and times by their conventional names, and no text."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from synth_dagster.teacher.telemetry import made_of, telemetry_of
from tests.teacher.faulty import Say, words


@pytest.fixture
def heard():
    """Telemetry that is kept in memory, with what it kept."""
    spans, metrics = InMemorySpanExporter(), InMemoryMetricReader()
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    return made_of(tracers, MeterProvider([metrics], shutdown_on_exit=False)), spans, metrics


def points(reader):
    """(metric, attributes) -> (count, sum)."""
    found = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    return {
        (metric.name, frozenset(point.attributes.items())): (point.count, point.sum)
        for metric in found
        for point in metric.data.data_points
    }


def test_a_call_is_a_span_with_its_conventional_names(ask, heard, server):
    telemetry, spans, metrics = heard
    ask(words(["a secret thing"]), telemetry=telemetry)
    (span,) = spans.get_finished_spans()
    said = dict(span.attributes)
    assert span.name == "chat m" and span.kind.name == "CLIENT" and span.status.is_ok
    assert said.pop("server.port") == server.port
    assert said == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.response.model": "m-dated",
        "gen_ai.request.temperature": 0.0,
        "gen_ai.request.top_p": 1.0,
        "gen_ai.request.max_tokens": 2048,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "synth_dagster.role": "writer",
        "server.address": "127.0.0.1",
    }
    sums = {(name, dict(about).get("gen_ai.token.type")): value for (name, about), value in points(metrics).items()}
    assert sums["gen_ai.client.token.usage", "input"] == (1, 10)
    assert sums["gen_ai.client.token.usage", "output"] == (1, 5)
    assert sums["gen_ai.client.operation.duration", None][0] == 1


def test_every_request_is_told_and_an_answer_from_the_cache_is_none(ask, heard, server):
    telemetry, spans, metrics = heard
    server.script = lambda body, seen: Say(status=500, error="down") if seen == 0 else Say()
    ask(words(["a"]), telemetry=telemetry)
    ask(words(["a"]), telemetry=telemetry)
    # one failed request and one that was answered; the second run asks nobody
    first, second = spans.get_finished_spans()
    assert first.attributes["error.type"] == "500" and not first.status.is_ok and second.status.is_ok
    counts = [count for (name, _), (count, _) in points(metrics).items() if name.endswith("duration")]
    assert sorted(counts) == [1, 1]


def test_a_failure_is_told_by_its_class_and_no_word_of_it(ask, heard, server, endpoint):
    telemetry, spans, _ = heard
    server.script = lambda body, seen: Say(status=401, error=f"bad key {endpoint.api_key} for the secret thing")
    ask(words(["the secret thing"]), telemetry=telemetry)
    (span,) = spans.get_finished_spans()
    assert span.attributes["error.type"] == "TeacherError"
    assert endpoint.api_key not in span.to_json() and "secret" not in span.to_json()


def test_embeddings_are_told_too(ask, heard, endpoint):
    from dataclasses import replace

    telemetry, spans, _ = heard
    role = replace(endpoint, role="embedder")
    ask(lambda teachers: teachers.embedder.embed(["one", "two"]), endpoints={"embedder": role}, telemetry=telemetry)
    (span,) = spans.get_finished_spans()
    assert (span.name, span.attributes["gen_ai.usage.input_tokens"]) == ("embeddings m", 4)


# ------------------------------------------------------------------------------------------------- on, off and away


class Receiver(BaseHTTPRequestHandler):
    """An OTLP receiver on loopback."""

    got: dict[str, bytes]

    def do_POST(self):
        self.server.got[self.path] = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_spans_and_metrics_arrive_at_a_receiver_without_a_word_of_text(ask, monkeypatch):
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.got = {}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        telemetry = telemetry_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "set"})
        assert telemetry is not None
        ask(words(["a planted word"]), telemetry=telemetry)
        telemetry.close()
        server.shutdown()
    traces = ExportTraceServiceRequest.FromString(server.got["/v1/traces"])
    metrics = ExportMetricsServiceRequest.FromString(server.got["/v1/metrics"])
    assert traces.resource_spans[0].scope_spans[0].spans[0].name == "chat m"
    assert {metric.name for metric in metrics.resource_metrics[0].scope_metrics[0].metrics} == {
        "gen_ai.client.operation.duration",
        "gen_ai.client.token.usage",
    }
    everything = b"".join(server.got.values())
    assert b"planted" not in everything and b"sk-planted-secret-key" not in everything
    assert traces.resource_spans[0].resource.attributes[0].value.string_value == "synth_dagster"


def test_a_receiver_that_is_away_costs_a_run_one_line_and_no_answer(ask, monkeypatch, caplog):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("synth_dagster.teacher.telemetry.EXPORT_S", 0.2)
    telemetry = telemetry_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    (answer,) = ask(words(["a"]), telemetry=telemetry)
    telemetry.close()
    assert answer.text
    assert [record.getMessage() for record in caplog.records if "elemetry" in record.getMessage()] == [
        "Telemetry cannot be sent to the receiver that OTEL_EXPORTER_OTLP_ENDPOINT names."
    ]


@pytest.mark.parametrize(
    "env",
    [
        pytest.param({}, id="no-receiver"),
        pytest.param({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_SDK_DISABLED": "true"}, id="switched-off"),
    ],
)
def test_without_a_receiver_nothing_is_heard(env):
    assert telemetry_of(env) is None


def test_packages_that_are_missing_are_named_once(monkeypatch, caplog):
    monkeypatch.setattr("synth_dagster.teacher.telemetry.NEEDED", ("no_such_package_at_all.sdk",))
    assert telemetry_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h"}) is None
    assert "pip install 'synth-dagster[otel]'" in caplog.text


def test_when_it_is_off_no_package_of_it_is_imported(server, tmp_path):
    import subprocess
    import sys

    code = f"""
import sys
from tests.teacher.asker import main
main({server.url!r}, {str(tmp_path / "c.sqlite")!r}, "4", "0", "3")
assert not [name for name in sys.modules if name.startswith("opentelemetry")], "imported"
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)
    assert server.calls == 3

"""OpenTelemetry for teacher calls: a span for each request, and how long it took and how many tokens it used.

Names and attributes are those of the semantic conventions for generative AI (`gen_ai.*`), so that tools which know
them show our calls among others. No prompt, answer, key or record is in them, whatever the environment says: only
models, sizes, durations and kinds of failure.

On where OTEL_EXPORTER_OTLP_ENDPOINT (or that of traces or metrics) names a receiver and the packages of the extra
`otel` are there. Otherwise nothing is imported and a call costs one comparison.
"""

import importlib.util
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from synth_dagster.services import Sampling
from synth_dagster.teacher.roles import Endpoint

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram
    from opentelemetry.trace import Span, Tracer

log = logging.getLogger(__name__)

ENDPOINTS = tuple(f"OTEL_EXPORTER_OTLP_{which}ENDPOINT" for which in ("", "TRACES_", "METRICS_"))
NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
EXPORT_S = 5  # a receiver that is away may hold up the end of a run for so long, and no longer
SERVICE = "synth_dagster"

# Bucket boundaries that the conventions ask for.
DURATIONS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = tuple(4**power for power in range(14))


@dataclass(slots=True)
class Try:
    """One request under way: its span and when it began."""

    span: "Span"
    began: float


@dataclass
class Operation:
    """One call of a teacher, which may take several requests. Used by one task."""

    telemetry: "Telemetry"
    name: str
    attributes: Mapping[str, Any]
    asked: Mapping[str, Any]  # what stands on the span only
    _open: Try | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.failed(kind.__name__)

    def begin(self) -> None:
        """A request is sent."""
        self.failed("retried")
        span = self.telemetry.tracer.start_span(
            f"{self.name} {self.attributes['gen_ai.request.model']}",
            kind=_client(),
            attributes={**self.attributes, **self.asked},
        )
        self._open = Try(span, time.monotonic())

    def answered(self, model: str, tokens_in: int, tokens_out: int | None, finish: str | None = None) -> None:
        """The request was answered, with so many tokens read and written."""
        if self._open is None:
            return
        span = self._open.span
        span.set_attribute("gen_ai.response.model", model)
        span.set_attribute("gen_ai.usage.input_tokens", tokens_in)
        if finish is not None:
            span.set_attribute("gen_ai.response.finish_reasons", [finish])
        if tokens_out is not None:
            span.set_attribute("gen_ai.usage.output_tokens", tokens_out)
        known = {**self.attributes, "gen_ai.response.model": model}
        self._end(known)
        self.telemetry.tokens.record(tokens_in, {**known, "gen_ai.token.type": "input"})
        if tokens_out is not None:
            self.telemetry.tokens.record(tokens_out, {**known, "gen_ai.token.type": "output"})

    def failed(self, kind: str) -> None:
        """The request under way, if there is one, came to nothing. The kind is a class, never a message."""
        from opentelemetry.trace import StatusCode

        if self._open is not None:
            self._open.span.set_status(StatusCode.ERROR)
            self._open.span.set_attribute("error.type", kind)
            self._end({**self.attributes, "error.type": kind})

    def _end(self, attributes: Mapping[str, Any]) -> None:
        assert self._open is not None
        self.telemetry.durations.record(time.monotonic() - self._open.began, dict(attributes))
        self._open.span.end()
        self._open = None


@dataclass
class Telemetry:
    """Where spans and metrics go. `close` sends what is left."""

    tracer: "Tracer"
    durations: "Histogram"
    tokens: "Histogram"
    closing: tuple[Callable[[], Any], ...] = field(default=())

    def operation(self, name: str, endpoint: Endpoint, model: str, sampling: Sampling | None = None) -> Operation:
        """For one call; entered around it, what ends it with an error is its failure."""
        address = urlsplit(endpoint.base_url)
        attributes = {
            "gen_ai.operation.name": name,
            "gen_ai.provider.name": "openai" if endpoint.kind == "endpoint" else "synth_dagster.embedded",
            "gen_ai.request.model": model,
            "server.address": address.hostname or "",
            "server.port": address.port or (443 if address.scheme == "https" else 80),
        }
        asked: dict[str, Any] = {"synth_dagster.role": endpoint.role}
        if sampling is not None:
            asked |= {
                "gen_ai.request.temperature": sampling.temperature,
                "gen_ai.request.top_p": sampling.top_p,
                "gen_ai.request.max_tokens": sampling.max_tokens,
            }
        return Operation(self, name, attributes, asked)

    def close(self) -> None:
        """Sends what was not sent yet; a receiver that is away costs some seconds and no error."""
        for end in self.closing:
            try:
                end()
            except Exception as error:  # noqa: BLE001  # a run does not fail for a receiver of telemetry
                log.warning("The last telemetry could not be sent (%s).", type(error).__name__)


def telemetry_of(env: Mapping[str, str]) -> Telemetry | None:
    """Telemetry where the environment names a receiver and the packages are there; else None."""
    if not any(env.get(name) for name in ENDPOINTS) or env.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if not all(map(_is_there, NEEDED)):
        log.warning(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry is not installed: nothing is sent. "
            "Install it (pip install 'synth-dagster[otel]'), or unset the variable."
        )
        return None
    return _exporting()


def made_of(tracers: Any, meters: Any, closing: tuple[Callable[[], Any], ...] = ()) -> Telemetry:
    """Telemetry over a tracer provider and a meter provider."""
    meter = meters.get_meter(SERVICE)
    return Telemetry(
        tracer=tracers.get_tracer(SERVICE),
        durations=meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="How long a request to a model took.",
            explicit_bucket_boundaries_advisory=DURATIONS,
        ),
        tokens=meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Tokens that a request read and wrote.",
            explicit_bucket_boundaries_advisory=TOKENS,
        ),
        closing=closing,
    )


def _exporting() -> Telemetry:
    """Over OTLP in protobuf over HTTP; the exporters read the rest of OpenTelemetry's variables themselves."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    _speak_once()
    resource = Resource({"service.name": SERVICE}).merge(OTELResourceDetector().detect())
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=EXPORT_S)))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(timeout=EXPORT_S))
    meters = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    return made_of(tracers, meters, (tracers.shutdown, meters.shutdown))


class _Once(logging.Handler):
    """Says once that nothing arrives; the exporters would say it every few seconds of a run."""

    has_spoken = False

    def emit(self, record: logging.LogRecord) -> None:
        if not self.has_spoken:
            self.has_spoken = True
            log.warning("Telemetry cannot be sent to the receiver that OTEL_EXPORTER_OTLP_ENDPOINT names.")


def _speak_once() -> None:
    theirs = logging.getLogger("opentelemetry")
    theirs.propagate = False
    theirs.handlers = [_Once()]


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _client() -> Any:
    from opentelemetry.trace import SpanKind

    return SpanKind.CLIENT

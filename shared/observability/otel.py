"""Spans for an OpenTelemetry collector. Imported only where one is configured.

Nothing here waits: spans go into a queue of bounded length, and a thread sends them off. What a
collector does not take is dropped and counted. The SDK reads its own standard variables besides,
`OTEL_TRACES_SAMPLER` above all.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from shared.observability import metrics
from shared.observability.tracing import Attributes, Done

logger = logging.getLogger(__name__)

_QUEUE = 4_096  # Spans that may wait for the collector: some ten megabytes.
_SAY_EVERY_S = 60.0
_EXPORTERS_LOGGER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"


class Telemetry:
    """The collector at an OTLP/HTTP endpoint, as one service tells it."""

    def __init__(self, service: str, endpoint: str) -> None:
        """`endpoint` is the collector's address, without the path of traces."""
        self._losses = _Losses()
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider = TracerProvider(resource=_resource(service), shutdown_on_exit=False)
        # Not made the process's own: libraries that would use it then have spans of their own.
        self._processor = _Processor(exporter, self._losses)
        self._provider.add_span_processor(self._processor)
        self._tracer = self._provider.get_tracer("slipstream")

    def begin(self, name: str, traceparent: str | None) -> _Begun:
        """Begin a span: in the trace of `traceparent`, or in a new one."""
        context = Context() if traceparent is None else _context(traceparent)
        span = self._tracer.start_span(name, context, SpanKind.PRODUCER)
        return _Begun(span, traceparent)

    def record(self, done: Done) -> None:
        """Tell of a span that is over."""
        span = self._tracer.start_span(
            done.name,
            _context(done.traceparent),
            SpanKind.CONSUMER,
            done.attributes,
            start_time=done.began_ns,
        )
        if done.error is not None:
            _fail(span, done.error)
        span.end(done.ended_ns)

    def close(self, within_s: float) -> None:
        """Tell what there is still to tell; what takes longer is dropped."""
        # The SDK waits for half a minute, and cannot be told otherwise.
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(within_s)
        if left := self._processor.waiting:
            self._losses.count(left, "shutdown")
        self._losses.say()


class _Begun:
    def __init__(self, span: Span, parent: str | None) -> None:
        self._span = span
        context = span.get_span_context()
        self.traceparent = parent  # With OTEL_SDK_DISABLED there is no other.
        if context.is_valid:
            ids = f"{context.trace_id:032x}-{context.span_id:016x}"
            self.traceparent = f"00-{ids}-{context.trace_flags:02x}"

    def end(self, attributes: Attributes, error: BaseException | None = None) -> None:
        self._span.set_attributes(attributes)
        if error is not None:
            _fail(self._span, error)
        self._span.end()


def _fail(span: Span, error: BaseException) -> None:
    span.record_exception(error)
    span.set_attribute("error.type", type(error).__qualname__)
    span.set_status(Status(StatusCode.ERROR, str(error)))


def _context(traceparent: str) -> Context:
    _, trace_id, span_id, flags = traceparent.split("-")
    context = SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )
    return set_span_in_context(NonRecordingSpan(context), Context())


def _resource(service: str) -> Resource:
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have the last word.
    ours = Resource.create(
        {
            "service.name": f"slipstream-{service}",
            "service.namespace": "slipstream",
            "service.instance.id": f"{socket.gethostname()}.{os.getpid()}",
        }
    )
    return ours.merge(OTELResourceDetector().detect())


class _Processor(BatchSpanProcessor):
    """The SDK's, with a count of what it has no room for."""

    def __init__(self, exporter: SpanExporter, losses: _Losses) -> None:
        self._exporter = _Exporter(exporter, losses)
        self._losses = losses
        self._queued = 0
        super().__init__(self._exporter, max_queue_size=_QUEUE)

    @property
    def waiting(self) -> int:
        """Return how many spans were queued and not handed to the exporter."""
        return self._queued - self._exporter.taken

    def on_end(self, span: ReadableSpan) -> None:
        if self.waiting >= _QUEUE:
            self._losses.count(1, "queue_full")
            return
        if span.context and span.context.trace_flags.sampled:
            self._queued += 1
            super().on_end(span)


class _Exporter(SpanExporter):
    """Counts what the collector does not take. Called from the SDK's thread."""

    def __init__(self, exporter: SpanExporter, losses: _Losses) -> None:
        self._exporter = exporter
        self._losses = losses
        self.taken = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.taken += len(spans)
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            metrics.SPANS_EXPORTED.inc(len(spans))
        else:
            self._losses.count(len(spans), "refused")
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class _Losses(logging.Filter):
    """Counts dropped spans, and says so once a minute, with what the exporter said last."""

    def __init__(self) -> None:
        super().__init__()
        self._unsaid = 0
        self._said_at = -_SAY_EVERY_S
        self._why = "too many at once"
        self._lock = threading.Lock()
        for why in ("queue_full", "refused", "shutdown"):
            metrics.series(metrics.SPANS_DROPPED, why)
        logging.getLogger(_EXPORTERS_LOGGER).addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Remember why a batch failed; the exporter would say so for each."""
        self._why = record.getMessage()
        return False

    def count(self, spans: int, why: str) -> None:
        """Count spans that are lost."""
        metrics.series(metrics.SPANS_DROPPED, why).inc(spans)
        with self._lock:
            self._unsaid += spans
        if time.monotonic() - self._said_at >= _SAY_EVERY_S:
            self.say()

    def say(self) -> None:
        """Warn of what was lost since this was last said."""
        with self._lock:
            lost, self._unsaid, self._said_at = self._unsaid, 0, time.monotonic()
        if lost:
            logger.warning("%d spans were dropped; the last the exporter said: %s", lost, self._why)

"""The log: one JSON object a line, ids and codes; never a body, a header, a query or a text of others."""

import logging
import sys
from typing import TextIO

import structlog

# Libraries that would write whole addresses (with their query) or parameters of statements.
_TALKATIVE = (
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "uvicorn.access",
    "sqlalchemy.engine",
    "psycopg",
    "asyncio",
)


def configure(level: str, stream: TextIO = sys.stdout) -> None:
    """Every log line of the process, ours and of the libraries, is JSON on `stream`."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _without_exception_text],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True


def _without_exception_text(
    _logger: object, _name: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """A library's traceback becomes the class of its error: the text of an exception may hold anything."""
    info = event.pop("exc_info", None)
    record: logging.LogRecord | None = event.get("_record")
    if record is not None:
        info = info or record.exc_info
        record.exc_info = None
        record.exc_text = None
    if isinstance(info, tuple) and info[0] is not None:
        event["error"] = info[0].__name__
    return event

"""Log lines with the request's id, and without anybody's phone."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType

from users.context import mask, request_id

# Of a longer message the rest is left out: a client may have written it. Tracebacks are whole.
MESSAGE_CHARACTERS = 2000


class Stderr(logging.Handler):
    """Each line by one write and without the usual lock, for which the threads of a busy process would queue.

    Measured: a fifth of the CPU of a short request, see docs/speed.md. Lines up to a pipe's 4096 bytes stay whole.
    """

    def handle(self, record: logging.LogRecord) -> bool:
        passed = bool(self.filter(record))
        if passed:
            self.emit(record)
        return passed

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.write(f"{self.format(record)}\n")
        except Exception:
            self.handleError(record)

    def write(self, line: str) -> None:
        os.write(2, line.encode(errors="backslashreplace"))


_FORMATTER = logging.Formatter()


class Context(logging.Filter):
    """Adds `request_id`, and masks whatever looks like a phone in the finished message."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        record.__dict__.pop("request", None)  # whose repr has the query
        record.msg = mask(_without_bytes_of_clients(record.getMessage())[:MESSAGE_CHARACTERS])
        record.args = None
        if record.exc_info:  # an error of the database quotes the row
            record.exc_text = mask(_FORMATTER.formatException(record.exc_info))
            record.exc_info = None
        return True


def log_what_python_would_print() -> None:
    """Warnings, and errors that nobody caught, as lines like all others: machines that read them know no other."""
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda thread: _uncaught(thread.exc_type, thread.exc_value, thread.exc_traceback)


def _uncaught(kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        logging.getLogger(__name__).critical("uncaught", exc_info=(kind, error or kind(), traceback))


def last_words(text: str) -> str:
    """What a process says that ends before it has a log: in the form of a line of it, where machines read."""
    if os.environ.get("LOG_FORMAT", "").strip() != "json":
        return text
    line = {"level": "CRITICAL", "logger": "inviting_app", "request_id": "-", "message": text}
    return json.dumps({**line, "time": datetime.now(UTC).isoformat()})


def _without_bytes_of_clients(message: str) -> str:
    """gunicorn quotes what it could not read as HTTP: it may be a body, or a header with a token."""
    return message.partition(": ")[0] if message.startswith("Invalid request from ip=") else message

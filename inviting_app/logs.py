"""Log lines have the id of their request, no phone number and no token of a URL."""

import logging
import logging.config
import os
import sys
import threading
from types import TracebackType
from typing import Any

from users.context import mask_phones, mask_tokens, request_id

# A longer message is cut: a client may have written it. Tracebacks stay whole.
MESSAGE_CHARACTERS = 2000


class Stderr(logging.Handler):
    """Writes each line with one system call, without the lock of `logging.Handler`.

    The threads of a busy process would queue for that lock: it took a fifth of the CPU of a short request, see
    docs/speed.md. Lines of up to 4096 bytes stay whole in a pipe.
    """

    def handle(self, record: logging.LogRecord) -> bool:
        try:
            if passed := bool(self.filter(record)):
                self.write(f"{self.format(record)}\n")
            return passed
        except Exception:  # a message and its values that do not fit, which `filter` puts together
            self.handleError(record)
            return False

    def write(self, line: str) -> None:
        os.write(2, line.encode(errors="backslashreplace"))


class Context(logging.Filter):
    """Adds `request_id` and masks what looks like a phone number or a token in the finished message."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        record.__dict__.pop("request", None)  # its repr contains the query
        message = record.getMessage()
        if message.startswith("Invalid request from ip="):
            message = message.partition(": ")[0]  # gunicorn quotes what is not HTTP: a body, or a header with a token
        record.msg = mask_phones(mask_tokens(message[:MESSAGE_CHARACTERS]))
        record.args = None
        if record.exc_info:  # a database error quotes the row
            record.exc_text = mask_phones(mask_tokens(logging.Formatter().formatException(record.exc_info)))
            record.exc_info = None
        return True


class OnceAMinute(logging.Filter):
    """Drops a message of a logger if one with the same words was passed in the last minute: clients can cause many."""

    def __init__(self) -> None:
        super().__init__()
        self.passed: dict[object, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not 0 <= record.created - self.passed.get(record.msg, -60) < 60:
            self.passed[record.msg] = record.created
            return True
        return False


def config(line_format: str) -> dict[str, Any]:
    """Django's LOGGING, for lines in this format: `text` or `json`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "context": {"()": "inviting_app.logs.Context"},
            "once_a_minute": {"()": "inviting_app.logs.OnceAMinute"},
            "with_exception": {"()": "django.utils.log.CallbackFilter", "callback": lambda record: record.exc_info},
        },
        "formatters": {
            "text": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"},
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "fmt": "%(levelname)s %(name)s %(request_id)s %(message)s",
                "rename_fields": {"levelname": "level", "name": "logger"},
                "timestamp": "time",
            },
        },
        "handlers": {
            "stderr": {"class": "inviting_app.logs.Stderr", "filters": ["context"], "formatter": line_format},
            "null": {"class": "logging.NullHandler"},
        },
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            # A refused request has its own line already, a 503 too. What remains is the traceback of a 500.
            "django.request": {"level": "ERROR", "filters": ["with_exception"]},
            "django.security": {"level": "CRITICAL"},
            "procrastinate": {"level": "WARNING"},
            # It logs each attempt to connect while the database is away.
            "psycopg.pool": {"level": "ERROR"},
            "axes": {"level": "WARNING"},
            "users.client": {"filters": ["once_a_minute"]},
            "gunicorn.error": {"level": "WARNING", "propagate": True},
            # The gateways' libraries write numbers, messages and URLs with passwords. `users.sms.delivery` logs
            # failures itself.
            **{name: {"handlers": ["null"], "propagate": False} for name in ("httpx", "httpcore", "smpp", "smpplib")},
        },
    }


def configure(config: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG. With JSON lines, warnings and uncaught errors become such lines too."""
    logging.config.dictConfig(config)
    if config["handlers"]["stderr"]["formatter"] == "json":
        logging.captureWarnings(True)
        sys.excepthook = _uncaught
        threading.excepthook = lambda thread: _uncaught(thread.exc_type, thread.exc_value, thread.exc_traceback)


def _uncaught(kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        logging.getLogger(__name__).critical("uncaught", exc_info=(kind, error or kind(), traceback))

"""Log lines have the id of their request, no phone number and no token of a URL."""

import logging
import logging.config
import os
import re
import sys
import threading
import time
import warnings
from types import TracebackType
from typing import Any

from users.context import request_id
from users.masks import mask_phones, mask_tokens

# A longer message is cut: a client may have written it. Of a longer traceback, both ends are kept.
MESSAGE_CHARACTERS = 2000
TRACEBACK_CHARACTERS = 20_000

# Messages of libraries that end with a quoted request. gunicorn quotes queries, and what is not HTTP, such as a body or
# a header with a token. The request's own line has its path.
QUOTING = re.compile(
    r"\A(Invalid request from ip=[^ ]*(?=:)|Error handling request|Internal Server Error(?=:)).*", re.DOTALL
)


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
    """Adds `request_id`, masks what looks like a phone or a token, and makes each message one line.

    Clients write parts of messages, and errors quote what they wrote.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        record.__dict__.pop("request", None)  # its repr contains the query
        message = QUOTING.sub(r"\1", record.getMessage(), count=1)
        record.msg = one_line(mask_phones(mask_tokens(message.rstrip())))[:MESSAGE_CHARACTERS]
        record.args = None
        if record.exc_info:  # a database error quotes the row
            record.exc_text = _traceback(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        return True


def one_line(text: str) -> str:
    """The text with line ends and other control characters escaped, so that it cannot look like several lines."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _traceback(text: str) -> str:
    """Masked and indented: no further line of it can look like a line of the log, whatever an error quotes."""
    lines = mask_phones(mask_tokens(text)).split("\n")
    whole = "\n    ".join(map(one_line, lines))
    left_out = len(whole) - TRACEBACK_CHARACTERS
    if left_out <= 0:
        return whole
    half = TRACEBACK_CHARACTERS // 2
    return f"{whole[:half]}\n    … {left_out} characters are left out …\n    {whole[-half:]}"


class Text(logging.Formatter):
    """Lines of text with their time in UTC, whatever TIME_ZONE is."""

    converter = time.gmtime  # type: ignore[assignment] # its stub demands an argument that may be None


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


_FORMATTERS = {
    "text": {
        "()": "inviting_app.logs.Text",
        "fmt": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s",
    },
    "json": {
        "()": "pythonjsonlogger.json.JsonFormatter",
        "fmt": "%(levelname)s %(name)s %(request_id)s %(message)s",
        "rename_fields": {"levelname": "level", "name": "logger"},
        "timestamp": "time",
    },
}


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
        "formatters": _FORMATTERS,
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
            # The gateways' libraries write numbers, messages and URLs with passwords. `users.sms.tries` logs
            # failures itself.
            **{name: {"handlers": ["null"], "propagate": False} for name in ("httpx", "httpcore", "smpp", "smpplib")},
        },
    }


def configure(config: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG. With JSON lines, warnings and uncaught errors become such lines too."""
    logging.config.dictConfig(config)
    # An operator can write times without a zone into the address of a list. Django reads them in TIME_ZONE and warns of
    # each text, and Python keeps all texts of warnings that it has shown.
    warnings.filterwarnings("ignore", "DateTimeField .* received a naive datetime", RuntimeWarning)
    if config["handlers"]["stderr"]["formatter"] == "json":
        logging.captureWarnings(True)
        sys.excepthook = _uncaught
        threading.excepthook = lambda thread: _uncaught(thread.exc_type, thread.exc_value, thread.exc_traceback)


def _uncaught(kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        logging.getLogger(__name__).critical("uncaught", exc_info=(kind, error or kind(), traceback))

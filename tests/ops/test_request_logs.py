"""Each request has one log line with its id, and without phones, codes and tokens."""

import io
import logging
import re
from urllib.parse import quote

import pytest

from inviting_app.logs import Context, Stderr
from tests.support.accounts import SignedInUser, client

pytestmark = pytest.mark.django_db

ME = "/api/v1/profiles/me"


def test_request_has_one_line_with_its_id(log: io.StringIO) -> None:
    answer = client().get("/api/nowhere?phone=9991234567")

    (line,) = log.getvalue().splitlines()
    assert f"[{answer['X-Request-ID']}] GET /api/nowhere 404 " in line


def test_probes_are_not_logged(log: io.StringIO) -> None:
    client().get("/livez")
    client().get("/readyz")

    assert log.getvalue() == ""


def test_no_phone_code_or_token_is_logged(
    alice: SignedInUser, bob: SignedInUser, staff: SignedInUser, log: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    visitor = client()
    code = visitor.post("/api/auth/signup", {"phone": "+7 (999) 222-33-44"}).json()["code"]
    visitor.post("/api/auth/login", {"code": code})
    bob.activate(alice.code)
    bob.activate("9991110001")
    alice.api.get(ME)
    alice.api.get("/api/v1/profiles/9991110001")
    for phone in ("9991110001", "+79991110001", "+7 999 111-00-01", "999111000１"):
        staff.api.get("/api/v1/profiles", {"phone": phone})
    bob.api.delete(ME)

    # The service's lines, and the messages and arguments that other handlers would get.
    # Without random ids of requests and ids of users, whose digits may be those of a phone or a code by chance.
    texts = [log.getvalue(), *(f"{record.getMessage()} {record.args}" for record in caplog.records)]
    texts = [re.sub(r"\[[0-9a-f]{32}\]|(?<=operator )\d+|(?<=person )\d+", "", text) for text in texts]
    assert len(texts) > 10
    assert not any(
        phone in text
        for text in texts
        for phone in ("9991110001", "9991110002", "9992223344", "79991", "999 111", "222-33")
    )
    assert not any(secret in text for text in texts for secret in (alice.token, bob.refresh, bob.device_token))
    assert not any(alice.code in text or f" {code} " in text for text in texts)


def test_line_with_values_that_do_not_fit_raises_nothing(
    log: io.StringIO, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (handler,) = (handler for handler in logging.getLogger().handlers if isinstance(handler, Stderr))
    handler.handle(logging.LogRecord("of a library", logging.WARNING, __file__, 1, "%d items", ("many",), None))

    assert log.getvalue() == ""
    assert "%d items" in capsys.readouterr().err  # logging's own report


def test_path_cannot_forge_a_line(log: io.StringIO) -> None:
    client().get("/api/x%0d%0a2030-01-01 00:00:00 INFO forged%0b%0c%1b[31m%c2%85%e2%80%a8")

    (line,) = log.getvalue().splitlines()
    assert "\x1b" not in line


@pytest.mark.parametrize("letter", ["%D0%B0", "%25FF"])
def test_line_of_a_long_path_is_short(log: io.StringIO, letter: str) -> None:
    client().get("/" + 700 * letter)

    (line,) = log.getvalue().splitlines()
    assert " 404 " in line
    assert len(line) < 400


@pytest.mark.parametrize("path", ["/api/x9991234567", "/api/phone_9991234567", "/api/+79991234567/x"])
def test_phone_next_to_a_word_in_a_path_is_masked(log: io.StringIO, path: str) -> None:
    client().get(path)

    assert "9991234567" not in log.getvalue()


def test_foreign_host_has_one_line_in_the_log(log: io.StringIO) -> None:
    answer = client().get(ME, HTTP_HOST="9991234567")

    assert answer.status_code == 400
    assert len(log.getvalue().splitlines()) == 1
    assert "9991234567" not in log.getvalue()


def test_phone_in_an_error_that_is_logged_is_masked(log: io.StringIO) -> None:
    try:
        raise ValueError("Key (phone)=(+79991234567) already exists")
    except ValueError:
        logging.getLogger("users").exception("an error")

    assert "Traceback" in log.getvalue()
    assert "9991234567" not in log.getvalue()


def test_error_cannot_forge_a_line(log: io.StringIO) -> None:
    forged = "2030-01-01 00:00:00,000 INFO inviting_app.requests [-] forged"
    try:
        raise ValueError(f"invalid\n{forged}\r{forged}\x1b[31m\u2028{forged}")
    except ValueError as error:
        logging.getLogger("users").exception("an error: %s\n%s", error, forged)

    lines = re.split("[\n\r\u2028]", log.getvalue())
    assert len(lines) > 3
    assert not any(line.startswith("2030") for line in lines)
    assert "\x1b" not in log.getvalue()


def test_long_message_and_long_traceback_are_cut(log: io.StringIO) -> None:
    try:
        raise ValueError("9" * 1_000_000)
    except ValueError as error:
        logging.getLogger("users").exception("an error: %s", error)

    assert len(log.getvalue()) < 25_000
    assert log.getvalue().rstrip().endswith("999")


@pytest.mark.parametrize(
    "phone", ["79997654321", "+7 (999) 765-43-21", "7.999.765.43.21", "7_999_765_43_21", "٧٩٩٩٧٦٥٤٣٢١"]
)
@pytest.mark.parametrize(
    "path", ["/%s", "/api/%s/x", "/i/%s", "/i/%s/qr.svg", "/problems/%s", "/admin/%s", "/static/%s"]
)
def test_path_shows_no_phone_in_any_spelling(log: io.StringIO, path: str, phone: str) -> None:
    client().get(path % quote(phone))

    (line,) = log.getvalue().splitlines()
    assert "***" in line
    assert not re.search("9997|999.765|765.?43|%D9%A7", line.partition("] ")[2])


def test_path_that_leads_nowhere_shows_no_code(log: io.StringIO) -> None:
    client().get("/login/4827")
    client().get("/admin/48-27/")

    messages = [line.partition("] ")[2] for line in log.getvalue().splitlines()]
    assert len(messages) == 2
    assert not any(re.search("48-?27", message) for message in messages)


def test_method_that_is_none_is_not_logged(log: io.StringIO) -> None:
    client().generic("P79997654321", "/api/nowhere")

    assert " OTHER /api/nowhere " in log.getvalue()


def test_query_of_a_failed_request_is_not_logged(log: io.StringIO) -> None:
    record = logging.makeLogRecord({"name": "django.request", "msg": "Service Unavailable", "request": "?phone=1"})

    Context().filter(record)

    assert "phone=1" not in str(record.__dict__)


def test_gunicorn_does_not_log_what_it_could_not_read() -> None:
    text = "Invalid request from ip=127.0.0.1: Invalid HTTP Header: 'Authorization Bearer SECRET'"
    record = logging.makeLogRecord({"name": "gunicorn.error", "msg": text})

    Context().filter(record)

    assert record.getMessage() == "Invalid request from ip=127.0.0.1"


def test_gunicorn_does_not_log_the_query_of_a_request_that_failed() -> None:
    text = "Error handling request GET /api?code=4827"
    record = logging.makeLogRecord({"name": "gunicorn.error", "msg": "%s", "args": (text,)})

    Context().filter(record)

    assert record.getMessage() == "Error handling request"

"""Lines of the log as programs read them: their fields and the form of their messages."""

import json
import os
import re
import subprocess
import sys
from typing import Any

from django.conf import settings

from tests.contract.conftest import Seen
from tests.contract.recording import as_recorded
from tests.support.environment import NAMES

PROGRAM = """
import django
django.setup()
from django.test import Client
browser = Client(SERVER_NAME="localhost", HTTP_X_REQUEST_ID="given-by-the-caller")
browser.get("/api/nowhere?phone=9991110031")
browser.post("/api/9991110031/%0a%D0%B0")
browser.head("/api/v1/profiles/me")
browser.get("/livez")
import warnings
warnings.warn_explicit("old", UserWarning, "nowhere.py", 1)
raise ValueError("+79991110031")
"""


OF_EVERYBODY = ("inviting_app.requests", "py.warnings")
"""Loggers that others may look for; the rest are named as modules are."""


def shape(text: Any) -> Any:
    """The text with placeholders for what differs from run to run."""
    if not isinstance(text, str):
        return text
    text = re.sub(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d", r"<day>\1<time>", text)
    text = re.sub(r"(?<=<time>)([.,])\d+", r"\1<fraction>", text)
    text = re.sub(r"\b\d+\.\d ms", "<n.n> ms", text)
    text = re.sub(r"\b[0-9a-f]{32}\b", "<request id>", text)
    text = re.sub(r"(?<=:)\d{4,5}\b|\d+(?= s\b)|(?<=pid )\d+|(?<=\[)\d+(?=\])", "<n>", text)
    return re.sub(r"(?<= sent to \+7\*{3})\d{4}: \d{4}", "<n>: <code>", text)


def lines_of(form: str) -> list[str]:
    """The log of a process that serves requests, warns and crashes."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            **dict.fromkeys(NAMES, ""),
            "LOG_FORMAT": form,
            "DATA_DIR": str(settings.DATA_DIR),
            "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    return ended.stderr.splitlines()


def test_lines_of_json_are_as_recorded() -> None:
    lines = [json.loads(line) for line in lines_of("json")]
    for line in lines:
        line.update({name: line[name].splitlines()[0] for name in ("exc_info", "message") if name in line})
        if line["logger"] not in OF_EVERYBODY:
            line["logger"] = "<module>"

    assert as_recorded(
        "log_json", {f"line {n}": {k: shape(v) for k, v in line.items()} for n, line in enumerate(lines)}
    )


def test_lines_of_text_are_as_recorded() -> None:
    lines = [line for line in lines_of("") if line.startswith("2")]

    assert as_recorded("log_text", {f"line {n}": shape(line) for n, line in enumerate(lines)})


def test_log_of_a_service_from_start_to_stop_is_as_recorded(seen: Seen) -> None:
    found = {
        f"{line['level']} {shape(line['message'])}": {
            "fields": sorted(line),
            "within a request": line["request_id"] != "-",
            "logger": line["logger"] if line["logger"] in OF_EVERYBODY else "<module>",
        }
        for line in seen.logged
    }

    assert as_recorded("log_service", found)

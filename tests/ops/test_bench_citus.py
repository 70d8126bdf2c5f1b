"""The probes of `bench.citus` are right about a PostgreSQL that is one machine: all of them succeed."""

from typing import Any

import pytest

from bench.citus import Report
from bench.citus_probes import Probes


@pytest.mark.django_db
def test_all_probes_succeed_without_citus(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.SMS_GATEWAYS, settings.DEMO = ["webhook://localhost/"], False
    report = Report()

    for name, call in Probes().all():
        report.step(name, call)

    assert report.failed == 0, capsys.readouterr().out


def test_step_that_fails_is_told_with_the_first_line_of_its_error(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()

    report.step("good", lambda: None)
    report.step("wrong", lambda: False)
    report.step("broken", lambda: int("x\ny"))

    assert report.failed == 2
    assert capsys.readouterr().out.splitlines() == [
        "| good | ok |",
        "| wrong | FAILED: nothing was found or changed |",
        "| broken | FAILED: ValueError invalid literal for int() with base 10: 'x\\ny' |",
    ]

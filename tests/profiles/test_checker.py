"""`docs/verify.py`: what it says of files that are not as published, and of calls that cannot be right."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from tests.support.checker import COMMAND, checked

GOOD = "period,../2026-01-01T00:00:00Z\ninvite_code,receipt\n" + "".join(
    f"{code},{receipt * 64}\n" for code, receipt in (("ABCDEF", "1"), ("ABCDEF", "2"), ("BCDEFG", "0"))
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GOOD, ""),
        (GOOD.replace("period", "x"), "not a file of results"),
        (GOOD.replace("receipt", "x"), "not a file of results"),
        (GOOD.replace("..", "\x1b[2K"), "not a file of results"),
        (GOOD.replace("\n", "\r\n"), "saved it in another form"),
        ("\ufeff" + GOOD, "saved it in another form"),
        ('period,"' + "x" * 200_000, "not a file of results"),
        (GOOD.replace("0" * 64, "1" * 64), "there twice"),
        (GOOD.replace("BCDEFG", "AAAAAA"), "not sorted"),
        (GOOD.replace("0" * 64, "0" * 63), "not an invite code and a receipt"),
        (GOOD.replace("BCDEFG", "bcdefg"), "not an invite code and a receipt"),
        (GOOD.replace("BCDEFG", '"BCDEFG"'), "not an invite code and a receipt"),
        (GOOD + ",\n", "not an invite code and a receipt"),
        (GOOD[:-1], "Line 5 is not"),
        (GOOD + "é\x1b[2K", "Line 6 is not an invite code and a receipt: '\\ufffd\\ufffd\\x1b[2K'"),
        ("", "not a file of results"),
    ],
)
def test_checker_refuses_files_that_are_not_as_published(tmp_path: Path, content: str, said: str) -> None:
    told = checked(tmp_path, content.encode())

    assert told.returncode == (1 if said else 0)
    assert said in told.stderr and len(told.stderr.splitlines()) == bool(said)
    assert "\x1b" not in told.stdout + told.stderr
    assert bool(said) != ("This proves nothing yet" in told.stdout)


SHA256 = hashlib.sha256(GOOD.encode()).hexdigest()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["00" * 16], "SHA-256 must have 64"),
        ([""], "SHA-256 must have 64"),
        (["", "00" * 16, "+79991110001"], "SHA-256 must have 64"),
        ([SHA256, "", "+79991110001"], "nonce must have 32"),
        ([SHA256, "00" * 32, "+79991110001"], "nonce must have 32"),
        ([SHA256, "00" * 16], "your phone, with +"),
        ([SHA256, "00" * 16, "9991110001", "ABCDEF"], "your phone, with +"),
        ([SHA256, "00" * 16, "+079991110001", "ABCDEF"], "your phone, with +"),
        ([SHA256, "00" * 16, "+7 999 111-00-01", "ABCDEF"], "your phone, with +"),
        ([SHA256, "00" * 16, "+79991110001"], "the invite code that you chose"),
        ([SHA256, "00" * 16, "+79991110001", "abcdef"], "the invite code that you chose"),
    ],
)
def test_checker_does_not_call_a_vote_lost_that_it_could_not_look_for(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    told = checked(tmp_path, GOOD.encode(), *arguments)

    assert (told.returncode, told.stdout) == (2, "")
    assert said in told.stderr


def test_checker_says_so_if_it_cannot_read_or_cannot_write(tmp_path: Path) -> None:
    file = tmp_path / "results of a vote.csv"
    file.write_text(GOOD)

    def told(to: str, *arguments: str | Path) -> tuple[int, str]:
        """Its exit status and what it says of an output that the shell opens or closes so."""
        command = ["sh", "-c", f'"$@" {to}', "sh", *COMMAND, *arguments]
        called = subprocess.run(command, capture_output=True, text=True, env={})
        return called.returncode, called.stderr

    assert told("", tmp_path / "missing.csv") == (2, "The file cannot be read: No such file or directory.\n")
    assert told(">/dev/full", file) == (2, "The result cannot be written: No space left on device.\n")
    assert told(">&-", file) == (2, "The result cannot be written: Bad file descriptor.\n")
    assert told("1</dev/null", file) == (2, "The result cannot be written: Bad file descriptor.\n")
    for to in (">/dev/full", ">&-"):
        status, said = told(to, file, "0" * 64)
        assert status == 1 and said.startswith("NOT as it should be: The SHA-256") and said.count("\n") == 1


def test_vote_that_is_counted_for_two_codes_or_another_is_not_as_it_should_be(tmp_path: Path) -> None:
    nonce, phone, period = "ab" * 16, "+79991110001", GOOD.partition(",")[2].partition("\n")[0]
    receipts = {
        code: hashlib.sha256(bytes.fromhex(nonce) + f"{phone}{code}{period}".encode()).hexdigest()
        for code in ("AAAAAA", "BBBBBB")
    }
    heading = "".join(GOOD.splitlines(keepends=True)[:2])

    def told(*codes: str) -> subprocess.CompletedProcess[str]:
        content = (heading + "".join(f"{code},{receipts[code]}\n" for code in codes)).encode()
        return checked(tmp_path, content, hashlib.sha256(content).hexdigest(), nonce, phone, "BBBBBB")

    once, twice, other = told("BBBBBB"), told("AAAAAA", "BBBBBB"), told("AAAAAA")

    assert once.returncode == 0 and once.stdout.endswith("Your vote is counted for BBBBBB.\n")
    assert twice.returncode == 1 and "counted more than once: for AAAAAA, BBBBBB." in twice.stderr
    assert other.returncode == 1 and "counted for AAAAAA, not for BBBBBB." in other.stderr

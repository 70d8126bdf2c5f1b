"""`docs/verify.py`: what it says of files that are not as published, and of calls that cannot be right."""

import hashlib
import os
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
    assert bool(said) != ("Compare the SHA-256 with the announced one" in told.stdout)


SHA256 = hashlib.sha256(GOOD.encode()).hexdigest()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["00" * 16], "SHA-256 must have 64"),
        ([""], "SHA-256 must have 64"),
        (["", "00" * 16, "+79991110001"], "SHA-256 must have 64"),
        ([SHA256, "", "+79991110001"], "nonce must have 32"),
        ([SHA256, "00" * 32, "+79991110001"], "nonce must have 32"),
        ([SHA256, "00" * 16], "phone must begin with +"),
        ([SHA256, "00" * 16, "9991110001"], "phone must begin with +"),
        ([SHA256, "00" * 16, "+7 999 111-00-01"], "phone must begin with +"),
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
    reading, writing = os.pipe()
    os.close(reading)

    missing = subprocess.run([*COMMAND, tmp_path / "missing.csv"], capture_output=True, text=True)
    closed = subprocess.run([*COMMAND, file], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    with open("/dev/full", "w") as device:
        full = subprocess.run([*COMMAND, file], stdout=device, stderr=subprocess.PIPE, text=True)

    assert missing.returncode == 2 and "The file cannot be read: No such file" in missing.stderr
    assert closed.returncode == full.returncode == 2
    assert "The output ended before all was checked: Broken pipe." in closed.stderr
    assert "The output ended before all was checked: No space left on device." in full.stderr


def test_vote_that_is_counted_for_two_codes_is_not_as_it_should_be(tmp_path: Path) -> None:
    nonce, phone, period = "ab" * 16, "+79991110001", GOOD.partition(",")[2].partition("\n")[0]
    receipts = {
        code: hashlib.sha256(bytes.fromhex(nonce) + f"{phone}{code}{period}".encode()).hexdigest()
        for code in ("AAAAAA", "BBBBBB")
    }
    heading = "".join(GOOD.splitlines(keepends=True)[:2])

    def told(*codes: str) -> subprocess.CompletedProcess[str]:
        content = (heading + "".join(f"{code},{receipts[code]}\n" for code in codes)).encode()
        return checked(tmp_path, content, hashlib.sha256(content).hexdigest(), nonce, phone)

    once, twice = told("BBBBBB"), told("AAAAAA", "BBBBBB")

    assert once.returncode == 0 and "counted for BBBBBB. Is that the code that you chose?" in once.stdout
    assert twice.returncode == 1 and "counted more than once: for AAAAAA, BBBBBB." in twice.stderr

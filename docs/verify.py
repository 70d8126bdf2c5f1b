"""Check published results with the file alone. It needs nothing but Python, and sends nothing anywhere.

It counts the votes in the file again, compares the file with the announced SHA-256, and looks for your own vote if you
give the nonce of your profile and your phone. docs/voting.md says what this proves. The exit status is 0 if all is as
it should be, 1 if it is not, and 2 if nothing could be checked.
"""

import argparse
import hashlib
import os
import re
import sys
from collections import Counter

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z"
HEADING = re.compile(rf"period,((\.\.|{TIME})/{TIME})\ninvite_code,receipt\n")
LINE = re.compile("([23456789ABCDEFGHJKMNPQRSTUVWXYZ]{6}),([0-9a-f]{64})\n")


def read(content):
    """The period and the rows of (invite code, receipt). Raises ValueError if the file is not as published."""
    text = content.decode("ascii", "replace")
    heading = HEADING.match(text)
    if not heading:
        raise ValueError("This is not a file of results, or a program has saved it in another form: download it again.")
    rows = []
    for number, line in enumerate(text[heading.end() :].splitlines(keepends=True), start=3):
        found = LINE.fullmatch(line)
        if not found:
            raise ValueError(f"Line {number} is not an invite code and a receipt: {line[:80]!a}")
        rows.append(found.groups())
    if rows != sorted(rows):
        raise ValueError("The lines are not sorted.")
    if len({receipt for _, receipt in rows}) != len(rows):
        raise ValueError("A receipt is there twice: one vote would count as two.")
    return heading[1], rows


def tally(rows):
    """Lines of (place, invite code, votes). Equal numbers of votes share a place."""
    votes = Counter(code for code, _ in rows)
    places = {}
    for number, count in enumerate(sorted(votes.values(), reverse=True), start=1):
        places.setdefault(count, number)
    return sorted((places[count], code, count) for code, count in votes.items())


def counted_for(rows, period, nonce, phone):
    """The invite code for which this voter's vote is counted. Raises ValueError unless it is exactly one."""
    published, found = set(rows), []
    for code in sorted({code for code, _ in rows}):
        receipt = hashlib.sha256(bytes.fromhex(nonce) + f"{phone}{code}{period}".encode()).hexdigest()
        if (code, receipt) in published:
            found.append(code)
    if not found:
        raise ValueError("No receipt is made of this nonce and phone. If both are right, the vote is not counted.")
    if len(found) > 1:
        raise ValueError(f"Your vote is counted more than once: for {', '.join(found)}.")
    return found[0]


def check(content, sha256, nonce, phone):
    """Print what is in the file. Returns the conclusion. Raises ValueError if anything is not as it should be."""
    own = hashlib.sha256(content).hexdigest()
    print("SHA-256 of the file:", own)
    if sha256 and sha256.lower() != own:
        raise ValueError(
            "The SHA-256 is not the one given: a line differs, a program has saved the file anew, or it was mistyped."
        )
    period, rows = read(content)
    print("Voting period:", period)
    print("Votes:", len(rows))
    for place, code, votes in tally(rows):
        print(f"{place:>6}. {code} {votes}")
    if nonce:
        code = counted_for(rows, period, nonce, phone)
        return f"This is the announced file, and your vote is counted for {code}. Is that the code that you chose?"
    if sha256:
        return "This is the announced file."
    return "The lines are in order. Compare the SHA-256 with the announced one: a file with other votes has another."


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="results.csv, as it was downloaded")
    parser.add_argument("sha256", nargs="?", help="as it was announced")
    parser.add_argument("nonce", nargs="?", help="receipt_nonce of your profile, the secret number")
    parser.add_argument("phone", nargs="?", default="", help="as in +79991234567")
    given = parser.parse_args()
    # An empty one is a mistake, such as a variable that is not set: nothing would be compared.
    if given.sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", given.sha256):
        parser.error("The SHA-256 must have 64 digits from 0 to f.")
    if given.nonce is not None and not re.fullmatch("[0-9a-fA-F]{32}", given.nonce):
        parser.error("The nonce must have 32 digits from 0 to f.")
    if given.nonce is not None and not re.fullmatch("[+][0-9]{7,15}", given.phone or ""):
        parser.error(
            "The phone must begin with + and the code of its country, and have no spaces. It comes after the nonce."
        )
    try:
        with open(given.file, "rb") as opened:
            content = opened.read()
    except OSError as error:
        parser.error(f"The file cannot be read: {error.strerror}.")
    try:
        print(check(content, given.sha256, given.nonce, given.phone), flush=True)
    except ValueError as error:
        sys.exit(f"NOT as it should be: {error}")
    except OSError as error:  # as with `| head`, or on a full disk
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        parser.error(f"The output ended before all was checked: {error.strerror}.")


if __name__ == "__main__":
    main()

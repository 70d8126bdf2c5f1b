"""Check published results with the file alone. It needs nothing but Python, and sends nothing anywhere.

It counts the votes in the file again, and compares the file with the SHA-256 that you give. It looks for your own vote
if you give the nonce of your profile, your phone and the invite code that you chose. docs/voting.md says what this
proves. The exit status is 0 if all that it compared is as it should be, 1 if it is not, and 2 if it could not compare.
"""

import argparse
import hashlib
import os
import re
import sys
from collections import Counter

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z"
HEADING = re.compile(rf"period,((\.\.|{TIME})/{TIME})\ninvite_code,receipt\n")
CODE = re.compile("[23456789ABCDEFGHJKMNPQRSTUVWXYZ]{6}")
LINE = re.compile(f"({CODE.pattern}),([0-9a-f]{{64}})\n")


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


def check(content, sha256, nonce, phone, chosen):
    """Yield what is in the file, and the conclusion. Raises ValueError if anything is not as it should be."""
    own = hashlib.sha256(content).hexdigest()
    yield f"SHA-256 of the file: {own}"
    if sha256 and sha256.lower() != own:
        raise ValueError(
            "The SHA-256 is not the one given: a line differs, a program has saved the file anew, or it was mistyped."
        )
    period, rows = read(content)
    yield f"Voting period: {period}"
    yield f"Votes: {len(rows)}"
    for place, code, votes in tally(rows):
        yield f"{place:>6}. {code} {votes}"
    if not sha256:
        yield "This proves nothing yet. Compare the SHA-256 with the announced one: files with other votes have others."
        return
    yield "The file has the SHA-256 that you gave. Have you got it from where it was announced, not with the file?"
    if nonce:
        code = counted_for(rows, period, nonce, phone)
        if code != chosen:
            raise ValueError(f"Your vote is counted for {code}, not for {chosen}.")
        yield f"Your vote is counted for {code}."


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="results.csv, as it was downloaded")
    parser.add_argument("sha256", nargs="?", help="as it was announced")
    parser.add_argument("nonce", nargs="?", help="receipt_nonce of your profile, the secret number")
    parser.add_argument("phone", nargs="?", default="", help="as in +79991234567")
    parser.add_argument("code", nargs="?", default="", help="the invite code that you chose")
    given = parser.parse_args()
    # An empty one is a mistake, such as a variable that is not set: nothing would be compared.
    if given.sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", given.sha256):
        parser.error("The SHA-256 must have 64 digits from 0 to f.")
    if given.nonce is not None:
        if not re.fullmatch("[0-9a-fA-F]{32}", given.nonce):
            parser.error("The nonce must have 32 digits from 0 to f.")
        if not re.fullmatch("[+][1-9][0-9]{6,14}", given.phone):
            parser.error("After the nonce comes your phone, with + and the code of its country, and without spaces.")
        if not CODE.fullmatch(given.code):
            parser.error("After the phone comes the invite code that you chose: six capital letters and digits.")
    return given


def not_possible(what, error):
    print(f"{what}: {error.strerror}.", file=sys.stderr)
    sys.exit(2)


def main():
    given = arguments()
    try:
        with open(given.file, "rb") as opened:
            content = opened.read()
    except OSError as error:
        not_possible("The file cannot be read", error)
    found, failure = [], None
    try:
        for line in check(content, given.sha256, given.nonce, given.phone, given.code):
            found.append(line)
    except ValueError as error:
        failure = f"NOT as it should be: {error}"
    try:
        os.fstat(1)  # fails if the output is closed, where print does nothing
        print("\n".join(found), flush=True)
    except OSError as error:  # as with `| head`, or on a full disk
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if not failure:
            not_possible("The result cannot be written", error)
    sys.exit(failure)


if __name__ == "__main__":
    main()

"""Check published results with the file alone: python verify.py results.csv [NONCE PHONE]

It counts the votes in the file again. With the nonce of your own profile and your phone, such as +79991234567, it looks
for your vote. It needs nothing but Python, and sends nothing anywhere. docs/voting.md says what this proves.
"""

import csv
import hashlib
import re
import sys
from collections import Counter

INVITE_CODE = re.compile("[23456789ABCDEFGHJKMNPQRSTUVWXYZ]{6}")
RECEIPT = re.compile("[0-9a-f]{64}")


def read(content):
    """The period and the rows of (invite code, receipt). Raises ValueError if the file is not as published."""
    first, heading, *rows = csv.reader(content.decode("ascii").splitlines())
    if first[:1] != ["period"] or len(first) != 2 or heading != ["invite_code", "receipt"]:
        raise ValueError("This is not a file of results: the first two lines are different.")
    for row in rows:
        if len(row) != 2 or not INVITE_CODE.fullmatch(row[0]) or not RECEIPT.fullmatch(row[1]):
            raise ValueError(f"This line is not an invite code and a receipt: {row}")
    if rows != sorted(rows):
        raise ValueError("The lines are not sorted.")
    if len({receipt for _, receipt in rows}) != len(rows):
        raise ValueError("A receipt is there twice: one vote would count as two.")
    return first[1], rows


def tally(rows):
    """Lines of (place, invite code, votes). Equal numbers of votes share a place."""
    votes = Counter(code for code, _ in rows)
    places = {}
    for number, count in enumerate(sorted(votes.values(), reverse=True), start=1):
        places.setdefault(count, number)
    return sorted((places[count], code, count) for code, count in votes.items())


def counted_for(rows, period, nonce, phone):
    """The invite code for which this voter's vote is counted, or None."""
    receipts = {receipt: code for code, receipt in rows}
    for code in set(receipts.values()):
        receipt = hashlib.sha256(bytes.fromhex(nonce) + f"{phone}{code}{period}".encode()).hexdigest()
        if receipts.get(receipt) == code:
            return code
    return None


def main(file, nonce="", phone=""):
    with open(file, "rb") as opened:
        content = opened.read()
    print("SHA-256 of the file:", hashlib.sha256(content).hexdigest())
    period, rows = read(content)
    print("Voting period:", period)
    print("Votes:", len(rows))
    for place, code, votes in tally(rows):
        print(f"{place:>6}. {code} {votes}")
    if nonce:
        code = counted_for(rows, period, nonce, phone)
        if not code:
            raise ValueError("No receipt in the file is of this nonce and phone: the vote is not counted.")
        print("Your vote is counted for", code)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 4):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except (OSError, ValueError) as error:
        sys.exit(f"NOT as it should be: {error}")

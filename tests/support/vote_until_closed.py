"""A process that votes until voting is closed: `python -m tests.support.vote_until_closed INVITE_CODE ID…`.

It starts when it reads a line, so that processes start together. For each user it prints `counted` or `closed`.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import django

THREADS = 4


def main() -> None:
    django.setup()
    from profiles import activation, voting

    code, *users = sys.argv[1:]

    def vote(user_id: str) -> str:
        try:
            activation.activate(int(user_id), code)
        except voting.VotingClosed:
            return "closed"
        return "counted"

    with ThreadPoolExecutor(THREADS) as pool:
        print("ready", flush=True)
        sys.stdin.readline()
        print(*pool.map(vote, users), sep="\n", flush=True)


if __name__ == "__main__":
    main()

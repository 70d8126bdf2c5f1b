"""Attacks 13 and 14: pages of other sites, what fills memory or holds threads, and the log-in of operators."""

import socket
import time
from contextlib import ExitStack, closing

import httpx
import psutil

from bench.attacks.env import CLAIMED, AttackEnv, phone
from bench.attacks.report import Report
from bench.clients import at_once

FOREIGN = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)
# Distinct values for each cache, and how many MB all web processes together may grow meanwhile.
DISTINCT, MOST_MB = 3000, 24
# Clients that read nothing, and the seconds for which others may wait meanwhile.
SLOW_READERS, PATIENCE = 64, 1.0

PASSWORD = "correct horse battery staple"  # noqa: S105
# Wrong passwords for one operator from a whole /48, and wrong codes of the second factor from unknown networks.
WIDE_PASSWORDS, CODES_A_DAY = 20, 100


def pages(env: AttackEnv) -> list[Report]:
    report = Report(
        13, "other sites, memory, threads", "403 for foreign pages; memory stays; slow readers hold nobody up"
    )
    refused = [
        env.attacker().call("POST", f"/api/auth/{path}", {"phone": phone(13, number), "code": "0000"}, **headers).error
        for number, headers in enumerate(FOREIGN)
        for path in ("signup", "login")
    ]
    report.check("foreign pages cannot sign up or log in", set(refused) == {(403, "foreign_origin")})
    told = phone(13, 77)
    env.attacker().call("GET", "/livez", **{"X-Request-ID": told, "User-Agent": f"+7{told}", "Referer": f"/?q={told}"})
    report.check("a phone in a client's header is not in the log", told not in env.service.output)

    processes = [*env.web().children(), *psutil.Process(env.second.pid).children()]
    statuses = _distinct(env, -DISTINCT)  # each process has loaded all that it needs
    before = sum(process.memory_info().rss for process in processes)
    statuses += _distinct(env, DISTINCT)
    grown = (sum(process.memory_info().rss for process in processes) - before) / 2**20
    report.check(f"{4 * DISTINCT} distinct values: {grown:.1f} MB more in {len(processes)} processes", grown < MOST_MB)
    report.check(f"and no 500 {sorted(set(statuses))}", max(statuses) < 500)
    waited = _slow(env)
    report.check(f"{SLOW_READERS} slow readers: others wait {waited:.2f} s (limit {PATIENCE:.0f})", waited < PATIENCE)
    report.tried = len(refused) + len(statuses) + SLOW_READERS
    return [report]


def _distinct(env: AttackEnv, first: int) -> list[int]:
    """The statuses of requests with a language, version, path, query, id and client that nobody has used before."""
    attacker, numbers = env.attacker(), range(first, first + DISTINCT)

    def ask(n: int) -> list[int]:
        schema = {"Accept-Language": f"fr-x{n}"}
        answers = [
            attacker.call("GET", f"/schema?lang=ru-x{n}&version=%0a{n}", **schema),
            attacker.call("GET", f"/api/v1/x{n}?a{n}", **{"X-Request-ID": f"id-{n}", "User-Agent": f"Agent/{n}"}),
        ]
        return [answer.status for answer in answers]

    return [status for both in at_once(ask, numbers) for status in both]


def _slow(env: AttackEnv) -> float:
    """The longest answer to others while slow readers of a large page read nothing."""
    port = next(env.ports)
    with ExitStack() as stack:
        for _ in range(SLOW_READERS):
            peer = socket.socket()
            stack.enter_context(closing(peer))
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            peer.connect(("127.0.0.1", port))
            peer.sendall(b"GET /schema HTTP/1.1\r\nHost: localhost\r\n\r\n")
        started = time.monotonic()
        answers = [env.attacker().call("GET", "/livez"), env.owner().sign_up(phone(13, 5000))]
        assert {answer.status for answer in answers} == {200}
        return time.monotonic() - started


def operators(env: AttackEnv) -> list[Report]:
    """The attacker guesses an operator's password from a /48, then knows it and guesses the second factor."""
    report = Report(
        14, "operators' log-in", "20 passwords from a /48; 100 codes of the second factor a day from strangers"
    )
    target = f"+7{phone(14, 1)}"
    env.operate(
        "from profiles.signup import make_operator\n"
        "from django_otp.plugins.otp_totp.models import TOTPDevice\n"
        f"TOTPDevice.objects.create(user=make_operator({target!r}, {PASSWORD!r}), name='a', confirmed=True)\n"
    )
    tried = [_log_in(env, number, target, "wrong password 123").status_code for number in range(60)]
    compared = tried.count(200)
    report.check(f"60 wrong passwords from as many /64: {compared} compared", compared <= WIDE_PASSWORDS)
    report.check("then 429", set(tried) == {200, 429})
    answers = [_guess(env, number, target) for number in range(CODES_A_DAY // 4)]
    codes = [status for each in answers for status in each]
    report.compared = codes.count(200)
    report.check(
        f"{len(codes)} wrong codes from {len(answers)} networks: {report.compared} compared, at most 5 from each",
        report.compared <= CODES_A_DAY and all(each.count(200) <= 5 for each in answers),
    )
    report.check("and nobody is in", set(codes) <= {200, 429})
    report.expected = report.compared * 3e-6
    report.tried = len(tried) + len(codes)
    return [report]


def _browser(env: AttackEnv, address: str) -> httpx.Client:
    """A browser with this address."""
    base = f"http://127.0.0.1:{next(env.ports)}"
    return httpx.Client(base_url=base, headers={"Host": "localhost", CLAIMED: address}, timeout=30)


def _post(browser: httpx.Client, path: str, **fields: str) -> httpx.Response:
    page = browser.get(path)
    token = page.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    return browser.post(path, data={"csrfmiddlewaretoken": token, **fields})


def _log_in(env: AttackEnv, number: int, target: str, password: str) -> httpx.Response:
    with _browser(env, f"2001:db8:14:{number << 8:x}::1") as browser:
        return _post(browser, "/admin/login/", username=target, password=password)


def _guess(env: AttackEnv, number: int, target: str) -> list[int]:
    """Seven codes of the second factor from one network, after the right password."""
    with _browser(env, f"198.51.100.{number}") as browser:
        assert _post(browser, "/admin/login/", username=target, password=PASSWORD).status_code == 302
        return [_post(browser, "/admin/second-factor/code/", code="000000").status_code for _ in range(7)]

"""Attacks 7, 8 and 9: forged tokens, refresh tokens used twice, and tokens of ended sessions."""

import time
from datetime import timedelta
from typing import Any

from django.conf import settings

from bench.attacks.env import AttackEnv, phone
from bench.attacks.report import Report
from bench.clients import Answer, Client, at_once
from tests.support.forged_tokens import HEADER, claims, sealed, segment, with_header

NOT_A_SECRET = b"""-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
"""
FORGERIES_AT = ("GET /api/v1/profiles/me", "GET /api/v1/devices", "DELETE /api/v1/devices", "refresh", "logout")


def forgery(env: AttackEnv) -> list[Report]:
    """The only algorithm is HS256, so there is no public key. Text that looks like one is tried nevertheless.

    Claims are signed with the service's own key, which no attacker has. Otherwise only the signature would be tested.
    """
    report = Report(7, "token forgery", "401 on all, and no key is fetched")
    signed_in = env.sign_in(env.owner(), phone(7, 1)).body
    thief = env.attacker()
    copied = sealed(HEADER, claims(signed_in["token"]))
    report.check("a token signed in the same way without any change is accepted", thief.me(copied).status == 200)
    odd = set()
    for name, token in _forgeries(env, signed_in).items():
        for where in FORGERIES_AT:
            # A token that is in its right place is not refused.
            if (name, where) in {("refresh as access", "refresh"), ("refresh as access", "logout")}:
                continue
            if name == "access as refresh" and where not in ("refresh", "logout"):
                continue
            report.tried += 1
            answer = _use(thief, where, token)
            if answer.status != 401 or not answer.code.startswith("token_"):
                odd.add((name, where, answer.status, answer.code))
    report.check(f"401 on all, never 500 {sorted(odd) or ''}".strip(), not odd)
    report.check("no key is fetched from the URL in a token", not any(gateway.fetched for gateway in env.gateways))
    report.check("the tokens that were copied still work", thief.me(signed_in["token"]).status == 200)
    return [report]


def _use(thief: Client, where: str, token: str) -> Answer:
    if " " in where:
        method, path = where.split()
        return thief.call(method, path, token=token)
    return thief.call("POST", f"/api/auth/{where}", {"refresh": token})


def _forgeries(env: AttackEnv, signed_in: dict[str, str]) -> dict[str, str]:
    access, refresh = signed_in["token"], signed_in["refresh"]
    own = claims(access)
    url = f"http://127.0.0.1:{env.gateways[0].server_port}/key"
    jwk = {"kty": "oct", "k": segment(b"mine"), "kid": "mine"}
    found = {f"alg {alg}": f"{segment(HEADER | {'alg': alg})}.{segment(own)}." for alg in ("none", "None", "nOnE")}
    found |= {f"alg {alg}, signature kept": with_header(access, alg=alg) for alg in ("none", "HS512", "RS256", "")}
    for name, key in {"SECRET_KEY": settings.SECRET_KEY.encode(), "public key": NOT_A_SECRET, "no key": b""}.items():
        found[f"signed with {name}"] = sealed(HEADER, own, key)
    found["empty signature"] = access.rpartition(".")[0] + "."
    found["no signature"] = access.rpartition(".")[0]
    for kid in ("../../../../dev/null", "x' UNION SELECT 'mine' --", url, ["mine"], {"a": 1}):
        found[f"kid {kid}"] = sealed(HEADER | {"kid": kid}, own, b"" if "null" in str(kid) else b"mine")
    found["jku"] = sealed(HEADER | {"jku": url, "kid": "mine"}, own, b"mine")
    found["x5u"] = sealed(HEADER | {"x5u": url}, own, b"mine")
    found["jwk"] = sealed(HEADER | {"jwk": jwk}, own, b"mine")
    now = int(time.time())
    changes: dict[str, dict[str, Any]] = {
        "expired": {"exp": now - 1},
        "not yet": {"nbf": now + 3600},
        "aud": {"aud": "another:api"},
        "iss": {"iss": "another"},
        "unknown sid": {"sid": "0" * 32},
        "another's sub": {"sub": str(int(own["sub"]) + 1)},
        "sub of no number": {"sub": "1 OR 1=1"},
    }
    found |= {name: sealed(HEADER, own | change) for name, change in changes.items()}
    # Expired refresh tokens, and tokens of one kind in place of the other.
    found["refresh, expired"] = sealed(HEADER, claims(refresh) | {"exp": now - 1})
    found |= {"refresh as access": refresh, "access as refresh": access, "device token": signed_in["device_token"]}
    return found


def refresh_reuse(env: AttackEnv) -> list[Report]:
    report = Report(8, "refresh reuse", "one successor; later reuse ends session and trust, a lost answer does not")
    client = env.owner()
    first = env.sign_in(client, phone(8, 1)).body
    answers = at_once(client.refresh, [first["refresh"]] * 20)
    good = [answer.body for answer in answers if answer.status == 200]
    successors = {body["refresh"] for body in good}
    report.check(f"20 at once: one successor ({len(good)} were answered)", len(good) == 20 and len(successors) == 1)
    live = """SELECT count(*) FROM users_device JOIN users_user AS owner ON owner.id = user_id
               WHERE phone = %s AND ended_at IS NULL"""
    report.check("one live session", env.one(live, f"+7{phone(8, 1)}") == 1)
    # Within 10 s of the rotation, by the database's clock, the request may be repeated.
    lost = client.refresh(good[0]["refresh"])
    retried = client.refresh(good[0]["refresh"])
    same = lost.status == retried.status == 200 and lost.body["refresh"] == retried.body["refresh"]
    report.check("a repeated request after a lost answer keeps the session", same)
    # Later, the pair of the lost answer is replaced, and whoever has it is refused.
    env.pass_time(timedelta(seconds=15), "users_device")
    newest = client.refresh(good[0]["refresh"])
    replaced = newest.status == 200 and newest.body["refresh"] != retried.body["refresh"]
    report.check("15 s later too, by another pair", replaced and client.me(newest.body["token"]).status == 200)
    env.pass_time(timedelta(seconds=15), "users_device")
    thief = env.attacker().refresh(retried.body["refresh"])
    report.check("the pair of the lost answer is refused", thief.error == (401, "token_revoked"))
    ended = [client.refresh(newest.body["refresh"]), client.me(newest.body["token"])]
    report.check("and the newest pair with it", [answer.status for answer in ended] == [401, 401])
    report.check("and the trust", env.sign_in(client, phone(8, 1)).body["device_token"] != first["device_token"])
    report.tried = len(answers) + len([lost, retried, newest, thief, *ended])
    return [report]


def revocation(env: AttackEnv) -> list[Report]:
    report = Report(9, "revocation", "refused at the next request, by all processes; others are not affected")
    bystander = env.sign_in(env.owner(), phone(9, 9)).body
    client = env.owner()

    def is_out(signed_in: dict[str, str]) -> bool:
        report.tried += 4
        answers = [client.me(signed_in["token"]) for _ in range(2)]  # each web process
        answers += [client.refresh(signed_in["refresh"]) for _ in range(2)]
        return all(answer.error == (401, "token_revoked") for answer in answers)

    first = env.sign_in(client, phone(9, 1)).body
    client.call("POST", "/api/auth/logout", {"refresh": first["refresh"]})
    report.check("logout: access and refresh are 401 at the next request", is_out(first))
    first, second = (env.sign_in(env.owner(), phone(9, 2)).body for _ in range(2))
    client.call("DELETE", "/api/v1/devices", token=second["token"])
    report.check("all devices ended: both", is_out(first) and is_out(second))
    first, second = (env.sign_in(env.owner(), phone(9, 3)).body for _ in range(2))
    listed = client.call("GET", "/api/v1/devices", token=second["token"]).body
    [old] = [device["id"] for device in listed if not device["current"]]
    strange = client.call("DELETE", f"/api/v1/devices/{old}", token=bystander["token"])
    report.check("another's device: 404", strange.status == 404 and client.me(first["token"]).status == 200)
    client.call("DELETE", f"/api/v1/devices/{old}", token=second["token"])
    report.check("one device ended: that one", is_out(first) and client.me(second["token"]).status == 200)
    first = env.sign_in(client, phone(9, 4)).body
    pending = client.sign_up(phone(9, 4))
    code = env.read(phone(9, 4), pending)
    user = f"User.objects.get(phone='+7{phone(9, 4)}')"
    env.operate(f"from users import accounts; from users.models import User; accounts.disable({user})")
    report.check("disabled: both", is_out(first))
    answer = client.log_in(pending, code)
    report.check(
        "and the right code of a pending challenge gives no token",
        answer.error == (403, "account_disabled"),
    )
    untouched = [client.me(bystander["token"]), client.refresh(bystander["refresh"])]
    report.check("others are not affected", [answer.status for answer in untouched] == [200, 200])
    return [report]

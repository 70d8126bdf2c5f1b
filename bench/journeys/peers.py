"""Installs and starts what people would pick instead, each on a database of its own beside the service's."""

import hashlib
import json
import shutil
import subprocess
import sys
import time
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from psycopg import sql

from bench import dataset
from bench.baselines.servers import GUNICORN, same_answers
from bench.env import BenchEnv, say
from bench.journeys.servers import ASK, JOURNEY, READ, READERS, Server, Service, post
from bench.journeys.wire import Answer, Load
from bench.wrk import Request
from tests.support.ports import free_port
from tests.support.proxies import wait_until_listening
from users import keys

APPS = Path(settings.BASE_DIR, "bench/peers")
INSTALLED = Path(settings.BASE_DIR, ".venv-peers")
PYTHON = str(INSTALLED / "bin/python")
NODE = "better_auth.mjs"


def install() -> None:
    """Install the dependencies of all peers, unless these are installed already."""
    files = [APPS / name for name in ("requirements.txt", "package.json", "package-lock.json")]
    stamp = INSTALLED / hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    if not stamp.exists():
        say(f"installing the peers into {INSTALLED}")
        shutil.rmtree(INSTALLED, ignore_errors=True)
        _do([sys.executable, "-m", "venv", INSTALLED])
        _do([PYTHON, "-m", "pip", "install", "-q", "--require-hashes", "-r", files[0]])
        for file in files[1:]:
            shutil.copy(file, INSTALLED)
        _do(["npm", "ci", "--omit=dev", "--no-audit", "--no-fund", "--silent"], cwd=INSTALLED)
        stamp.touch()
    # Node looks for packages beside a module and above it.
    shutil.copy(APPS / NODE, INSTALLED)


class Peer(Server):
    """A peer that runs. Its hook leaves each code with the load."""

    # What makes and fills its database, and what serves.
    prepares: tuple[str, ...]
    serves: tuple[str, ...]
    session_path: str

    def __init__(self, env: BenchEnv, load: Load) -> None:
        self.env, self.port = env, free_port()
        self.variables = {
            "PGHOST": env.service.database["host"],
            "PGUSER": env.service.database["user"],
            "PORT": str(self.port),
            "REMEMBER_PORT": str(load.remember_port),
            "NODE_ENV": "production",
            "BETTER_AUTH_SECRET": keys.token_keys()[0].hex(),
        }
        self.variables |= self.own_variables(load)
        self.credentials = self.prepare(min(READERS, env.users))
        process = self._run(*self.serves)
        wait_until_listening(process, self.port, env.service.log)
        self.process = psutil.Process(process.pid)

    def own_variables(self, load: Load) -> dict[str, str]:
        return {}

    def web(self) -> psutil.Process:
        return self.process

    def reads(self) -> list[Request]:
        addresses = (str(IPv4Address("10.200.0.0") + number) for number in count())
        return [Request(self.session_path, {"X-Forwarded-For": next(addresses), **one}) for one in self.credentials]

    def prepare(self, readers: int) -> list[dict[str, str]]:
        """Make and fill a database. Returns the headers of these readers."""
        database = "".join(filter(str.isalpha, self.name))
        self.env.database.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        self.variables["PGDATABASE"] = database
        file = self.env.folder / database
        started = time.monotonic()
        done = self._run(*self.prepares, str(self.env.users), str(readers), str(file)).wait()
        assert done == 0, self.env.service.output[-3000:]
        say(f"{self.name}: {self.env.users:,} people in {time.monotonic() - started:.0f} s")
        credentials: list[dict[str, str]] = json.loads(file.read_text())
        return credentials

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        filled = [argument.format(port=self.port) for argument in arguments]
        return self.env.spawn(*filled, program=program, cwd=APPS, **self.variables)


class DjangoPeer(Peer):
    def __init_subclass__(cls, app: str) -> None:
        cls.prepares = (PYTHON, f"{app}.py")
        cls.serves = (PYTHON, "-m", "gunicorn", *GUNICORN, "--bind=127.0.0.1:{port}", f"{app}:application")


class Allauth(DjangoPeer, app="allauth_app"):
    name = "django-allauth"
    session_path = "/_allauth/app/v1/auth/session"

    def read_is_right(self, answer: Answer) -> bool:
        return answer.status == 200 and bool(answer.json["data"]["user"]["id"])

    def ask(self, phone: str, address: str) -> Request:
        return post("/_allauth/app/v1/auth/signup", {"phone": phone}, address)

    def issued(self, answer: Answer) -> str:
        """It answers 401: to sign in, the phone must be verified."""
        session: str = answer.json["meta"]["session_token"]
        return session

    def verify(self, phone: str, code: str, issued: str, address: str) -> Request:
        return post("/_allauth/app/v1/auth/phone/verify", {"code": code}, address, **{"X-Session-Token": issued})

    def signed_in(self, answer: Answer) -> bool:
        return answer.status == 200 and bool(answer.json["meta"]["is_authenticated"])


class AllauthPosting(Allauth, app="allauth_app"):
    """Its hook posts each code to the gateway, in the request."""

    name = "django-allauth, SMS posted"
    operations = (ASK, JOURNEY)

    def own_variables(self, load: Load) -> dict[str, str]:
        return {"GATEWAY_URL": load.gateway_url}


class Passwordless(DjangoPeer, app="passwordless_app"):
    name = "drfpasswordless"
    session_path = "/me"

    def read_is_right(self, answer: Answer) -> bool:
        return answer.status == 200 and bool(answer.json["mobile"])

    def ask(self, phone: str, address: str) -> Request:
        return post("/auth/mobile/", {"mobile": phone}, address)

    def issued(self, answer: Answer) -> str:
        detail: str = answer.json["detail"]
        if answer.status != 200:
            raise ValueError(detail)
        return detail

    def verify(self, phone: str, code: str, issued: str, address: str) -> Request:
        return post("/auth/token/", {"mobile": phone, "token": code}, address)

    def signed_in(self, answer: Answer) -> bool:
        return answer.status == 200 and bool(answer.json["token"])


class BetterAuth(Peer):
    name = "better-auth"
    session_path = "/api/auth/get-session"
    prepares = serves = ("node", str(INSTALLED / NODE))

    def read_is_right(self, answer: Answer) -> bool:
        return answer.status == 200 and bool(answer.json["user"]["phoneNumber"])

    def ask(self, phone: str, address: str) -> Request:
        return post("/api/auth/phone-number/send-otp", {"phoneNumber": phone}, address)

    def issued(self, answer: Answer) -> str:
        message: str = answer.json["message"]
        if answer.status != 200:
            raise ValueError(message)
        return message

    def verify(self, phone: str, code: str, issued: str, address: str) -> Request:
        return post("/api/auth/phone-number/verify", {"phoneNumber": phone, "code": code}, address)

    def signed_in(self, answer: Answer) -> bool:
        return answer.status == 200 and bool(answer.json["token"])


class FastApi(Peer):
    """Reads only: the service's own profile from the service's database, with its tokens."""

    name = "FastAPI, asyncpg"
    operations = (READ,)
    serves = (PYTHON, "-m", "uvicorn", "--workers=2", "--no-access-log", "--port={port}", "fastapi_app:app")

    def own_variables(self, load: Load) -> dict[str, str]:
        own = {"PGDATABASE": self.env.service.database["dbname"], "SITE_URL": f"http://localhost:{self.env.port}"}
        return own | {"BASELINE_TOKEN_KEY": keys.token_keys()[0].hex()}

    def prepare(self, readers: int) -> list[dict[str, str]]:
        return []

    def reads(self) -> list[Request]:
        return Service(self.env).reads()

    def read_is_right(self, answer: Answer) -> bool:
        return Service(self.env).read_is_right(answer)


PEERS: dict[str, type[Peer]] = {
    "better-auth": BetterAuth,
    "allauth": Allauth,
    "allauth-posting": AllauthPosting,
    "drfpasswordless": Passwordless,
    "fastapi": FastApi,
}


def start(names: list[str], env: BenchEnv, load: Load) -> list[Server]:
    """Start these peers, and check that FastAPI answers as the service does."""
    if names:
        install()
    started = [PEERS[name](env, load) for name in names]
    for one in started:
        if isinstance(one, FastApi):
            readers = [*dataset.spread(env.users, 20), dataset.CELEBRITY]
            same_answers({env.name: env.port, one.name: one.port}, dataset.tokens(readers))
    return [*started]


def _do(command: list[Any], cwd: Path = APPS) -> None:
    subprocess.run([str(part) for part in command], cwd=cwd, check=True)

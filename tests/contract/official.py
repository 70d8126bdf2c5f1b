"""The clients in `clients` as they are installed, and apps that use them."""

import json
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

from tests.contract.commands import BIN, CLIENTS, MODULES, OFFICIAL, run

# What npm installs with the client, and the types that the app needs.
PACKAGES = ("openapi-fetch", "openapi-typescript-helpers", "@types", "undici-types")


def built_python(folder: Path) -> list[str]:
    """The command of an app with the wheel of the client, whose types hold."""
    run(BIN / "uv", "build", "--wheel", "--offline", "--out-dir", folder / "dist", OFFICIAL / "python")
    (wheel,) = (folder / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder)
    shutil.copy(CLIENTS / "official.py", folder)
    run(BIN / "mypy", "--strict", "--config-file=", "official.py", cwd=folder)
    return [sys.executable, "-W", "error", str(folder / "official.py")]


def built_typescript(folder: Path) -> list[str]:
    """The command of an app with the package of the client, whose types hold."""
    package, modules, tsc = folder / "client", folder / "node_modules", MODULES / ".bin" / "tsc"
    shutil.copytree(OFFICIAL / "typescript", package, ignore=shutil.ignore_patterns("node_modules", "dist"))
    modules.mkdir()
    for name in PACKAGES:
        (modules / name).symlink_to(MODULES / name)
    run(tsc, cwd=package)
    (modules / "inviting-app-client").symlink_to(package)
    for name in ("package.json", "tsconfig.json", "official.ts"):
        shutil.copy(CLIENTS / name, folder)
    (folder / "tsconfig.official.json").write_text('{"extends": "./tsconfig.json", "files": ["official.ts"]}')
    run(tsc, "--project", "tsconfig.official.json", "--types", "node", cwd=folder)
    return ["node", str(folder / "built" / "official.js")]


class App:
    """An app with a store. Each call is a run of it."""

    def __init__(self, command: list[str], site: str, store: Path) -> None:
        self.command, self.site, self.file = command, site, store

    def __call__(self, *action: object) -> Any:
        """What came of it after the access token of the last run had expired."""
        if self.file.exists() and "access" in self.store:
            access = json.loads(self.store["access"])
            access[1 if self.is_python else "until"] = 0
            self.keep("access", json.dumps(access))
        return self.soon(*action)

    def soon(self, *action: object) -> Any:
        """What came of it while the access token of the last run was valid."""
        return json.loads(run(*self.command, self.site, self.file, *map(str, action)))

    @property
    def is_python(self) -> bool:
        return self.command[0] == sys.executable

    @property
    def store(self) -> dict[str, str]:
        """What is kept, by the same names for both clients."""
        return self.plain(json.loads(self.file.read_text()))

    @staticmethod
    def plain(kept: dict[str, str]) -> dict[str, str]:
        return {name.removeprefix("inviting_app."): value for name, value in kept.items()}

    def keep(self, name: str, value: str) -> None:
        prefix = "" if self.is_python else "inviting_app."
        self.file.write_text(json.dumps({**json.loads(self.file.read_text()), prefix + name: value}))


def problem(status: int, retry_after: int) -> tuple[int, dict[str, str], bytes]:
    """A refusal as the service makes it."""
    code = {429: "too_many_requests", 503: "unavailable"}[status]
    members = {"type": "about:blank", "title": code, "status": status, "code": code, "retry_after": retry_after}
    headers = {"Content-Type": "application/problem+json", "Retry-After": str(retry_after)}
    return status, headers, json.dumps(members).encode()

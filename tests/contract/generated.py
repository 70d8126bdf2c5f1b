"""Clients in many languages that openapi-generator makes from the OpenAPI document, once for all tests."""

import fcntl
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from django.core.management import call_command

from tests.contract.commands import BIN, run
from tests.support.environment import TEMPLATE

JAR = Path(str(files("openapi_generator_cli").joinpath("openapi-generator.jar")))
DOCUMENT = "openapi.json"

# Each generator with the options that the flows in `clients` need. No option changes how a type is held.
GENERATORS: dict[str, dict[str, str]] = {
    "typescript-axios": {"importFileExtension": ".js"},
    "typescript-fetch": {"importFileExtension": ".js"},
    "python": {"packageName": "client"},
    "java": {
        "library": "native",
        "openApiNullable": "false",  # a library that is in no registry we use
        "invokerPackage": "client",
        "apiPackage": "client.api",
        "modelPackage": "client.model",
    },
    "go": {"packageName": "client"},
    "kotlin": {},
    "swift6": {},
    "csharp": {},
    "dart": {},
    "dart-dio": {},
    "rust": {},
}


def generated(name: str) -> Path:
    """The folder with this generator's client. One start of the generator makes the clients of all."""
    folder = TEMPLATE / "clients"
    with (TEMPLATE / "lock of clients").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _generate_all(TEMPLATE / "draft of clients").rename(folder)
    return folder / name


def _generate_all(draft: Path) -> Path:
    draft.mkdir()
    call_command("spectacular", "--format", "openapi-json", "--file", str(draft / DOCUMENT))
    settings = [_written_settings(draft, name, dict(options)) for name, options in GENERATORS.items()]
    run(BIN / "openapi-generator-cli", "batch", "--fail-fast", *settings, cwd=draft)
    return draft


def _written_settings(draft: Path, name: str, options: dict[str, str]) -> Path:
    settings: dict[str, Any] = {"generatorName": name, "inputSpec": DOCUMENT, "outputDir": name}
    if library := options.pop("library", None):
        settings["library"] = library
    path = draft / f"{name}.json"
    path.write_text(json.dumps({**settings, "additionalProperties": options}))
    return path

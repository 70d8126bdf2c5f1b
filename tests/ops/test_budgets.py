"""Limits of size that keep the code easy to read, and no imports of private names."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

BASE = Path(settings.BASE_DIR)
SERVICE = ("api", "inviting_app", "profiles", "users", "manage.py")
FILE_LINES = 250
FUNCTION_LINES = 40
# Made by `make clients`.
GENERATED = BASE / "clients" / "python" / "src" / "inviting_app_client" / "types.py"
README_LINES = 150


def files(*roots: str) -> Iterator[Path]:
    for root in roots:
        path = BASE / root
        found = [path] if path.is_file() else path.rglob("*.py")
        yield from (file for file in found if "migrations" not in file.parts and "node_modules" not in file.parts)


def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def test_no_file_is_long() -> None:
    written = [file for file in files(*SERVICE, "bench", "clients", "tests") if file != GENERATED]
    lines = {file.relative_to(BASE): len(file.read_text().splitlines()) for file in written}

    assert {file: count for file, count in lines.items() if count > FILE_LINES} == {}


def test_no_function_is_long() -> None:
    long = [
        f"{file.relative_to(BASE)}: {node.name}"
        for file in files(*SERVICE, "bench", "clients")
        for node in ast.walk(tree(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES
    ]

    assert long == []


def test_no_module_imports_a_private_name_of_another() -> None:
    private = [
        f"{file.relative_to(BASE)}: from {node.module} import {alias.name}"
        for file in files(*SERVICE, "bench", "clients", "tests")
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    ]

    assert private == []


def test_readme_is_short() -> None:
    assert len((BASE / "README.md").read_text().splitlines()) <= README_LINES


def test_no_file_has_markers_of_a_merge() -> None:
    """A template with them renders, and its tests may pass."""
    roots = ("api", "clients", "deploy", "docs", "inviting_app", "profiles", "tests", "users")
    found = [file for root in roots for file in (BASE / root).rglob("*") if "node_modules" not in file.parts]
    marked = [file for file in found if file.is_file() and re.search(rb"^[<>]{7} ", file.read_bytes(), re.MULTILINE)]

    assert marked == []

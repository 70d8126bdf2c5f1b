"""Imports go one way: inviting_app.urls, then api, then profiles, then users."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

BASE = Path(settings.BASE_DIR)
PACKAGES = ("inviting_app", "api", "profiles", "users")


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the service by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in (BASE / package).rglob("*.py"):
            parts = path.relative_to(BASE).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text(), filename=str(path))
    return found


def imported(tree: ast.AST) -> Iterator[str]:
    """All dotted names that this tree imports, `from a import b` as `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(name: str) -> str | None:
    """The module of this project that this imported name is, or is in."""
    while name:
        if name in modules():
            return name
        name = name.rpartition(".")[0]
    return None


def imports_of_ours(name: str) -> set[str]:
    return {found for one in imported(modules()[name]) if (found := module_of(one)) and found != name}


def top(name: str) -> str:
    return name.partition(".")[0]


def of(package: str) -> list[str]:
    return sorted(name for name in modules() if top(name) == package)


def strangers(package: str, allowed: set[str]) -> set[tuple[str, str]]:
    return {
        (name, one)
        for name in of(package)
        for one in imports_of_ours(name)
        if top(one) not in allowed and one not in allowed
    }


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("users", {"users"}),
        ("profiles", {"profiles", "users"}),
        ("api", {"api", "profiles", "users"}),
    ],
)
def test_package_imports_only_packages_below_it(package: str, allowed: set[str]) -> None:
    assert strangers(package, allowed) == set()


def test_domain_does_not_import_rest_framework() -> None:
    framework = {"rest_framework", "rest_framework_simplejwt", "drf_spectacular", "corsheaders"}
    known = {
        (name, top(one)) for name in of("users") + of("profiles") for one in imported(modules()[name])
        if top(one) in framework
    }  # fmt: skip

    assert known == {("users.login.tokens", "rest_framework_simplejwt")}


def test_domain_does_not_import_http() -> None:
    known = {
        name for name in of("users") + of("profiles") for one in imported(modules()[name])
        if one.startswith("django.http") and ".admin" not in name
    }  # fmt: skip

    assert known == {"users.client"}  # who is calling


def test_api_has_no_models() -> None:
    kinds = {
        (name, ast.unparse(base))
        for name in of("api")
        for node in ast.walk(modules()[name])
        if isinstance(node, ast.ClassDef)
        for base in node.bases
    }

    assert not {name for name, base in kinds if base in ("models.Model", "Model")}


def test_no_imports_are_circular() -> None:
    graph = {name: imports_of_ours(name) for name in modules()}
    while leaves := {name for name, needed in graph.items() if not needed & graph.keys()}:
        graph = {name: needed for name, needed in graph.items() if name not in leaves}

    assert graph == {}


@pytest.mark.parametrize("name", ["signals", "utils"])
def test_there_are_no_signals_and_no_utils(name: str) -> None:
    assert [module for module in modules() if module.rpartition(".")[2] == name] == []
    assert not [
        module for module, tree in modules().items() if any(one.startswith("django.dispatch") for one in imported(tree))
    ]

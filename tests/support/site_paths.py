"""All paths of the URL configuration, as patterns in which each parameter is a `{}`."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.urls import get_resolver


def patterns() -> list[str]:
    return sorted(set(_under(get_resolver().url_patterns, "/")))


def _under(entries: Iterable[Any], start: str) -> Iterator[str]:
    for entry in entries:
        path = start + _plain(str(entry.pattern))
        if hasattr(entry, "url_patterns"):
            yield from _under(entry.url_patterns, path)
        else:
            yield path


def _plain(pattern: str) -> str:
    """The pattern of `path` or of `re_path`, with a `{}` for each parameter."""
    pattern = re.sub(r"\(\?P<\w+>[^)]*\)", "{}", pattern.removeprefix("^").removesuffix("$"))
    return re.sub(r"<[^>]*>", "{}", pattern)

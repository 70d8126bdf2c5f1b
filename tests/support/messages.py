"""Finds the texts in Django's templates for `make messages`, because Babel cannot read them."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO

from babel.messages.extract import extract_python
from django.utils.translation import templatize


def extract_template(file: BinaryIO, keywords: Any, comment_tags: Any, options: Any) -> Iterator[Any]:
    """An extraction method of Babel. Django writes the texts as Python, but with the indentation of the template."""
    source = "\n".join(line.strip() for line in templatize(file.read().decode()).splitlines())
    return extract_python(BytesIO(source.encode()), keywords, comment_tags, options)

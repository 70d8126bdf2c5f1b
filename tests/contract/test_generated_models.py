"""Generated models hold what the OpenAPI document promises, in the languages whose compilers are not at hand too.

Each member of each model must be declared with the type of its language, so that a string never becomes an empty class.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.generated import generated
from tests.contract.recording import FOLDER

pytestmark = [pytest.mark.contract, pytest.mark.long, pytest.mark.usefixtures("java")]

MODELS: dict[str, Any] = json.loads((FOLDER / "openapi.json").read_text())["components"]["schemas"]


@dataclass
class Member:
    """`kind` is the JSON type with its format, or the name of a model."""

    kind: str
    is_list: bool
    nullable: bool
    required: bool

    @property
    def may_be_absent(self) -> bool:
        return self.nullable or not self.required


@dataclass
class Language:
    """`models` are the files of models, `declared` is the declaration of a member of a name and a type."""

    models: str
    declared: str
    types: dict[str, str]
    listed: str
    optional: Callable[[str, Member], str]
    snake_case: bool = False

    def declaration(self, name: str, member: Member) -> str:
        held = self.types.get(member.kind, self.types["model"].format(member.kind))
        held = self.optional(self.listed.format(held) if member.is_list else held, member)
        pascal = _pascal(name)
        return self.declared.format(snake=name, camel=pascal[0].lower() + pascal[1:], pascal=pascal, type=held)


def _pascal(snake: str) -> str:
    return "".join(word.capitalize() for word in snake.split("_"))


def _question_mark(held: str, member: Member) -> str:
    return held + "?" if member.may_be_absent else held


def _dart(held: str, member: Member) -> str:
    return held if member.is_list else _question_mark(held, member)  # an absent list is empty


def _go(held: str, member: Member) -> str:
    if member.nullable:
        return f"Nullable{_pascal(held.removeprefix('time.'))}"
    return held if member.required or member.is_list else f"*{held}"


def _rust(held: str, member: Member) -> str:
    for wrapped in (member.nullable, not member.required):
        held = f"Option<{held}>" if wrapped else held
    return held


KINDS = ("string", "string date-time", "string uri", "integer", "integer int64", "boolean", "model")


def _types(*names: str) -> dict[str, str]:
    return dict(zip(KINDS, names, strict=True))


# Both generators for Dart have these.
DART_TYPES = _types("String", "DateTime", "String", "int", "int", "bool", "{}")

LANGUAGES = {
    "java": Language(
        "src/main/java/client/model/*.java",
        "private {type} {camel}",
        _types("String", "OffsetDateTime", "URI", "Integer", "Long", "Boolean", "{}"),
        "List<{}>",
        lambda held, _: held,
    ),
    "kotlin": Language(
        "src/main/kotlin/org/openapitools/client/models/*.kt",
        "val {camel}: {type}",
        _types(
            *("kotlin.String", "java.time.OffsetDateTime", "java.net.URI"),
            *("kotlin.Int", "kotlin.Long", "kotlin.Boolean", "{}"),
        ),
        "kotlin.collections.List<{}>",
        _question_mark,
    ),
    "swift6": Language(
        "Sources/OpenAPIClient/Models/*.swift",
        "public var {camel}: {type}",
        _types("String", "Date", "String", "Int", "Int64", "Bool", "{}"),
        "[{}]",
        _question_mark,
    ),
    "csharp": Language(
        "src/Org.OpenAPITools/Model/*.cs",
        "public {type} {pascal} {{ get",
        _types("string", "DateTime", "string", "int", "long", "bool", "{}"),
        "List<{}>",
        _question_mark,
    ),
    "go": Language(
        "model_*.go",
        "\t{pascal} {type} json:",
        _types("string", "time.Time", "string", "int32", "int64", "bool", "{}"),
        "[]{}",
        _go,
        snake_case=True,
    ),
    "dart": Language(
        "lib/model/*.dart",
        "  {type} {camel}",
        DART_TYPES,
        "List<{}>",
        _dart,
        snake_case=True,
    ),
    "dart-dio": Language(
        "lib/src/model/*.dart",
        "  {type} get {camel}",
        DART_TYPES,
        "BuiltList<{}>",
        _question_mark,
        snake_case=True,
    ),
    "rust": Language(
        "src/models/*.rs",
        "pub {snake}: {type}",
        _types("String", "chrono::DateTime<chrono::FixedOffset>", "String", "i32", "i64", "bool", "models::{}"),
        "Vec<{}>",
        _rust,
        snake_case=True,
    ),
}
# Files beside the models.
HELPERS = {"java": {"abstractopenapischema"}, "dart-dio": {"date"}, "rust": {"mod"}}

each_language = pytest.mark.parametrize("name", LANGUAGES)


def sources(name: str) -> dict[str, str]:
    """The source of each model by its name without underscores in lower case."""
    paths = generated(name).glob(LANGUAGES[name].models)
    return {
        # Without the marks of members that are named like a word of the language.
        path.stem.removeprefix("model_").replace("_", "").lower(): re.sub("r#|`", "", path.read_text())
        for path in paths
    }


def members(model: dict[str, Any]) -> Iterator[tuple[str, Member]]:
    for name, schema in model.get("properties", {}).items():
        given = schema.get("type", [])
        types = given if isinstance(given, list) else [given]
        item = schema["items"] if "array" in types else schema
        kind = item["$ref"].rsplit("/", 1)[1] if "$ref" in item else _kind(item)
        yield name, Member(kind, "array" in types, "null" in types, name in model["required"])


def _kind(schema: dict[str, Any]) -> str:
    main = schema["type"][0] if isinstance(schema["type"], list) else schema["type"]
    kind = f"{main} {schema.get('format')}"
    return kind if kind in KINDS else main


@each_language
def test_there_is_a_model_for_each_of_the_document_and_no_other(name: str) -> None:
    assert sources(name).keys() - HELPERS.get(name, set()) == {model.lower() for model in MODELS}


@each_language
def test_each_member_is_declared_with_its_type(name: str) -> None:
    for model, source in ((model, sources(name)[model.lower()]) for model in MODELS):
        for member, held in members(MODELS[model]):
            declaration = LANGUAGES[name].declaration(member, held)
            unquoted = source.replace(" var _", " var ")  # the generator's prefix of a name that is a word of Swift
            assert re.search(rf"{re.escape(declaration)}(?![\w.<?])", unquoted), f"{model}.{member}"


@each_language
def test_problem_codes_are_an_enumeration_of_all_codes(name: str) -> None:
    source = sources(name)["problemcode"]

    missing = [code for code in MODELS["ProblemCode"]["enum"] if f'"{code}"' not in source.replace("'", '"')]
    assert missing == []

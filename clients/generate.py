"""Makes the typed parts of the clients from the recorded OpenAPI document: `make clients`.

TypeScript gets its types from openapi-typescript. Python gets one TypedDict for each schema and one method for each
operation, so that the client needs no package but httpx: the clients of openapi-python-client have 50 files and return
refusals instead of raising them. A construct that is not known here stops the generator.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CLIENTS = Path(__file__).parent
CONTRACT = CLIENTS.parent / "tests" / "contract"
DOCUMENT = CONTRACT / "recorded" / "openapi.json"
OPENAPI_TYPESCRIPT = CONTRACT / "clients" / "node_modules" / ".bin" / "openapi-typescript"
RUFF = Path(sys.executable).with_name("ruff")
# The clients do these themselves, because they keep the tokens.
SIGN_IN = {"signup", "login", "refresh", "logout"}
SIMPLE = {"string": "str", "integer": "int", "boolean": "bool", "number": "float"}
NOTE = "Made from the OpenAPI document by `make clients`. Do not edit."
# Width of the descriptions, indentation not counted.
WIDTH = 108


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the typed parts of the clients.")
    parser.add_argument("languages", nargs="*", help="python, typescript; default: both")
    parser.add_argument("--check", action="store_true", help="only tell whether they are up to date")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as draft:
        made = [file for language in options.languages or WRITERS for file in WRITERS[language](Path(draft))]
        contents = {CLIENTS / file.relative_to(draft): file.read_text() for file in made}
    stale = [file for file, content in contents.items() if not file.exists() or file.read_text() != content]
    if options.check and stale:
        sys.exit(f"Run `make clients`. Out of date: {', '.join(str(file.relative_to(CLIENTS)) for file in stale)}")
    for file in stale:
        file.write_text(contents[file])


def write_typescript(folder: Path) -> list[Path]:
    source = folder / "typescript" / "src"
    source.mkdir(parents=True)
    schema, anonymous = source / "schema.ts", source / "anonymous.ts"
    subprocess.run([OPENAPI_TYPESCRIPT, DOCUMENT, "-o", schema], check=True, stdout=subprocess.DEVNULL)
    names = [f'  "{method.lower()} {path}",' for method, path, operation in operations() if is_anonymous(operation)]
    lines = [
        f"// {NOTE}",
        "",
        "/** Operations that need no token. */",
        "export const ANONYMOUS = new Set<string>([",
        *names,
    ]
    anonymous.write_text("\n".join([*lines, "]);", ""]))
    return [schema, anonymous]


def write_python(folder: Path) -> list[Path]:
    source = folder / "python" / "src" / "inviting_app_client"
    source.mkdir(parents=True)
    types, methods = source / "types.py", source / "operations.py"
    types.write_text(formatted(python_types()))
    methods.write_text(formatted(python_operations()))
    return [types, methods]


WRITERS = {"python": write_python, "typescript": write_typescript}


def document() -> Any:
    return json.loads(DOCUMENT.read_text())


def operations() -> Iterator[tuple[str, str, Any]]:
    """Method, path and operation, but not those of the sign-in."""
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            if operation["operationId"] not in SIGN_IN:
                yield method.upper(), path, operation


def is_anonymous(operation: Any) -> bool:
    return not operation.get("security")


def python_types() -> str:
    lines = [
        f'"""The bodies of requests and responses. {NOTE}"""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Any, Literal, NotRequired, TypedDict",
        "",
    ]
    for name, schema in document()["components"]["schemas"].items():
        if schema["type"] == "object":
            lines += [f"class {name}(TypedDict):", *described(schema, "    ")]
            for field, value in schema["properties"].items():
                kind = python_type(value)
                lines.append(f"    {field}: {kind if field in schema['required'] else f'NotRequired[{kind}]'}")
                lines += described(value, "    ")
            lines.append("")
        else:
            lines += [f"{name} = {python_type(schema)}", *described(schema, ""), ""]
    return "\n".join(lines)


def python_type(schema: Any, module: str = "") -> str:
    """The annotation of a schema. Raises ValueError for a schema of another kind."""
    if "$ref" in schema:
        return f"{module}{schema['$ref'].rpartition('/')[2]}"
    kinds = schema.get("type")
    if isinstance(kinds, list):
        (kind,) = (kind for kind in kinds if kind != "null")
        return f"{python_type({**schema, 'type': kind}, module)} | None"
    if "enum" in schema:
        return f"Literal[{', '.join(json.dumps(value) for value in schema['enum'])}]"
    if kinds == "array":
        return f"list[{python_type(schema['items'], module)}]"
    if kinds == "object" and "properties" not in schema:
        return "dict[str, Any]"
    if kinds not in SIMPLE:
        raise ValueError(f"This schema is not known: {schema}")
    return SIMPLE[kinds]


def python_operations() -> str:
    head = f'''
        """One method for each operation. {NOTE}"""

        from abc import ABC, abstractmethod
        from collections.abc import Callable, Iterator, Mapping
        from typing import Any, Literal
        from urllib.parse import quote

        from inviting_app_client import types


        class Operations(ABC):
            """All of them raise Problem if they are refused."""

            @abstractmethod
            def _call(
                self, method: str, path: str, *, body: object = None,
                query: Mapping[str, Any] | None = None, anonymous: bool = False,
            ) -> Any: ...

            @abstractmethod
            def _all(self, read: Callable[[str | None], Any]) -> Iterator[Any]: ...
    '''
    methods = [line for operation in operations() for line in python_method(*operation)]
    return textwrap.dedent(head).lstrip() + "\n".join(methods) + "\n"


def python_method(method: str, path: str, operation: Any) -> Iterator[str]:
    """The lines of the method that calls this operation, and of the one that reads all its pages."""
    name = operation["operationId"]
    parameters = operation.get("parameters", [])
    queried = [each for each in parameters if each["in"] == "query"]
    arguments = [f"{each['name']}: {python_type(each['schema'])}" for each in parameters if each["in"] == "path"]
    call = [
        f'"{method}"',
        re.sub(r"{(\w+)}", r"{quote(str(\1), safe='')}", f'f"{path}"' if "{" in path else f'"{path}"'),
    ]
    if body := operation.get("requestBody"):
        arguments.append(f"body: {python_type(body['content']['application/json']['schema'], 'types.')}")
        call.append("body=body")
    if queried:
        call.append(f"query={{{', '.join(json.dumps(each['name']) + ': ' + each['name'] for each in queried)}}}")
    if is_anonymous(operation):
        call.append("anonymous=True")
    result = python_result(operation)
    yield from declaration(name, arguments, queried, result, operation)
    yield f"        {'' if result == 'None' else f'answer: {result} = '}self._call({', '.join(call)})"
    if result != "None":
        yield "        return answer"
    if "cursor" in (each["name"] for each in queried):
        others = [each for each in queried if each["name"] != "cursor"]
        item = python_type(page_of(result)["properties"]["results"], "types.").removeprefix("list[").removesuffix("]")
        given = ", ".join(f"{each['name']}={each['name']}" for each in [*others, {"name": "cursor"}])
        yield from declaration(f"{name}_all", arguments, others, f"Iterator[{item}]", operation)
        yield f"        return self._all(lambda cursor: self.{name}({given}))"


def declaration(name: str, arguments: list[str], queried: list[Any], result: str, operation: Any) -> list[str]:
    named = [f"{each['name']}: {python_type(each['schema']).removesuffix(' | None')} | None = None" for each in queried]
    signature = ", ".join(["self", *arguments, *(["*", *named] if named else [])])
    summary, more = f"{operation['summary']}.", operation.get("description", "")
    if result.startswith("Iterator"):
        summary, more = f"{operation['summary']}: each result, page after page.", ""
    text = {"description": f"{summary}\n\n{more}".strip()}
    return ["", f"    def {name}({signature}) -> {result}:", *described(text, "        ")]


def python_result(operation: Any) -> str:
    """The annotation of what the operation returns. A response that is not JSON is text."""
    ((_, answer),) = ((status, answer) for status, answer in operation["responses"].items() if status < "300")
    content = answer.get("content", {})
    if "application/json" in content:
        return python_type(content["application/json"]["schema"], "types.")
    return "str" if content else "None"


def page_of(result: str) -> Any:
    return document()["components"]["schemas"][result.removeprefix("types.")]


def described(schema: Any, indent: str) -> list[str]:
    """The description of a schema as a docstring, if it has one."""
    paragraphs = schema.get("description", "").splitlines()
    wrapped = [line for paragraph in paragraphs for line in textwrap.wrap(paragraph, WIDTH) or [""]]
    if not wrapped:
        return []
    text = "\n".join([wrapped[0], *(f"{indent}{line}".rstrip() for line in wrapped[1:])])
    return [f'{indent}"""{text}' + (f"\n{indent}" if len(wrapped) > 1 else "") + '"""']


def formatted(source: str) -> str:
    checked = subprocess.run(
        [RUFF, "check", "--fix", "--select=F401", "-q", "-"], input=source, capture_output=True, text=True
    )
    done = subprocess.run([RUFF, "format", "-q", "-"], input=checked.stdout, capture_output=True, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    main()

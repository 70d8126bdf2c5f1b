"""Heavy and unusual bodies within the size limit are refused at once, and nothing is written."""

import gc
import json
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin

from tests.support.accounts import SignedInUser, client
from tests.support.rows_written import rows_written
from tests.support.wsgi_client import call, quickly, thread_seconds
from users import phones

pytestmark = pytest.mark.django_db

SIZE = settings.BODY_MAX_BYTES
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=b"
# Of a body of parts.
END = b"--b--\r\n"
FIELDS = {
    "/api/auth/signup": "phone",
    "/api/auth/login": "code",
    "/api/auth/refresh": "refresh",
    "/api/auth/logout": "refresh",
    "/api/v1/profiles/me": "activated_invite",
}


def full(piece: bytes, room: int = 100, size: int = SIZE) -> bytes:
    """As many of these as fit into a body of this size."""
    return piece * ((size - room) // len(piece))


def full_of_parts(piece: bytes, end: bytes = b"") -> bytes:
    return full(piece, len(end), settings.PARTS_MAX_BYTES) + end


def part(name: bytes, head: bytes = b"", value: bytes = b"1") -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (name, head, value)


HEAVY_JSON = {
    "lists": b"[" * SIZE,
    "lists, closed": b"[" * (SIZE // 2) + b"]" * (SIZE // 2),
    "lists, as deep as Python goes": b"[" * 900 + b"]" * 900,
    "objects": full(b'{"a":'),
    "strings": full(b'"",'),
    "a number of many digits": b'{"FIELD": ' + full(b"9") + b"}",
    "numbers of as many digits as Python takes": b'{"FIELD": [' + full(b"9" * 4300 + b",") + b"0]}",
    "exponents": b"[" + full(b"1e999999,") + b"0]",
    "one key again and again": b"{" + full(b'"FIELD": "1", ', 2000) + b'"FIELD": []}',
    "many keys": b"{" + b", ".join(b'"%d": 1' % n for n in range(5000)) + b"}",
    "lone surrogates": b'{"FIELD": "' + full(b"\\ud800") + b'"}',
    "NULs": b'{"FIELD": "' + full(b"\\u0000") + b'"}',
    "escapes": b'{"FIELD": "' + full(b"\\\\") + b'"}',
    "not a number": b'{"FIELD": NaN}',
    "infinity": b'{"FIELD": -Infinity}',
    "a mark of byte order": b"\xef\xbb\xbf{}",
    "UTF-16": json.dumps({"FIELD": "1"}).encode("utf-16"),
    "digits": b'{"FIELD": "' + full(b"1") + b'"}',
    "spaces": b'{"FIELD": "' + full(b" ") + b'"}',
    "digits and spaces": b'{"FIELD": "' + full(b"1 ") + b'x"}',
    "dashes and brackets": b'{"FIELD": "+' + full(b"(-") + b'"}',
    "what normalising makes longer": b'{"FIELD": "' + full("\ufdfa".encode()) + b'"}',
    "marks that normalising sorts": b'{"FIELD": "a' + full("\u0301\u0316".encode()) + b'"}',
    "dots": b'{"FIELD": "' + full(b".") + b'"}',
}


@pytest.mark.parametrize("path", FIELDS)
@pytest.mark.parametrize("body", HEAVY_JSON.values(), ids=HEAVY_JSON)
def test_heavy_json_is_refused_at_once(alice: SignedInUser, path: str, body: bytes) -> None:
    body = body.replace(b"FIELD", FIELDS[path].encode())[:SIZE]
    before = rows_written()

    answer = quickly(lambda: call("POST", path, alice.token, body, CONTENT_TYPE=JSON))

    assert (answer.status, answer.code) in {(400, "invalid"), (400, "invalid_phone"), (401, "token_invalid")}
    assert rows_written() == before


HEAVY_FORMS: dict[str, tuple[str, bytes]] = {
    "10 000 fields": (FORM, b"&".join(b"a%d=1" % n for n in range(8000))),
    "empty fields": (FORM, b"&" * SIZE),
    "escapes": (FORM, b"FIELD=" + full(b"%ff")),
    "broken escapes": (FORM, b"FIELD=" + full(b"%")),
    "NULs": (FORM, b"FIELD=" + full(b"%00")),
    "files": (PARTS, full_of_parts(part(b"a", b'; filename="a"'), END)),
    "a file for the field": (PARTS, part(b"FIELD", b'; filename="a.txt"') + END),
    "a file elsewhere": (PARTS, part(b"FIELD", b'; filename="../../etc/passwd"') + END),
    "a long file name": (PARTS, part(b"FIELD", b'; filename="' + b"a" * 3900 + b'"') + END),
    "a file name in no encoding": (PARTS, part(b"FIELD", b"; filename*=x''%ff") + END),
    "a field name of NUL": (PARTS, part(b"\x00") + END),
    "parts in parts": (PARTS, full_of_parts(b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n")),
    "heads without an end": (PARTS, b"--b\r\n" + b"A: b\r\n" * 650),
    "broken base64": (PARTS, part(b"FIELD", b"\r\nContent-Transfer-Encoding: base64", b"!" * 9) + END),
    "boundaries": (PARTS, full_of_parts(b"--b\r\n")),
    "no boundary": ("multipart/form-data", part(b"FIELD") + END),
    "a long boundary": (f"multipart/form-data; boundary={'b' * 201}", b"--b\r\n"),
}


@pytest.mark.parametrize("path", FIELDS)
@pytest.mark.parametrize(("content_type", "body"), HEAVY_FORMS.values(), ids=HEAVY_FORMS)
def test_heavy_form_is_refused_at_once(alice: SignedInUser, path: str, content_type: str, body: bytes) -> None:
    body = body.replace(b"FIELD", FIELDS[path].encode())
    before = rows_written()

    answer = quickly(lambda: call("POST", path, alice.token, body, CONTENT_TYPE=content_type))

    assert (answer.status, answer.code) in {(400, "invalid"), (400, "invalid_phone"), (401, "token_invalid")}
    assert rows_written() == before


@pytest.mark.parametrize(
    "parameter",
    [
        *("charset*=x''a", "charset*=utf-8''%00", "charset*0*=x''a", "charset=\x00", "boundary*=x''a", "a*=x''a"),
        "boundary=" + "b" * 8000,
    ],
)
@pytest.mark.parametrize("content_type", [FORM, "multipart/form-data", "text/plain"])
def test_content_type_that_cannot_be_read_is_refused(content_type: str, parameter: str) -> None:
    answer = call("POST", "/api/auth/signup", body=b'{"phone": "1"}', CONTENT_TYPE=f"{content_type}; {parameter}")

    assert (answer.status, answer.code) in {(415, "unsupported_media_type"), (400, "invalid")}


def test_content_type_without_an_encoding_causes_no_server_error() -> None:
    strange: Any = {"CONTENT_TYPE": "application/x-www-form-urlencoded; charset*=x''a"}

    assert call("GET", "/livez", **strange).status == 200
    assert call("POST", "/admin/login/", body=b"username=a", **strange).status == 403  # no CSRF token


@pytest.mark.parametrize("charset", ["base64", "rot13", "hex", "zlib", "punycode", "undefined", "idna", "utf-16"])
@pytest.mark.parametrize("content_type", ["application/json", FORM, "multipart/form-data; boundary=b"])
def test_text_is_always_read_as_utf8(content_type: str, charset: str) -> None:
    strange: Any = {"CONTENT_TYPE": f"{content_type}; charset={charset}"}

    for path in ("/api/auth/signup?a=b", "/admin/login/?next=b", "/livez?a=b"):
        assert call("POST", path, body=b'{"phone": "1"}', **strange).status in (400, 403, 405)


@pytest.mark.parametrize("path", ["/api/auth/signup", "/admin/login/"])
def test_names_of_unknown_encodings_are_not_kept(path: str) -> None:
    """In the heads of parts, each parameter may name an encoding of its own."""
    heads = [b"%d:; x*=kept_%d''a" % (number, number) for number in range(100)]
    body = b"".join(
        b"--b\r\n" + b"\r\n".join(heads[start : start + 20]) + b"\r\n\r\n\r\n" for start in range(0, 100, 20)
    )
    cookie: Any = {"HTTP_COOKIE": f"{settings.CSRF_COOKIE_NAME}={'a' * 32}"}  # otherwise the admin reads no body

    call("POST", path, body=body + END, CONTENT_TYPE=PARTS, **cookie)

    dictionaries = (each for each in gc.get_objects() if type(each) is dict)
    assert not [number for each in dictionaries for number in (0, 99) if f"kept_{number}" in each]


def refuses(text: str) -> bool:
    with pytest.raises(phones.InvalidPhone):
        phones.normalise(text)
    return True


@pytest.mark.parametrize(
    "text", ["9" * 10**6, "9" + "\u0301\u0316" * 10_000, " " * 10**6, "+" + "(-" * 10**5], ids=range(4)
)
def test_long_text_is_refused_as_a_phone_quickly(text: str) -> None:
    assert quickly(lambda: refuses(text))


def test_number_longer_than_e164_allows_is_refused(settings: Any) -> None:
    """E.164 (6.2.1) allows fifteen digits, and the database stores no more."""
    settings.PHONE_REGIONS = ["ID"]

    assert refuses("+6200100000000000")


def test_refusal_of_a_page_has_the_language_of_its_own_request_and_security_headers() -> None:
    client(HTTP_ACCEPT_LANGUAGE="ru").get("/api/v1/profiles/me")

    answer = client(HTTP_ACCEPT_LANGUAGE="en").post("/admin/", {"text": "x" * 70_000})

    assert (answer.status_code, answer["Content-Language"]) == (413, "en")
    assert answer.json()["detail"].isascii()
    assert answer["X-Content-Type-Options"] == "nosniff"


# Kinds of parts that take long to read. A body of 64 KiB of them took up to 75 ms of a processor.
SLOW_PARTS = {
    "parts": part(b"a"),
    "parameters": part(b"a", b";" * 500),
    "lines": part(b"a", b"\r\na" * 500),
    "short punycode": part(b"a", b"; name*=punycode''" + b"a" * 40 + b"%41"),
    "long punycode": part(b"a", b"; name*=punycode''" + b"a" * 900 + b"%41"),
}


@pytest.mark.parametrize("path", ["/api/auth/signup", "/admin/login/"])
@pytest.mark.parametrize("piece", SLOW_PARTS.values(), ids=SLOW_PARTS)
def test_body_of_parts_is_short(path: str, piece: bytes) -> None:
    cookie: Any = {"HTTP_COOKIE": f"{settings.CSRF_COOKIE_NAME}={'a' * 32}"}  # otherwise the admin reads no body
    most = full_of_parts(piece, END)
    longer = most.ljust(settings.PARTS_MAX_BYTES + 1)

    read, refused = (call("POST", path, body=body, CONTENT_TYPE=PARTS, **cookie) for body in (most, longer))

    assert read.status in (400, 403)
    assert thread_seconds(lambda: call("POST", path, body=most, CONTENT_TYPE=PARTS, **cookie), 5) < 0.025
    assert (refused.status, refused.code) == (413, "payload_too_large")


def test_fields_of_a_form_are_few() -> None:
    most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    bodies = [b"other=1&" * (most - 1 + more) + b"phone=1" for more in (0, 1)]

    codes = [call("POST", "/api/auth/signup", body=body, CONTENT_TYPE=FORM).code for body in bodies]

    assert codes == ["invalid_phone", "invalid"]


@pytest.mark.parametrize(("path", "status"), [("/api/auth/signup", 400), ("/admin/login/", 403)])
def test_escapes_in_a_form_are_few(settings: Any, path: str, status: int) -> None:
    cookie: Any = {"HTTP_COOKIE": f"{settings.CSRF_COOKIE_NAME}={'a' * 32}"}
    bodies = (b"phone=1&a=" + b"%" * escapes for escapes in (10_000, 10_001))

    read, refused = (call("POST", path, body=body, CONTENT_TYPE=FORM, **cookie) for body in bodies)

    assert read.status == status and b'"invalid"' not in read.body
    assert (refused.status, refused.code) == (400, "invalid")


def test_all_rows_that_a_list_of_the_admin_shows_can_be_selected(settings: Any) -> None:
    shown = [
        admin.site.get_model_admin(model).list_max_show_all
        for model in apps.get_models()
        if admin.site.is_registered(model)
    ]

    assert max(shown) + 20 <= settings.DATA_UPLOAD_MAX_NUMBER_FIELDS

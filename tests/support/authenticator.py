"""An operator's authenticator, as an app on a phone."""

import re
import time
from binascii import unhexlify
from typing import Any
from urllib.parse import urlencode

from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.support.operators import PASSWORD, log_in, operator
from users.models import User
from users.operators import second_factor

# RFC 6238 has it as an example.
SECRET = "3132333435363738393031323334353637383930"
PAGE = "/admin/second-factor/"
CODE_PAGE = "/admin/second-factor/code/"


def code(steps: int = 0, secret: str = SECRET) -> str:
    """The code that the authenticator shows now, or this many times 30 seconds later."""
    shown = TOTP(unhexlify(secret))
    shown.time = time.time() + 30 * steps
    return f"{shown.token():06}"


def wrong_code(number: int = 0) -> str:
    """A code that is not valid in these minutes, another one for each number."""
    valid = {code(steps) for steps in range(-3, 7)}
    others = (f"{guess:06}" for guess in range(number, 1_000_000))
    return next(guess for guess in others if guess not in valid)


def later(user: User) -> None:
    """Some minutes pass: the codes that were used are old."""
    TOTPDevice.objects.filter(user=user).update(last_t=-1)


def enrolled(phone: str = "9991119998", **values: Any) -> tuple[User, list[str]]:
    """An operator with a second factor, and the recovery codes."""
    user = operator(phone, **values)
    _, codes = second_factor.enrol(user, SECRET, code(), second_factor.token_to_set_up(user))
    later(user)
    return user, codes


def with_password(phone: str = "9991119998", query: str = "", **meta: Any) -> Client:
    """A browser in which the password was entered."""
    browser = Client(**meta)
    assert log_in(phone, browser=browser, query=query).status_code == 302
    return browser


def enter(browser: Client, text: str, path: str = CODE_PAGE, **fields: str) -> Any:
    """Send the form as browsers do. Django's client would send it in parts, of which only 4 KB are read."""
    body = urlencode({"code": text, **fields})
    return browser.post(path, body, content_type="application/x-www-form-urlencoded")


def offered(browser: Client) -> tuple[str, dict[str, str]]:
    """The secret of the authenticator that the page offers to set up, and the field that the form sends back."""
    form = browser.get(PAGE).context["form"]
    return form.secret, {"signed_secret": form.signed_secret}


def set_up(browser: Client, token: str = "") -> list[str]:
    """Set up an authenticator in this browser. Returns the recovery codes."""
    secret, field = offered(browser)
    return shown_recovery_codes(enter(browser, code(secret=secret), PAGE, password=PASSWORD, token=token, **field))


def is_inside(browser: Client) -> bool:
    return browser.get("/admin/").status_code == 200


def shown_recovery_codes(answer: Any) -> list[str]:
    return re.findall(r"^(?:<pre[^>]*>)?((?:[a-z2-7]{4}-){3}[a-z2-7]{4})$", answer.content.decode(), re.MULTILINE)


def shown_token(text: str) -> str:
    """The token for setting up the second factor in what a page or a command says."""
    (token,) = re.findall(r"\b(?:[a-z2-7]{4}-){3}[a-z2-7]{4}\b", text)
    return token

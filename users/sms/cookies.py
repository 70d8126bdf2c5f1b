"""No provider needs a cookie. httpx would keep those of all answers, for all gateways of a worker and for ever."""

from http.cookiejar import CookieJar
from typing import Any


class NoCookies(CookieJar):
    """Reads none and keeps none.

    An answer may have thousands of them, and httpx copies all that are kept for each SMS to any gateway.
    """

    def extract_cookies(self, response: Any, request: Any) -> None:
        """`CookieJar` would keep those of this response here."""

"""Sends requests: time limits, repeated requests, and refusals as exceptions."""

import time
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from inviting_app_client.problem import UNAVAILABLE, Problem

# Seconds without progress after which an attempt is given up. A repeated log-in must arrive within ten seconds.
ATTEMPT_SECONDS = 8.0
# How often a request is sent until there is a response. Every request of the API may be repeated.
ATTEMPTS = 3
# Seconds before the third attempt; twice as many before the fourth. The second follows at once.
PAUSE = 0.5


class Sender:
    """A connection to the service. May be used by several threads.

    `longest_wait` is in seconds: requests that wait for `Retry-After` wait no longer than that in all.
    """

    def __init__(
        self, site: str, headers: Mapping[str, str], transport: httpx.BaseTransport | None, longest_wait: float
    ) -> None:
        self._longest_wait = longest_wait
        # The tokens are kept by the client, so cookies are neither stored nor sent.
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._http = httpx.Client(
            base_url=site, headers=headers, transport=transport, timeout=ATTEMPT_SECONDS, cookies=no_cookies
        )

    def close(self) -> None:
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, Any] | None = None,
        token: str | None = None,
        attempts: int = ATTEMPTS,
        waits: bool = False,
    ) -> Any:
        """The response to a request that is sent again if the response is lost. Raises Problem.

        With `waits`, and always for a GET, it is also sent again after `Retry-After`.
        """
        lost, waited = 0, 0.0
        while True:
            try:
                return self._attempt(method, path, body, query, token)
            except Problem as problem:
                if problem.status == 0 and (lost := lost + 1) < attempts:
                    pause = PAUSE * (lost - 1)
                elif lost and has_ended(method, problem):
                    return None
                elif (waits or method == "GET") and 0 < (problem.retry_after or 0) <= self._longest_wait - waited:
                    pause = float(problem.retry_after or 0)
                    waited += pause
                else:
                    raise
            time.sleep(pause)

    def _attempt(self, method: str, path: str, body: object, query: Mapping[str, Any] | None, token: str | None) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        given = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            response = self._http.request(method, path, json=body, params=given, headers=headers)
            return content_of(response)
        except (httpx.RequestError, ValueError) as error:
            raise Problem(0, {"code": UNAVAILABLE}) from error


def has_ended(method: str, problem: Problem) -> bool:
    """Whether this refusal of a repeated request means that an earlier one, without a response, succeeded."""
    return method == "DELETE" and (problem.status == 404 or problem.code == "token_revoked")


def content_of(response: httpx.Response) -> Any:
    """The body of a response. Raises Problem if it is one, and ValueError if it is not of the service."""
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    if response.status_code == 204:
        return None
    if response.is_success:
        if kind == "text/csv":
            return response.text
        if kind == "application/json":
            return response.json()
    if response.is_error and kind == "application/problem+json":
        members = response.json()
        if isinstance(members, dict) and "code" in members:
            raise Problem(response.status_code, members)
    raise ValueError(f"Status {response.status_code} and type {kind!r} are not of this service.")

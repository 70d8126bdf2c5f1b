"""Whether the SMS gateways can be reached, without sending anything."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import Future
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
from apprise import Apprise

from inviting_app.ops.doctor import Finding, fail, ok, warn
from users.clock import database_now
from users.models import SmsGateway
from users.sms.breaker import FAILURES
from users.sms.gateways import NUMBER, configured

# Seconds for one connection in all: name servers, TCP and TLS.
TIMEOUT = 5.0


class Peer(NamedTuple):
    """Where a gateway's plug-in connects to. Only the host of a provider's own API is surely no secret."""

    host: str
    port: int
    is_http: bool
    tls: ssl.SSLContext | None = None
    is_public: bool = False

    @property
    def name(self) -> str:
        return self.host if self.is_public else "its host"


class Unreachable(Exception):
    """No connection; the reason, and how to mend it."""

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(reason)
        self.mend = mend


def reachable() -> Iterator[Finding]:
    """Connect to all of them at once, so that several that do not answer take no longer than one."""
    deadline = time.monotonic() + TIMEOUT
    under_way = [(gateway.name, _begin(gateway.url)) for gateway in configured()]
    for name, outcome in under_way:
        try:
            yield ok(f"gateway {name}: {outcome.result(max(0.0, deadline - time.monotonic()))}")
        except Unreachable as error:
            yield fail(f"gateway {name}: {error}", error.mend)
        except TimeoutError:
            yield fail(
                f"gateway {name}: no answer in {TIMEOUT:g} s",
                "The gateway is down, a firewall is in the way, or host and port in SMS_GATEWAYS are wrong.",
            )


def health() -> Iterator[Finding]:
    """What the sends of late have shown, as the workers have written it down."""
    names = {gateway.name for gateway in configured()}
    now = database_now()
    for row in SmsGateway.objects.filter(name__in=names, failures__gt=0).order_by("name"):
        seen = f"failures in a row: {row.failures}"
        if row.failed_at:
            seen += f", last at {row.failed_at:%F %T} UTC ({row.error or 'no reason given'})"
        if row.skipped_until and row.skipped_until > now:
            seen += f"; skipped until {row.skipped_until:%T} UTC if another takes the messages"
        found = fail if row.failures >= FAILURES else warn
        yield found(
            f"gateway {row.name}: {seen}",
            "HTTP 401 or 403: check the account in its URL; 402: pay; no connection: see its line above; else ask the "
            "provider. It is tried again by itself.",
        )


def _begin(url: str) -> Future[str]:
    outcome: Future[str] = Future()

    def run() -> None:
        try:
            outcome.set_result(_connect(url))
        except (Unreachable, TimeoutError) as error:
            outcome.set_exception(error)
        except Exception as error:  # whatever it is, its text may quote the URL
            outcome.set_exception(Unreachable(f"could not be tried: {type(error).__name__}", "Report this defect."))

    # A thread that nobody waits for: a name server that does not answer must not hold up the rest.
    Thread(target=run, daemon=True).start()
    return outcome


def _connect(url: str) -> str:
    """Open a connection to where messages would go, and close it; what to say of it.

    Raises Unreachable.
    """
    plugin = Apprise.instantiate(url.replace("{phone}", NUMBER))
    if plugin is None:
        raise Unreachable(
            "Apprise cannot use its URL",
            "Compare it with https://appriseit.com/services/; write special characters of a password as %XX.",
        )
    peer = peer_of(plugin)
    if peer is None:
        return "its URL is well-formed; where it connects to is not known here, so it was not tried"
    if peer.is_http and _has_proxy(peer):
        return "its URL is well-formed; it goes through the proxy that the environment names, so it was not tried"
    try:
        with socket.create_connection((peer.host, peer.port), TIMEOUT) as connection:
            if peer.tls:
                peer.tls.wrap_socket(connection, server_hostname=peer.host).close()
    except (OSError, UnicodeError) as error:
        raise _reason(error, peer) from None
    return f"answers on port {peer.port}{' with TLS' if peer.tls else ''}"


def peer_of(plugin: Any) -> Peer | None:
    """Where this plug-in of Apprise connects to; None where that does not follow from what plug-ins have in common.

    Most have a fixed address of their provider's API in `notify_url` (Twilio has two kinds). The others, which go to a
    host of the deployer's, have it in their `templates`; there, a scheme that ends in s means TLS, but not for SMPP,
    which Apprise always speaks in the clear.
    """
    urls = (getattr(plugin, name, None) for name in ("notify_url", "notify_sms_url"))
    api = urlsplit(next((url for url in urls if isinstance(url, str)), ""))
    takes_host = bool(plugin.host) and any("{host}" in template for template in plugin.templates)
    if api.scheme in ("http", "https") and api.hostname and "{" not in api.netloc:
        return _http(plugin, api.hostname, api.port, api.scheme == "https")._replace(is_public=True)
    if not takes_host:
        return None
    if plugin.schema.startswith("smpp"):
        default = plugin.default_secure_port if plugin.secure else plugin.default_port
        return Peer(plugin.host, plugin.port or default, is_http=False)
    return _http(plugin, plugin.host, plugin.port, plugin.secure or api.scheme == "https")


def _http(plugin: Any, host: str, port: int | None, secure: bool) -> Peer:
    host = host.strip("[]")  # of an IPv6 address
    if not secure:
        return Peer(host, port or 80, is_http=True)
    # The authorities that requests, by which Apprise sends, believes in.
    tls = ssl.create_default_context(cafile=os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where())
    if not plugin.verify_certificate:
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    return Peer(host, port or 443, is_http=True, tls=tls)


def _has_proxy(peer: Peer) -> bool:
    proxies = getproxies()
    named = proxies.get("https" if peer.tls else "http") or proxies.get("all")
    return bool(named) and not proxy_bypass(peer.host)


def _reason(error: OSError | UnicodeError, peer: Peer) -> Exception:
    if isinstance(error, TimeoutError):
        return error
    settings = "" if peer.is_public else "Check host and port in SMS_GATEWAYS. "
    if isinstance(error, socket.gaierror | UnicodeError):
        what, mend = f"the name of {peer.name} cannot be resolved", "Check the name servers in /etc/resolv.conf."
    elif isinstance(error, ssl.SSLCertVerificationError):
        # Up to the comma, after which the host is quoted.
        what = f"the certificate of {peer.name} is not accepted: {error.verify_message.partition(',')[0]}"
        mend = "Check this machine's clock. An authority of your own goes into REQUESTS_CA_BUNDLE."
    elif isinstance(error, ssl.SSLError):
        what = f"{peer.name} does not speak TLS on port {peer.port}"
        mend = "A scheme without its last s, such as json://, does without TLS."
    elif isinstance(error, ConnectionRefusedError):
        what, mend = f"{peer.name} refuses connections on port {peer.port}", "The gateway may be down."
    else:
        what = f"no connection to {peer.name}: {os.strerror(error.errno or 0)}"
        mend = "Check this machine's network and firewall."
    return Unreachable(what, settings + mend)

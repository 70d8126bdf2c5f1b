"""Names of cookies. Browsers share cookies among all ports of a host, so two instances there need different names."""

import hmac
import re
from ipaddress import ip_address
from urllib.parse import urlsplit

# Ends of names that every machine or network may use for itself (RFC 2606, 6761, 6762, 8375, and ICANN's `internal`).
_OF_A_NETWORK = re.compile(r"\.(localhost|local|test|invalid|internal|lan|home\.arpa)$")


def suffix(site_url: str, secret: str) -> str:
    """The end of each cookie's name: empty under a public name with the default port; otherwise the instance's own.

    Two instances differ in their address or in their key. `secret` is the oldest key, so that the names outlive a
    rotation.
    """
    site = urlsplit(site_url)
    if site.port is None and is_public(site.hostname or ""):
        return ""
    return f"_{hmac.digest(secret.encode(), f'names of cookies {site_url}'.encode(), 'sha256').hex()[:8]}"


def of_admin(site_url: str, suffix: str) -> tuple[str, str]:
    """The names of the admin's cookies: of the session, and of the token against forged requests.

    With https, browsers accept a name that begins with `__Host-` from this host alone (RFC 6265bis, 4.1.3.2). Otherwise
    another subdomain could set one, and an operator would work in the session of somebody else.
    """
    prefix = "__Host-" if site_url.startswith("https:") else ""
    return f"{prefix}sessionid{suffix}", f"{prefix}csrftoken{suffix}"


def is_public(host: str) -> bool:
    """Whether the host is a name in the public DNS, not an address or a name of this machine or network."""
    try:
        ip_address(host)
    except ValueError:
        return "." in host and not _OF_A_NETWORK.search(host)
    return False

"""Where webhooks may go: public addresses with https, and those of WEBHOOK_PRIVATE_ADDRESSES also with http.

An operator who may only set up webhooks must not reach the inner network of the service through it. `network` connects
to checked addresses only.
"""

import re
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as N_

Address = IPv4Address | IPv6Address

# A name or an address, and a port.
_HOST = re.compile(r"([\w-]+(\.[\w-]+)*\.?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII)

# The last 32 bits are an IPv4 address, to which a gateway of the network connects (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")
# All other addresses of the IPv6 internet. Some versions of Python take others for global too: those of a local NAT64,
# for example, and the former site-local addresses.
_IPV6_INTERNET = IPv6Network("2000::/3")
# Some versions also take a part of this network for global. It is for protocols, and some clouds have services there.
_IPV4_PROTOCOLS = IPv4Network("192.0.0.0/24")

PRIVATE = N_(
    "This address is not public. Use a public one, or ask whoever runs the service to add it to"
    " WEBHOOK_PRIVATE_ADDRESSES."
)
NO_HTTP = N_("Use https. http is for addresses of WEBHOOK_PRIVATE_ADDRESSES only.")


class UrlNotAllowed(Exception):
    """Webhooks cannot go to this URL. The text says why, for the operator."""


def is_private_allowed(address: Address) -> bool:
    """Whether WEBHOOK_PRIVATE_ADDRESSES contains this address."""
    return any(address in network for network in settings.WEBHOOK_PRIVATE_ADDRESSES)


def is_public(address: Address) -> bool:
    """Whether this is an address of one machine in the internet. One inside another is looked at too."""
    if isinstance(address, IPv6Address):
        if inner := address.ipv4_mapped or (address in _NAT64 and IPv4Address(int(address) & 0xFFFFFFFF)):
            return is_public(inner)
        if address.sixtofour or address.teredo or address not in _IPV6_INTERNET:
            return False
    return address.is_global and not address.is_multicast and address not in _IPV4_PROTOCOLS


def is_allowed(address: Address, scheme: str) -> bool:
    return is_private_allowed(address) or (scheme == "https" and is_public(address))


def checked(url: str) -> str:
    """The URL of an endpoint as it is sent: with an international name in punycode. Raises UrlNotAllowed.

    A name is resolved only when a webhook is sent.
    """
    import httpx  # which says what an international name may be. A web process seldom needs it

    try:
        parts = httpx.URL(url.strip())
    except httpx.InvalidURL:
        raise UrlNotAllowed(_("This is not a URL.")) from None
    is_port = parts.port is None or 0 < parts.port < 65_536
    if parts.scheme not in ("https", "http") or not _HOST.fullmatch(parts.netloc.decode()) or not is_port:
        raise UrlNotAllowed(_("Write a URL such as https://example.org/webhooks."))
    if parts.userinfo or parts.fragment:
        raise UrlNotAllowed(_("Leave out the user, the password and what follows #: they are not sent."))
    with suppress(ValueError):
        address = ip_address(parts.host)
        if not is_public(address) and not is_private_allowed(address):
            raise UrlNotAllowed(_(PRIVATE))
        if not is_allowed(address, parts.scheme):
            raise UrlNotAllowed(_(NO_HTTP))
    if parts.scheme == "http" and not settings.WEBHOOK_PRIVATE_ADDRESSES:
        raise UrlNotAllowed(_(NO_HTTP))
    return f"{parts.scheme}://{parts.netloc.decode()}{parts.raw_path.decode()}"

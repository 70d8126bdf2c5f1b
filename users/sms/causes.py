"""Why there is no connection to a gateway."""

import errno
import socket
import ssl

from users.sms.answers import Cause

_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN)


def cause_of(error: BaseException | None) -> Cause | None:
    """The cause of this error, as it or one of those that led to it tells. Their texts may have an address."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:  # two errors may have led to each other
        if found := _cause(error):
            return found
        seen.add(id(error))
        # A group has the errors of the addresses of one host.
        of_last = error.exceptions[-1] if isinstance(error, BaseExceptionGroup) else None
        error = of_last or error.__cause__ or error.__context__
    return None


def _cause(error: BaseException) -> Cause | None:
    if isinstance(error, socket.gaierror):
        return Cause.LOOKUP if error.errno == socket.EAI_AGAIN else Cause.UNKNOWN_HOST
    if isinstance(error, ssl.SSLCertVerificationError):
        return Cause.CERTIFICATE
    if isinstance(error, ssl.SSLError):
        return Cause.TLS
    if isinstance(error, ConnectionRefusedError):
        return Cause.REFUSED
    if isinstance(error, TimeoutError):
        return Cause.TIMEOUT
    return Cause.UNREACHABLE if isinstance(error, OSError) and error.errno in _UNREACHABLE else None

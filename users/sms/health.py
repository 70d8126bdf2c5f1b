"""What operators read about the health of a gateway, and what they should do about it."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from users.models import SmsGateway
from users.sms import breaker, gateways
from users.sms.answers import Reason


@dataclass(frozen=True)
class Trouble:
    what: str
    todo: str
    # In one or two words, for a list.
    state: str
    # Whether users notice it already.
    is_urgent: bool = True


@dataclass(frozen=True)
class Status:
    # In one or two words.
    name: str
    # How the admin marks it: `good`, `bad`, or empty for neither.
    tone: str
    # What an operator should do. Empty if there is nothing to do.
    todo: str


def status(gateway: SmsGateway, now: datetime) -> Status:
    """How this gateway is, in the current language."""
    if gateway.name not in gateways.names():
        return Status(pgettext("gateway", "not used"), "", _("It is no longer in SMS_GATEWAYS."))
    if found := trouble(gateway, now):
        return Status(found.state, "bad", found.todo)
    return Status(pgettext("gateway", "works"), "good", "")


def trouble(gateway: SmsGateway, now: datetime) -> Trouble | None:
    """What is wrong with this gateway, in the current language. None if it works, or is no longer configured."""
    if gateway.name not in gateways.names():
        return None
    said = {"gateway": str(gateway), "error": gateway.described_error, "count": gateway.failures}
    if gateway.refuses_account:
        todo = _("Check the account at the provider and in SMS_GATEWAYS. It is tried again by itself.")
        if gateway.error.partition(" ")[0] == Reason.CREDIT:
            todo = _("Add credit at the provider. It is tried again by itself.")
        return Trouble(_("Gateway %(gateway)s takes no SMS: %(error)s.") % said, todo, _("takes no SMS"))
    if gateway.failures < breaker.FAILURES:
        return _refusing(gateway) if gateway.refuses_all else None
    what = _("Gateway %(gateway)s failed %(count)d times in a row: %(error)s.") % said
    is_open = gateway.circuit_open_until is not None and gateway.circuit_open_until > now
    return Trouble(what, _todo_about_failures(gateway), pgettext("gateway", "fails"), is_urgent=is_open)


def _todo_about_failures(gateway: SmsGateway) -> str:
    todo = _("Ask its provider whether there is a fault.")
    if gateway.error.partition(" ")[0] == Reason.NO_CONNECTION:
        todo = _("Check HOST in its URL, the name server, the firewall, HTTPS_PROXY and SSL_CERT_FILE of this machine.")
    if len(gateways.names()) == 1:
        return todo
    return todo + " " + _("The other gateways are asked first meanwhile.")


def _refusing(gateway: SmsGateway) -> Trouble:
    said = {"gateway": str(gateway), "error": gateway.described_error, "count": gateway.refusals}
    what = _("Gateway %(gateway)s refused the last %(count)d SMS: %(error)s.") % said
    todo = _(
        "Send one to your own phone, which shows the provider's answer: manage.py send_test_sms PHONE --gateway"
        " %(place)s."
    ) % {"place": gateway.name.partition(" ")[0]}
    return Trouble(what, todo, _("refuses all SMS"))

"""A diagnosis in words: first what keeps codes from arriving, then the tables that show it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from django.utils.text import capfirst, get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from users.admin.sections import Columns, Section, columns, heading, table
from users.login import codes
from users.login.challenges import LimitReached
from users.login.diagnosis import Diagnosis, Outcome, Prediction
from users.login.risk import LongCodeReason
from users.models import LoginCode, SmsDelivery, SmsGateway

State = SmsDelivery.State

# A free worker takes an SMS at once. After this time in the queue, no worker is free.
LONG_WAIT = timedelta(seconds=10)

OUTCOMES = {
    Outcome.SENT: gettext_lazy("an SMS is sent"),
    Outcome.ATTACHED: gettext_lazy("no SMS, the code in the last one stays valid"),
    Outcome.REFUSED: gettext_lazy("refused for now"),
}

LONG_CODE_REASONS = {
    LongCodeReason.DAY: gettext_lazy("too many requests and wrong guesses in 24 hours"),
    LongCodeReason.MONTH: gettext_lazy("too many requests and wrong guesses in 30 days"),
    LongCodeReason.SITE: gettext_lazy("too many requests and wrong guesses on the whole site"),
    LongCodeReason.OPERATOR: gettext_lazy("operators get long codes on new devices"),
}

SEND_LIMITS = {
    LimitReached.RESEND_INTERVAL: gettext_lazy("the resend interval after the last SMS is not over"),
    LimitReached.SITE: gettext_lazy("SMS_PER_DAY is used up"),
    LimitReached.NUMBER_PREFIX: gettext_lazy("SMS_GUARD rejects unverified numbers with this country or prefix"),
    LimitReached.LONG_CHALLENGES: gettext_lazy("the long-code challenge limit of the phone number is reached"),
}

LAST_SEND = {
    State.QUEUED: ("warning", gettext_lazy("The last SMS is still in the queue: no gateway has accepted it yet.")),
    State.SENT: ("success", gettext_lazy("A gateway accepted the last SMS. Its provider knows what happened then.")),
    State.FAILED: ("error", gettext_lazy("No gateway accepted the last SMS before its code expired.")),
    State.DROPPED: ("error", gettext_lazy("The last SMS was not sent: its code expired before a gateway was tried.")),
}


def findings(found: Diagnosis) -> Iterator[tuple[str, Any]]:
    """What keeps codes from arriving or from working, most important first, each with a level of Django's messages."""
    user, queue = found.user, found.queue
    if user.erased_at:
        yield "error", _("The user is erased and has no phone number any more.")
    elif not user.is_active:
        yield "error", _("The user is disabled: codes are sent but do not sign in.")
    elif not user.verified_at:
        yield "warning", _("The user is not verified: no correct code was ever entered.")
    if found.demo:
        yield "warning", _("Demo mode: no SMS is sent. The code is in the response and in the log.")
    if not queue.workers:
        yield "error", _("No worker is running: nothing is sent.")
    if queue.waited > LONG_WAIT:
        yield "error", _("SMS are waiting for a worker, the first one for %(time)s.") % {"time": brief(queue.waited)}
    if skipped := [gateway.name for gateway in found.gateways if gateway.circuit_open_until]:
        yield (
            "warning",
            _("Gateways that keep failing are tried last: %(gateways)s.") % {"gateways": ", ".join(skipped)},
        )
    if found.demo:
        return
    if not found.sends:
        yield "warning", _("No SMS was requested recently.")
    elif found.sends[0].gateway == "demo":
        yield "warning", _("The last code was requested in demo mode: it is in the log.")
    else:
        yield LAST_SEND[State(found.sends[0].state)]


def tables(found: Diagnosis) -> list[Section]:
    sends: Columns = {
        _("requested"): attrgetter("created_at"),
        _("from"): lambda send: _device(send.login_code.device_id),
        _("length"): attrgetter("login_code.length"),
        heading(SmsDelivery, "state"): SmsDelivery.get_state_display,
        **columns(SmsDelivery, "gateway error finished_at"),
        _("the code"): lambda send: _code(send.login_code, found.now),
    }
    predictions: Columns = {
        _("from"): _predicted_device,
        _("length"): _predicted_length,
        _("result"): lambda one: _because(OUTCOMES[one.outcome], [SEND_LIMITS[limit] for limit in one.limits_reached]),
        _("next SMS"): lambda one: _next_send(one.delay, found.now),
    }
    queue: Columns = {
        _("running workers"): attrgetter("workers"),
        _("last heartbeat"): attrgetter("last_heartbeat"),
        _("longest wait of an SMS"): lambda queue: brief(queue.waited) if queue.waited else "",
    }
    gateways = columns(SmsGateway, "name failures error failed_at circuit_open_until")
    sent = _("“Sent” means that the gateway accepted the SMS.")
    limits = _("Each network address also has limits of its own. The address of the next request is not known here.")
    return [
        table(_("The last SMS"), sends, found.sends, _cell, note=sent),
        table(_("If a code were requested now"), predictions, found.predictions, _cell, note=limits),
        table(capfirst(str(SmsGateway._meta.verbose_name_plural)), gateways, found.gateways, _cell),
        table(_("The queue"), queue, [found.queue], _cell),
    ]


def times(found: Diagnosis) -> str:
    return _("Times are in UTC. It is %(now)s.") % {"now": _cell(found.now)}


def brief(time: timedelta) -> str:
    """Hours, minutes and seconds, rounded up."""
    return str(timedelta(seconds=-(-time // timedelta(seconds=1))))


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "—" if value in (None, "") else str(value)


def _device(key: int | None) -> str:
    return _("known device %(number)d") % {"number": key} if key else _("new device")


def _code(code: LoginCode, now: datetime) -> str:
    if code.used_at:
        return _("used %(time)s") % {"time": _cell(code.used_at)}
    text = _("valid until %(time)s") if code.expires_at > now else _("not used, expired %(time)s")
    return text % {"time": _cell(code.expires_at)}


def _predicted_device(prediction: Prediction) -> str:
    device = _device(prediction.device.pk if prediction.device else None)
    used_up = _("%(device)s, treated as new: its own codes are used up")
    return used_up % {"device": device} if prediction.treated_as_new else device


def _predicted_length(prediction: Prediction) -> str:
    if prediction.length != codes.LONG:
        return str(prediction.length)
    reasons = [LONG_CODE_REASONS[reason] for reason in prediction.long_code_reasons]
    return _because(prediction.length, reasons or [_("another short code may not be sent yet")])


def _next_send(delay: timedelta, now: datetime) -> str:
    return _("%(time)s, in %(wait)s") % {"time": _cell(now + delay), "wait": brief(delay)} if delay else _("now")


def _because(result: Any, reasons: Sequence[Any]) -> str:
    return f"{result}: {get_text_list([str(one) for one in reasons], _('and'))}" if reasons else str(result)

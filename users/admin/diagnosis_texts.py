"""A diagnosis in words: first what keeps codes from arriving, then the tables that show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.text import capfirst, get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from users.admin.sections import Section
from users.login import codes
from users.login.challenges import LimitReached
from users.login.diagnosis import Diagnosis, GatewayStatus, Outcome, Prediction
from users.login.risk import LongCodeReason
from users.models import LoginCode, SmsDelivery, SmsGateway, User

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
    State.DROPPED: (
        "error",
        gettext_lazy("The last SMS was not sent: its code expired before a gateway was tried."),
    ),
}


@dataclass(frozen=True)
class Finding:
    # `error`, `warning` or `success`, as the admin's messages have them.
    level: str
    text: str


def findings(found: Diagnosis) -> list[Finding]:
    """What keeps codes from arriving or from working, most important first."""
    last_send = [] if found.demo else [_of_last_send(found)]
    return [*_of_user(found.user), *_of_service(found), *last_send]


def tables(found: Diagnosis) -> list[Section]:
    return [_sends(found), _predictions(found), _gateways(found), _queue(found)]


def times(found: Diagnosis) -> str:
    return _("Times are in UTC. It is %(now)s.") % {"now": clock(found.now)}


def clock(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}" if time else "—"


def brief(time: timedelta) -> str:
    """Hours, minutes and seconds, rounded up."""
    return str(timedelta(seconds=-(-time // timedelta(seconds=1))))


def _of_user(user: User) -> list[Finding]:
    if user.erased_at:
        return [Finding("error", _("The user is erased and has no phone number any more."))]
    if not user.is_active:
        return [Finding("error", _("The user is disabled: codes are sent but do not sign in."))]
    if not user.verified_at:
        return [Finding("warning", _("The user is not verified: no correct code was ever entered."))]
    return []


def _of_service(found: Diagnosis) -> list[Finding]:
    told = []
    if found.demo:
        text = _("Demo mode: no SMS is sent. The code is in the response and in the log.")
        told.append(Finding("warning", text))
    if not found.queue.workers:
        told.append(Finding("error", _("No worker is running: nothing is sent.")))
    if found.queue.waited > LONG_WAIT:
        text = _("SMS are waiting for a worker, the first one for %(time)s.") % {"time": brief(found.queue.waited)}
        told.append(Finding("error", text))
    if skipped := [gateway.name for gateway in found.gateways if gateway.circuit_open_until]:
        text = _("Gateways that keep failing are tried last: %(gateways)s.") % {"gateways": ", ".join(skipped)}
        told.append(Finding("warning", text))
    return told


def _of_last_send(found: Diagnosis) -> Finding:
    if not found.sends:
        return Finding("warning", _("No SMS was requested recently."))
    if found.sends[0].gateway == "demo":
        return Finding("warning", _("The last code was requested in demo mode: it is in the log."))
    level, text = LAST_SEND[State(found.sends[0].state)]
    return Finding(level, str(text))


def _predictions(found: Diagnosis) -> Section:
    return Section(
        _("If a code were requested now"),
        [_("from"), _("length"), _("result"), _("next SMS")],
        [_prediction(one, found.now) for one in found.predictions],
        _("Each network address also has limits of its own. The address of the next request is not known here."),
    )


def _prediction(prediction: Prediction, now: datetime) -> list[str]:
    device = _device(prediction.device.pk if prediction.device else None)
    if prediction.treated_as_new:
        device = _("%(device)s, treated as new: its own codes are used up") % {"device": device}
    why_long = [str(LONG_CODE_REASONS[reason]) for reason in prediction.long_code_reasons] or [
        _("another short code may not be sent yet")
    ]
    length = _because(str(prediction.length), why_long if prediction.length == codes.LONG else [])
    outcome = _because(
        str(OUTCOMES[prediction.outcome]), [str(SEND_LIMITS[limit]) for limit in prediction.limits_reached]
    )
    if not prediction.delay:
        return [device, length, outcome, _("now")]
    next_send = _("%(time)s, in %(wait)s") % {"time": clock(now + prediction.delay), "wait": brief(prediction.delay)}
    return [device, length, outcome, next_send]


def _device(key: int | None) -> str:
    return _("known device %(number)d") % {"number": key} if key else _("new device")


def _because(text: str, reasons: list[str]) -> str:
    return f"{text}: {get_text_list(reasons, _('and'))}" if reasons else text


def _sends(found: Diagnosis) -> Section:
    state, gateway, error, finished = (
        _name(SmsDelivery, name) for name in ("state", "gateway", "error", "finished_at")
    )
    return Section(
        _("The last SMS"),
        [_("requested"), _("from"), _("length"), state, gateway, error, finished, _("the code")],
        [_send(send, found.now) for send in found.sends],
        _("“Sent” means that the gateway accepted the SMS."),
    )


def _send(send: SmsDelivery, now: datetime) -> list[str]:
    code = send.login_code
    sent = [send.get_state_display(), send.gateway or "—", send.error or "—", clock(send.finished_at)]
    return [clock(send.created_at), _device(code.device_id), str(code.length), *sent, _end(code, now)]


def _end(code: LoginCode, now: datetime) -> str:
    if code.used_at:
        return _("used %(time)s") % {"time": clock(code.used_at)}
    if code.expires_at > now:
        return _("valid until %(time)s") % {"time": clock(code.expires_at)}
    return _("not used, expired %(time)s") % {"time": clock(code.expires_at)}


def _gateways(found: Diagnosis) -> Section:
    names = ("name", "failures", "error", "failed_at", "circuit_open_until")
    return Section(
        capfirst(str(SmsGateway._meta.verbose_name_plural)),
        [_name(SmsGateway, name) for name in names],
        [_gateway(gateway) for gateway in found.gateways],
    )


def _gateway(gateway: GatewayStatus) -> list[str]:
    when = [clock(gateway.failed_at), clock(gateway.circuit_open_until)]
    return [gateway.name, str(gateway.failures), gateway.error or "—", *when]


def _queue(found: Diagnosis) -> Section:
    queue = found.queue
    headings = [_("running workers"), _("last heartbeat"), _("longest wait of an SMS")]
    row = [str(queue.workers), clock(queue.last_heartbeat), brief(queue.waited) if queue.waited else "—"]
    return Section(_("The queue"), headings, [row])


def _name(model: type[SmsDelivery | SmsGateway], field: str) -> str:
    return str(model._meta.get_field(field).verbose_name)  # type: ignore[union-attr]

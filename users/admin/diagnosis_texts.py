"""A diagnosis in words: what an operator should know first, and tables of what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.text import capfirst, get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from users.login import codes
from users.login.challenges import LimitReached
from users.login.diagnosis import Answer, Diagnosis, Outcome, Route
from users.login.risk import LongCodeReason
from users.models import LoginCode, SmsDelivery, SmsGateway, User

State = SmsDelivery.State

# A free worker takes an SMS at once: one that is due for so long waits for a worker.
LONG_WAIT = timedelta(seconds=10)

OUTCOMES = {
    Outcome.SENT: gettext_lazy("an SMS is sent"),
    Outcome.JOINED: gettext_lazy("no SMS, the code of the last one will do"),
    Outcome.REFUSED: gettext_lazy("refused for now"),
}

LONG_CODE_REASONS = {
    LongCodeReason.DAY: gettext_lazy("too many requests and wrong guesses in 24 hours"),
    LongCodeReason.MONTH: gettext_lazy("too many requests and wrong guesses in 30 days"),
    LongCodeReason.SITE: gettext_lazy("too many requests and wrong guesses on the whole site"),
    LongCodeReason.OPERATOR: gettext_lazy("operators get long codes on new devices"),
}

SEND_LIMITS = {
    LimitReached.GAP: gettext_lazy("the gap after the last SMS is not over"),
    LimitReached.SITE: gettext_lazy("SMS_PER_DAY is used up"),
    LimitReached.BLOCK: gettext_lazy("SMS_GUARD refuses unverified numbers of this country or block"),
    LimitReached.CEILING: gettext_lazy("the ceiling of long codes for one phone is reached"),
}

LAST_SEND = {
    State.QUEUED: ("warning", gettext_lazy("The last SMS is still in the queue: no gateway has taken it yet.")),
    State.SENT: ("success", gettext_lazy("The last SMS was taken by a gateway, whose operator knows where it went.")),
    State.FAILED: ("error", gettext_lazy("The last SMS was taken by no gateway while its code lived.")),
    State.DROPPED: (
        "error",
        gettext_lazy("The last SMS was not sent: before a gateway was asked, its code had ended."),
    ),
}


@dataclass(frozen=True)
class Finding:
    # `error`, `warning` or `success`, as the admin's messages have them.
    level: str
    text: str


@dataclass(frozen=True)
class Table:
    title: str
    headings: list[str]
    rows: list[list[str]]
    note: str = ""


def findings(found: Diagnosis) -> list[Finding]:
    """What keeps codes from arriving, or from being of use."""
    last_send = [] if found.demo else [_of_last_send(found)]
    return [*_of_person(found.user), *_of_service(found), *last_send]


def tables(found: Diagnosis) -> list[Table]:
    return [_sends(found), _answers(found), _gateways(found), _queue(found)]


def times(found: Diagnosis) -> str:
    return _("Times are in UTC. It is %(now)s.") % {"now": clock(found.now)}


def clock(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}" if time else "—"


def brief(time: timedelta) -> str:
    """Hours, minutes and seconds, rounded up."""
    return str(timedelta(seconds=-(-time // timedelta(seconds=1))))


def _of_person(user: User) -> list[Finding]:
    if user.erased_at:
        return [Finding("error", _("The person is erased: they have no number any more."))]
    if not user.is_active:
        return [Finding("error", _("The person is disabled: codes are sent, but let nobody in."))]
    if not user.verified_at:
        return [Finding("warning", _("The person is not verified: no right code was ever typed in."))]
    return []


def _of_service(found: Diagnosis) -> list[Finding]:
    told = []
    if found.demo:
        text = _("Demo mode: no SMS is sent, the code is in the answer and in the log.")
        told.append(Finding("warning", text))
    if not found.queue.workers:
        told.append(Finding("error", _("No worker is alive: nothing is sent.")))
    if found.queue.waited > LONG_WAIT:
        text = _("SMS wait for a worker, the first of them for %(time)s.") % {"time": brief(found.queue.waited)}
        told.append(Finding("error", text))
    if skipped := [route.name for route in found.routes if route.skipped_until]:
        text = _("Gateways that keep failing are asked last: %(gateways)s.") % {"gateways": ", ".join(skipped)}
        told.append(Finding("warning", text))
    return told


def _of_last_send(found: Diagnosis) -> Finding:
    if not found.sends:
        return Finding("warning", _("No SMS was asked for lately."))
    if found.sends[0].gateway == "demo":
        return Finding("warning", _("The last code was asked for in demo mode: it is in the log."))
    level, text = LAST_SEND[State(found.sends[0].state)]
    return Finding(level, str(text))


def _answers(found: Diagnosis) -> Table:
    return Table(
        _("If a code were asked for now"),
        [_("from"), _("length"), _("answer"), _("next SMS")],
        [_answer(answer, found.now) for answer in found.answers],
        _("Each network address has limits of its own besides: those of the asker's are not known here."),
    )


def _answer(answer: Answer, now: datetime) -> list[str]:
    device = _device(answer.device.pk if answer.device else None)
    if answer.treated_as_new:
        device = _("%(device)s, treated as new: its own share is used up") % {"device": device}
    why_long = [str(LONG_CODE_REASONS[bar]) for bar in answer.long_code_reasons] or [
        _("another short one may not be sent yet")
    ]
    length = _because(str(answer.digits), why_long if answer.digits == codes.LONG else [])
    outcome = _because(str(OUTCOMES[answer.outcome]), [str(SEND_LIMITS[bar]) for bar in answer.send_limits])
    if not answer.wait:
        return [device, length, outcome, _("now")]
    next_send = _("%(time)s, in %(wait)s") % {"time": clock(now + answer.wait), "wait": brief(answer.wait)}
    return [device, length, outcome, next_send]


def _device(key: int | None) -> str:
    return _("known device %(number)d") % {"number": key} if key else _("new device")


def _because(text: str, reasons: list[str]) -> str:
    return f"{text}: {get_text_list(reasons, _('and'))}" if reasons else text


def _sends(found: Diagnosis) -> Table:
    state, gateway, error, finished = (
        _name(SmsDelivery, name) for name in ("state", "gateway", "error", "finished_at")
    )
    return Table(
        _("The last SMS"),
        [_("asked for"), _("from"), _("length"), state, gateway, error, finished, _("the code")],
        [_send(send, found.now) for send in found.sends],
        _("Sent means taken by the gateway."),
    )


def _send(send: SmsDelivery, now: datetime) -> list[str]:
    code = send.login_code
    sent = [send.get_state_display(), send.gateway or "—", send.error or "—", clock(send.finished_at)]
    return [clock(send.created_at), _device(code.device_id), str(code.digits), *sent, _end(code, now)]


def _end(code: LoginCode, now: datetime) -> str:
    if code.used_at:
        return _("used %(time)s") % {"time": clock(code.used_at)}
    if code.expires_at > now:
        return _("valid until %(time)s") % {"time": clock(code.expires_at)}
    return _("not used, ended %(time)s") % {"time": clock(code.expires_at)}


def _gateways(found: Diagnosis) -> Table:
    names = ("name", "failures", "error", "failed_at", "skipped_until")
    return Table(
        capfirst(str(SmsGateway._meta.verbose_name_plural)),
        [_name(SmsGateway, name) for name in names],
        [_route(route) for route in found.routes],
    )


def _route(route: Route) -> list[str]:
    when = [clock(route.failed_at), clock(route.skipped_until)]
    return [route.name, str(route.failures), route.error or "—", *when]


def _queue(found: Diagnosis) -> Table:
    queue = found.queue
    headings = [_("workers alive"), _("last sign of life"), _("longest wait of an SMS")]
    row = [str(queue.workers), clock(queue.last_heartbeat), brief(queue.waited) if queue.waited else "—"]
    return Table(_("The queue"), headings, [row])


def _name(model: type[SmsDelivery | SmsGateway], field: str) -> str:
    return str(model._meta.get_field(field).verbose_name)  # type: ignore[union-attr]

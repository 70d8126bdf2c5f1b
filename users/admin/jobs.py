"""The queue in the admin: its jobs in words, and actions on them."""

import json
from contextlib import suppress
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Case, CharField, QuerySet, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as N_
from procrastinate.contrib.django.admin import ProcrastinateJobAdmin
from procrastinate.contrib.django.models import ProcrastinateEvent, ProcrastinateJob
from procrastinate.exceptions import UniqueViolation

from users.admin.links import back_to_page
from users.admin.lists import ChoiceFilter, LargeTableAdmin, marked, shown
from users.operators import history

# Each job takes a transaction of its own. Ten requests at once with more jobs would hold all threads for seconds.
RUN_AT_ONCE = 50

# In English, as the log stores it.
RUN_AGAIN = N_("Ran the job again.")

# Each run of a job adds three events. They are deleted only with the job.
EVENTS_SHOWN = 100

# What each task does, by the last part of its name.
TASKS = {
    "send_sms": _("Send an SMS of an earlier version"),
    "record_receipts": _("Record delivery receipts"),
    "count_site": _("Count users and SMS for the limits"),
    "disable_removed_test_users": _("Disable test users whose number was removed"),
    "retry_stalled_jobs": _("Run the jobs of dead workers again"),
    "delete_old_jobs": _("Delete old jobs"),
    "purge": _("Delete what is kept no longer"),
    "store_days": _("Store the counts of finished days"),
    "look_at_certificate": _("Look at the certificate of SITE_URL"),
}

STATES = {
    "todo": _("waiting"),
    "doing": _("running"),
    "succeeded": _("completed"),
    "failed": pgettext_lazy("job", "failed"),
    "cancelled": _("cancelled"),
    "aborted": _("aborted"),
}

# How a state is marked.
TONES = {"todo": "open", "doing": "open", "succeeded": "good", "failed": "bad"}

EVENTS = {
    **STATES,
    "deferred": _("requested"),
    "started": _("started"),
    "deferred_for_retry": _("to be tried again"),
    "abort_requested": _("abort requested"),
    "scheduled": _("scheduled"),
}


class JobStatusFilter(ChoiceFilter):
    title = _("status")
    parameter_name = "status"
    # With a parameter instead of a literal, PostgreSQL cannot use the partial index on jobs of this status.
    choices_offered = {
        name: (STATES[name], {"status": RawSQL(f"'{name}'::procrastinate_job_status", ())})  # noqa: S611 - a name below
        for name in ("todo", "doing", "failed")
    }


class EventInline(admin.TabularInline):  # type: ignore[type-arg]
    """What happened to a job. Django's own template names each row in English."""

    model = ProcrastinateEvent
    template = "admin/users/job/events.html"
    verbose_name_plural = _("History")
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_change_permission = has_add_permission

    def get_queryset(self, request: HttpRequest) -> Any:
        words = [When(text=name, then=Value(str(title))) for name, title in EVENTS.items()]
        events = super().get_queryset(request).order_by("pk").annotate(text=Cast("type", CharField()))
        return events.annotate(in_words=Case(*words, default="text"))


admin.site.unregister(ProcrastinateJob)  # procrastinate's own registration


@admin.register(ProcrastinateJob)
class JobAdmin(LargeTableAdmin, ProcrastinateJobAdmin):
    """Procrastinate's own list reads all jobs, and is in English only.

    Its actions `cancel` and `abort` are not offered. Most tasks are periodic, and their next job comes anyway. The
    others are delivery receipts, and SMS of earlier versions, which nobody should lose.
    """

    empty_text = _(
        "Jobs appear here while they wait or have failed. Those that succeeded are deleted. SMS have their own list."
    )
    list_display = ["task", "state", "due", "tries", "number"]
    list_filter = [JobStatusFilter]
    actions: Any = ("retry",)
    inlines = [EventInline]

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("users/user.css",)}

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Leads to the failed jobs first: no index has all jobs in the order of their states."""
        any_failed = "status" not in request.GET and ProcrastinateJob.objects.filter(status="failed").exists()
        links = [("?status=failed", gettext("Show the failed jobs"))] if any_failed else []
        return super().changelist_view(request, {"links": links, **(extra_context or {})})

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("procrastinate.change_procrastinatejob"))

    @admin.action(description=_("Run the job again"), permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Run the first RUN_AT_ONCE failed jobs again, and leave an entry in the history of each.

        Procrastinate would also run a running job again. The job's worker could then not store how the job ended, and
        would stop. No SMS would be sent until the next worker starts. The database refuses a job if another one with
        the same queueing lock waits.
        """
        failed = list(queryset.filter(status="failed")[:RUN_AT_ONCE])
        changed = 0
        for job in failed:
            with suppress(UniqueViolation), transaction.atomic():
                still_failed = queryset.filter(pk=job.pk, status="failed")
                if not still_failed.select_for_update(skip_locked=True).first():
                    continue
                super().retry(request, still_failed)
                name = {job.pk: f"{job.task_name} {job.pk}"}
                history.record(request.user.pk, self.model, name, history.told(RUN_AGAIN))
                changed += 1
        told = gettext("Jobs that this changed: %(number)d.") % {"number": changed}
        self.message_user(request, told, messages.SUCCESS if changed else messages.WARNING)
        return back_to_page(self, request, [job.pk for job in failed])

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        error = ["error", "failed_at"] if obj and obj.status == "failed" else []
        call = {"fields": ["number", "called", "arguments"], "classes": ["collapse"]}
        return [(None, {"fields": ["state", *error, "due", "tries"]}), (_("The call"), call)]

    def get_formset_kwargs(self, request: HttpRequest, obj: Any, inline: Any, prefix: str) -> dict[str, Any]:
        """Only the newest events of the job."""
        given: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        newest = ProcrastinateEvent.objects.filter(job=obj).order_by("-pk").values("pk")[:EVENTS_SHOWN]
        return {**given, "queryset": given["queryset"].filter(pk__in=newest)}

    def heading(self, obj: Any) -> str:
        return self.task(obj)

    @admin.display(description=_("error"))
    def error(self, job: ProcrastinateJob) -> str:
        """The queue stores none."""
        if _last_failure(job):
            return gettext("See the log of the worker, at the time below.")
        return gettext("See the log of the worker. No access? Tell whoever runs the service.")

    @admin.display(description=_("failed at"))
    def failed_at(self, job: ProcrastinateJob) -> str:
        return shown(_last_failure(job))

    def get_queryset(self, request: HttpRequest) -> Any:
        """Without the events, which the list does not show."""
        return super().get_queryset(request).prefetch_related(None)

    @admin.display(description="ID")
    def number(self, job: ProcrastinateJob) -> int:
        return job.pk

    @admin.display(description=_("job"))
    def task(self, job: ProcrastinateJob) -> str:
        return str(TASKS.get(job.task_name.rpartition(".")[2], job.task_name))

    @admin.display(description=_("status"))
    def state(self, job: ProcrastinateJob) -> str:
        return marked(TONES.get(job.status, ""), str(STATES.get(job.status, job.status)))

    @admin.display(description=_("not before"))
    def due(self, job: ProcrastinateJob) -> str:
        return shown(job.scheduled_at)

    @admin.display(description=_("tries"))
    def tries(self, job: ProcrastinateJob) -> int:
        return job.attempts

    @admin.display(description=_("name in the code"))
    def called(self, job: ProcrastinateJob) -> str:
        return str(job.task_name)

    @admin.display(description=_("arguments"))
    def arguments(self, job: ProcrastinateJob) -> str:
        return json.dumps(job.args, ensure_ascii=False)


def _last_failure(job: ProcrastinateJob) -> datetime | None:
    times = ProcrastinateEvent.objects.filter(job=job, type="failed").order_by("-pk").values_list("at", flat=True)
    return times.first()

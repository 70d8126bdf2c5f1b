"""The admin's pages about one user, beside Django's own form: an action, the full phone number, the diagnosis."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as N_
from django.views.generic import FormView, TemplateView
from django.views.generic.detail import SingleObjectMixin

from users.admin import links, user_state
from users.admin.actions import ENABLE, Action, FinalForm, ReasonForm
from users.login.diagnosis import diagnose
from users.models import User
from users.operators import history
from users.operators.phone_searches import SEES_PHONES
from users.queries import database_now, lock_user

NOTHING_LEFT = _("There is nothing left to do. See the user's present state.")
BUSY = _("Nothing was done: the user's data is in use at this moment. Try again.")


class UserView(SingleObjectMixin, TemplateView):  # type: ignore[type-arg]
    """A page about the user whose id is in the address. Operators need to see users and have `permissions`."""

    model = User
    pk_url_kwarg = "user_id"
    context_object_name = "original"
    object: User
    # The admin class of users, from which the permissions, the log and the template context come.
    model_admin: Any = None
    permissions: tuple[str, ...] = ()
    title: Any = ""

    def has_permission(self) -> bool:
        return bool(self.request.user.has_perms(self.permissions))

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        if not self.model_admin.has_view_permission(request):
            raise PermissionDenied  # first: a 404 would tell which users there are
        self.object = self.get_object()
        if not self.has_permission():
            raise PermissionDenied

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        site = self.model_admin.admin_site.each_context(self.request)
        own = {"opts": self.model_admin.opts, "title": self.title, "subtitle": self.object}
        return super().get_context_data(**site, **own, back=_("Back to the user"), **kwargs)


class DiagnosisView(UserView):
    """Explains why a code did not arrive. It shows no code."""

    template_name = "admin/users/user/diagnosis.html"
    permissions = ("users.view_smsdelivery",)
    title = _("Why did the code not arrive?")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = diagnose(self.object, database_now())
        found["disabled"] = user_state.disabled(self.object)
        found["may_enable"] = self.model_admin.may_act(self.request, ENABLE, self.object)
        return super().get_context_data(**found, **kwargs)


class PhoneView(UserView):
    """Shows the full phone number once, and logs it first. It is a POST, so that no other site can link to it."""

    http_method_names = ("post",)
    template_name = "admin/users/user/phone.html"
    permissions = (SEES_PHONES,)
    title = _("Full phone number")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not self.object.phone:
            raise Http404
        self.model_admin.log_change(request, self.object, [history.told(N_("Viewed the full phone number."))])
        return self.render_to_response(self.get_context_data(phone=self.object.phone))


class ActionView(UserView, FormView):  # type: ignore[type-arg]
    """Explains one action, asks for a reason, then does the action and logs it."""

    template_name = "admin/users/user/action.html"
    action: Action = None  # type: ignore[assignment]

    def has_permission(self) -> bool:
        return bool(self.model_admin.may_act(self.request, self.action, self.object))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not self.action.applies(self.object):
            return self.finish(messages.WARNING, NOTHING_LEFT)
        return super().dispatch(request, *args, **kwargs)

    def get_form_class(self) -> type[ReasonForm]:
        return FinalForm if self.action.final else ReasonForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        meaning = self.action.meaning
        own = {"meaning": meaning(self.object) if callable(meaning) else meaning}
        return super().get_context_data(subject=self.action.subject(self.object), **own, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        return {"about": self.action.about(self.object)}

    def form_valid(self, form: ReasonForm) -> HttpResponse:
        """Do the action and log it, both or neither."""
        user, done, result = self.object, "", None
        try:
            with transaction.atomic():
                lock_user(user.pk)
                if self.action.about(user) == form.cleaned_data["about"] and (result := self.action.do(user)):
                    # Only what the sentence names: another result may be a secret.
                    named = {"result": result} if "%(result)" in self.action.done else {}
                    told = history.told(self.action.done, **named)
                    done = history.said(told, "phone")
                    user.refresh_from_db()  # so that the log has no phone number of a user who was just erased
                    self.model_admin.log_change(self.request, user, [told, history.reason(form.cleaned_data["reason"])])
        except OperationalError:  # another transaction held the lock for too long
            return self.finish(messages.ERROR, BUSY)
        if done and self.action.shown_once and isinstance(result, str):
            return self.show_once(done, result)
        return self.finish(messages.SUCCESS, done) if done else self.finish(messages.WARNING, NOTHING_LEFT)

    def show_once(self, done: str, secret: str) -> HttpResponse:
        """Show it in the response itself: no browser keeps that, and no cookie or row has it."""
        context = self.get_context_data(done=done, secret=secret)
        return self.response_class(self.request, ["admin/users/user/shown_once.html"], context)

    def finish(self, level: int, text: Any) -> HttpResponse:
        """Tell the operator this on the page of the user."""
        messages.add_message(self.request, level, text)
        return redirect(links.page(self.object))

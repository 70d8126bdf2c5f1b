"""Forms that do not undo what another operator has changed since the page was opened."""

import hashlib
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

CHANGED_MEANWHILE = _("Somebody has changed this since you opened the page. Open it again to see what it is now.")


class FreshForm(forms.ModelForm):  # type: ignore[type-arg]
    """Says in a hidden field which values it was shown with. Without that field it is not checked."""

    about = forms.CharField(label="", widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shown = sorted((name, _comparable(self.initial.get(name))) for name in self.fields if name != "about")
        self.initial["about"] = hashlib.sha256(repr(shown).encode()).hexdigest()

    @cached_property
    def changed_data(self) -> list[str]:
        return [name for name in super().changed_data if name != "about"]

    def clean(self) -> dict[str, Any] | None:
        if self.instance.pk and self.cleaned_data.get("about") not in ("", self.initial["about"]):
            raise ValidationError(CHANGED_MEANWHILE)
        return super().clean()


def _comparable(value: Any) -> Any:
    """The same for the same choice of objects, in any order."""
    if isinstance(value, list) and all(isinstance(one, Model) for one in value):
        return sorted(one.pk for one in value)
    return str(value)

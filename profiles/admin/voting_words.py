"""The voting period in the words of the admin."""

from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles import voting
from profiles.models import VotingPeriod
from profiles.voting import Voting
from users.admin.lists import marked
from users.admin.times import written

ZONE = settings.TIME_ZONE
PUBLISHED = _("The results are published. They and the voting period cannot change any more.")
ANNOUNCE = _(
    "Announce the SHA-256 of the file elsewhere now, such as in a post, so that nobody can exchange the file later:"
    " %(sha256)s"
)
NO_END = _("Results can be published when voting has ended. No end is set yet.")


def state(now: Voting) -> str:
    """Whether users can vote now, and until when or from when on."""
    if now.results_published_at:
        return gettext("Voting has ended, the results are published.")
    if now.open:
        until = gettext("Voting is open until %(time)s.")
        return until % at(now.closes_at) if now.closes_at else gettext("Voting is open.")
    if now.opens_at and not voting.is_over(now):
        return gettext("Voting begins at %(time)s.") % at(now.opens_at)
    return gettext("Voting has ended.")


def marked_state(now: Voting) -> str:
    """The same behind a dot, which is green while users can vote."""
    return marked("good" if now.open else "", state(now))


def not_now(stored: VotingPeriod) -> str:
    """Why the results of this period cannot be published at this moment, and when they can. Empty if they can be."""
    if stored.results_published_at:
        return str(PUBLISHED)
    if stored.closes_at is None:
        return str(NO_END)
    if voting.is_over(stored):
        return ""
    return gettext("Results can be published when voting has ended: %(time)s, %(zone)s.") % at(stored.closes_at)


def at(time: datetime) -> dict[str, str]:
    """This time in the admin's zone, to the second, and the name of the zone: to fill in a sentence."""
    return {"time": written(time), "zone": ZONE}

"""Steps of a change of phone by the API."""

from typing import Any

from tests.support.accounts import SignedInUser
from tests.support.login_steps import right
from users.models import User

PATH = "/api/v1/profiles/me/phone"
NEW = "9992223344"


def request(person: SignedInUser, phone: str = NEW, **more: Any) -> Any:
    """The response to a request for a code to this phone. `more` are fields of the body."""
    return person.api.post(PATH, {"phone": phone, **more})


def requested(person: SignedInUser, phone: str = NEW, **more: Any) -> str:
    """The challenge of such a request."""
    answer = request(person, phone, **more)
    assert answer.status_code == 200, answer.content
    return str(answer.json()["challenge_id"])


def confirm(person: SignedInUser, challenge_id: str, code: str = "") -> Any:
    """The response to the correct code, or to this one."""
    return person.api.post(f"{PATH}/confirm", {"code": code or right(challenge_id), "challenge_id": challenge_id})


def change(person: SignedInUser, phone: str = NEW) -> Any:
    """The response at the end of a whole change."""
    return confirm(person, requested(person, phone))


def holder(phone: str = NEW) -> User | None:
    """The user with this phone."""
    return User.objects.filter(phone=f"+7{phone}").first()

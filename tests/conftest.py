"""Users, clients and a real PostgreSQL for the tests."""

import io
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings
from django.utils import translation
from rest_framework.test import APIClient
from xdist.scheduler import LoadFileScheduling

from inviting_app import probes
from inviting_app.logs import Stderr
from inviting_app.ops.embedded import OPTIONS, SUPERUSER, Embedded
from tests.support import login_steps
from tests.support.accounts import SignedInUser, client, signed_in
from tests.support.environment import THOROUGH
from tests.support.http_gateway import running
from tests.support.service import Service, copy_prepared, ready_service
from tests.support.webhooks import LOOPBACK, Receiver
from users import deadline
from users.models import User

# The folders whose tests start processes, in the order in which they run.
SLOW = ["tests/page/browser", "tests/contract", "tests/ops"]
# The folders whose files share what takes long to start. What tries things at random takes longer than that.
SHARING = [] if THOROUGH else ["tests/page/browser", "tests/contract"]


def folder_of(name: str) -> str:
    """The folder of the test with this name."""
    return name.partition("::")[0].rpartition("/")[0]


class ByFile(LoadFileScheduling):
    """Lets one process run all tests of a file, or of a folder whose files share what takes long to start."""

    def _split_scope(self, nodeid: str) -> str:
        folder = folder_of(nodeid)
        return folder if folder in SHARING else super()._split_scope(nodeid)


def pytest_configure(config: pytest.Config) -> None:
    """Name a path that does not exist. With xdist, the processes that look for it keep that to themselves."""
    for given in config.args:
        if not (config.invocation_params.dir / given.partition("::")[0]).exists():
            raise pytest.UsageError(f"file or directory not found: {given}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process more than processors, because tests of whole services wait for them."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow folders first, each with its files in random order.

    At the end, the other processors would wait for a slow file. Between files of other folders, a browser would be
    started again for each file.
    """
    for item in items:
        if not THOROUGH and item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes long: THOROUGH=1"))

    def place(item: pytest.Item) -> int:
        folder = folder_of(item.nodeid)
        return SLOW.index(folder) if folder in SLOW else len(SLOW)

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def postgres() -> Iterator[None]:
    """The embedded PostgreSQL, unless DATABASE_URL names another. Its data need not survive a power cut.

    Statements have no limit. Those that make a database take long.
    """
    deadline.limit_all(None)
    OPTIONS.update(fsync="off", synchronous_commit="off", full_page_writes="off")
    if not settings.EMBEDDED_POSTGRES:
        yield
        return
    copy_prepared("postgres", settings.DATA_DIR / "postgres")
    with Embedded(settings.DATA_DIR).running():
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: None) -> None:
    """Start PostgreSQL before pytest-django creates the test database, which the service's role could not."""
    if settings.EMBEDDED_POSTGRES:
        settings.DATABASES["default"]["USER"] = connection.settings_dict["USER"] = SUPERUSER
        # Its tables are those of a first start, which takes long: Django makes the test database from it.
        connection.settings_dict["TEST"]["TEMPLATE"] = connection.settings_dict["NAME"]
    settings.OWNER_DATABASE = "default"


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    """Pages without `collectstatic` before them, no slow hashing, the usual names of cookies, and fresh probes.

    Once for all tests: each change of a setting is told to all apps, which takes a third of a small test's time.
    """
    probes.FRESH_SECONDS = 0.0
    with override_settings(
        COOKIE_SUFFIX="",
        SESSION_COOKIE_NAME="sessionid",
        CSRF_COOKIE_NAME="csrftoken",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        STORAGES={"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}},
    ):
        yield


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """The lines that the service's own handler writes."""
    (handler,) = (handler for handler in logging.getLogger().handlers if isinstance(handler, Stderr))
    written = io.StringIO()
    monkeypatch.setattr(handler, "write", written.write)
    with caplog.at_level(logging.DEBUG):
        yield written


@pytest.fixture(autouse=True)
def story() -> None:
    """The time of the test's story begins with the test."""
    login_steps.begin()


@pytest.fixture(autouse=True)
def default_language() -> None:
    """The language of the settings: a thread keeps that of the last request, which another test may have made."""
    translation.activate(settings.LANGUAGE_CODE)


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """A running service with default settings. Tests share it, so each uses phones of its own."""
    with ready_service() as started:
        yield started


@pytest.fixture
def empty_queue(transactional_db: None) -> Iterator[None]:
    """The queue without jobs of other tests, before and after this one: Django does not empty its tables."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")
    yield
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")


@pytest.fixture
def unreachable_gateway(settings: Any) -> None:
    """A configured gateway, so that limits apply. No worker runs, so no SMS is sent."""
    settings.DEMO, settings.SMS_GATEWAYS = False, ["webhook+http://127.0.0.1:9/"]


@pytest.fixture
def api() -> APIClient:
    return client()


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """A receiver of webhooks on this machine, to which they may go."""
    settings.WEBHOOK_PRIVATE_ADDRESSES = LOOPBACK
    yield from running(Receiver)


@pytest.fixture
def enter(db: None) -> Callable[[str], SignedInUser]:
    """How the users below get their session: by the code of an SMS."""
    return signed_in


@pytest.fixture
def alice(enter: Callable[[str], SignedInUser]) -> SignedInUser:
    return enter("9991110001")


@pytest.fixture
def bob(enter: Callable[[str], SignedInUser]) -> SignedInUser:
    return enter("9991110002")


@pytest.fixture
def charlie(enter: Callable[[str], SignedInUser]) -> SignedInUser:
    return enter("9991110003")


@pytest.fixture
def staff(enter: Callable[[str], SignedInUser]) -> SignedInUser:
    person = enter("9991119999")
    User.objects.filter(phone=f"+7{person.phone}").update(is_staff=True, is_superuser=True)
    return person

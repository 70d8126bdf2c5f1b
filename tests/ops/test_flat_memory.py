"""No value that a client chooses is kept in the memory of a web process."""

import http.client
import random
from collections.abc import Iterator
from contextlib import closing

import psutil
import pytest

from tests.support.ports import free_port
from tests.support.service import Service, ready_service

REQUESTS = 20_000
# A translation catalogue takes 55 KB; a label of a metric or an entry of a dictionary at least 500 bytes.
MOST_BYTES = 400 * REQUESTS + 1_500_000
PATHS = ["/schema", "/docs", "/redoc", "/problems/{}", "/", "/i/{}", "/api/{}", "/{}", "/static/{}", "/admin/login/"]
METHODS = ["GET", "GET", "GET", "HEAD", "OPTIONS", "PUT", "X{}"]
NAMES = ["lang", "version", "format", "next", "cursor", "q", "p{}"]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with ready_service(WEB_WORKERS="1", WEB_THREADS="8", METRICS_PORT=str(free_port()), TRUSTED_PROXIES="1") as started:
        yield started


def ask(service: Service, numbers: range) -> None:
    """Requests with values that no other has, in all places at once."""
    choose = random.Random(numbers.start)
    peer = http.client.HTTPConnection("localhost", service.port, timeout=30)
    with closing(peer):
        for number in numbers:
            value = f"ru-x{number}"
            query = "&".join(f"{name.format(number)}={value}" for name in NAMES if choose.random() < 0.5)
            headers = {
                "Accept-Language": f"{value},{value}-a;q=0.5",
                "Cookie": f"django_language={value}; sessionid={value}; device={value}; csrftoken={value}",
                "User-Agent": f"App/{value}",
                "Accept": f"x/{value}",
                "Origin": f"https://{value}.example.org",
                "Referer": f"https://{value}.example.org/",
                "X-Request-ID": f"given-{value}",
                "X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
                "Authorization": f"Bearer {value}",
                f"X-Header-{number}": value,
            }
            path = choose.choice(PATHS).format(value)
            peer.request(choose.choice(METHODS).format(number), f"{path}?{query}", headers=headers)
            peer.getresponse().read()


@pytest.mark.long
def test_memory_does_not_grow_with_what_clients_send(service: Service) -> None:
    gunicorn = service.part("gunicorn")
    assert gunicorn
    (web,) = gunicorn.children()
    ask(service, range(REQUESTS // 3))
    before = memory(web)

    ask(service, range(REQUESTS, 2 * REQUESTS))

    assert memory(web) - before < MOST_BYTES


def memory(process: psutil.Process) -> int:
    return int(process.memory_info().rss)

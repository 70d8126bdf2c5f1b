"""IPv6 in containers. Without IPv6 in its network, Docker gives all IPv6 clients one address, its own."""

from typing import Any

import pytest
import yaml
from django.conf import settings


def compose(name: str) -> Any:
    file = settings.BASE_DIR / name
    if not file.exists():
        pytest.skip(f"{name} is not in this copy of the project")
    return yaml.safe_load(file.read_text())


@pytest.mark.parametrize("name", ["docker-compose.yml", "compose.scaled.yaml"])
def test_network_without_ipv6_gets_no_ipv6_clients(name: str) -> None:
    services = compose(name)["services"].values()
    published = [port for service in services for port in service.get("ports", [])]

    assert all(port.startswith(("0.0.0.0:", "127.0.0.1:")) for port in published)


def test_ipv6_comes_with_a_network_that_keeps_the_addresses_of_clients() -> None:
    added = compose("compose.ipv6.yaml")

    assert added["services"] == {"proxy": {"ports": ["[::]:80:80", "[::]:443:443"]}}
    assert added["networks"] == {"default": {"enable_ipv6": True}}

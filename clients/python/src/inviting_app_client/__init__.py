"""A client of inviting_app. See README.md in the project's folder `clients`."""

from inviting_app_client import types
from inviting_app_client.client import Client
from inviting_app_client.problem import Problem

__all__ = ["Client", "Problem", "types"]

"""The admin of profiles and votes, and the page of a user. Importing it registers them."""

from profiles.admin import profiles, users

__all__ = ["profiles", "users"]

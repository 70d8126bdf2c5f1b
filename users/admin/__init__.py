"""The admin of users, devices, sign-in codes, SMS and the queue. Importing it registers them."""

from users.admin import deliveries, site, users

__all__ = ["deliveries", "site", "users"]

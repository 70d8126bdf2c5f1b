"""The admin of users, devices, login codes, SMS and the queue. Django imports it to register them."""

from users.admin import codes, deliveries, devices, groups, jobs, user_admin

__all__ = ["codes", "deliveries", "devices", "groups", "jobs", "user_admin"]

"""The admin of users, devices, login codes, SMS and the queue. Django imports it to register them."""

from users.admin import deliveries, devices, groups, jobs, user_admin

__all__ = ["deliveries", "devices", "groups", "jobs", "user_admin"]

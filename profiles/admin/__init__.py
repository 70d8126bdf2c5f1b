"""The admin of profiles, activations and users. Django imports it to register them."""

from profiles.admin import profiles, results, user_page, voting, webhooks

__all__ = ["profiles", "results", "user_page", "voting", "webhooks"]

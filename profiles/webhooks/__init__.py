"""Webhooks: other systems are told of events by HTTP, as Standard Webhooks describes (docs/webhooks.md)."""

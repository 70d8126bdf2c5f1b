"""Operators of the admin: how often they search for phones."""

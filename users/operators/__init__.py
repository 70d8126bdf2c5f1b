"""Operators of the admin: their log-ins, their second factor, and how often they search for phones."""

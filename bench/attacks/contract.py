"""The numbers that attacks are judged by. Taken from the code under attack, they would change with it."""

SHORT, LONG = 4, 10
"""Digits of a code."""

MAX_ATTEMPTS = 3
"""Comparisons that one challenge is worth."""

PHONE_DAY, PHONE_MONTH = 6, 12
"""Comparisons with short codes of one phone that strangers get in 24 hours and in 30 days."""

SITE_DAY = 500
"""The same of all phones in 24 hours, but for requests in flight."""

ADDRESS_SENDS = 10
"""SMS that one network address may cause in an hour."""

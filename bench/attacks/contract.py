"""The numbers that attacks are judged by. Taken from the code under attack, they would change with it."""

# Digits of a code.
SHORT, LONG = 4, 10

# Comparisons that one challenge is worth.
MAX_ATTEMPTS = 3

# Comparisons with short codes of one phone that strangers get in 24 hours and in 30 days.
PHONE_DAY, PHONE_MONTH = 6, 12

# The same of all phones in 24 hours, but for requests in flight.
SITE_DAY = 500

# SMS that one network address may cause in an hour.
ADDRESS_SENDS = 10

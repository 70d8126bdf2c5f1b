"""The limits that attacks are judged by. They are not imported, because they would change with the code."""

# Digits of a code.
SHORT, LONG = 4, 10

# Attempts of one challenge.
MAX_ATTEMPTS = 3

# Comparisons with short codes of one phone by strangers in 24 hours and in 30 days.
PHONE_DAY, PHONE_MONTH = 6, 12

# The same for all phones in 24 hours, except for requests in flight.
SITE_DAY = 500

# SMS that one network address may cause in an hour.
ADDRESS_SENDS = 10

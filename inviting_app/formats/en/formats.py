"""How the admin writes dates and times in English: short, and with the day before the month only where all do so."""

DATETIME_FORMAT = "Y-m-d H:i"
DATE_FORMAT = "Y-m-d"
# With the second, where it matters: Django uses this one only where a template names it.
SHORT_DATETIME_FORMAT = "Y-m-d H:i:s"

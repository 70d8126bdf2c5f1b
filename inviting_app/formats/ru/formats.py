"""How the admin writes dates and times in Russian: short, and with the day before the month only where all do so."""

DATETIME_FORMAT = "d.m.Y H:i"
DATE_FORMAT = "d.m.Y"
# With the second, where it matters: Django uses this one only where a template names it.
SHORT_DATETIME_FORMAT = "d.m.Y H:i:s"

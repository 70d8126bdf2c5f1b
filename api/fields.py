"""Fields that serializers share."""

from datetime import UTC
from functools import partial

from rest_framework import serializers

# In UTC, whatever TIME_ZONE is for the admin.
TimeField = partial(serializers.DateTimeField, default_timezone=UTC)

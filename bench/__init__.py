"""Measurements, attacks and drills: each shows a claim of the documents."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inviting_app.settings")

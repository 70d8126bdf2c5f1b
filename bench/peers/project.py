"""What the Django peers share: settings as in a careful project, 100,000 people, and the sending hook."""

import json
import os
import socket
import sys
import urllib.request
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection

# Where the code is left, or the gateway to which it is sent in the request.
REMEMBER = ("127.0.0.1", int(os.environ.get("REMEMBER_PORT", 0)))
GATEWAY = os.environ.get("GATEWAY_URL")

_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

PEOPLE = """
INSERT INTO people_user (id, password, is_superuser, mobile, mobile_verified, is_active, is_staff, date_joined)
SELECT id, '!' || md5(random()::text), false, '+7' || 9000000000 + id, true, true, false, now()
  FROM generate_series(1, %s) AS id
"""
SEQUENCE = "SELECT setval(pg_get_serial_sequence('people_user', 'id'), %s)"


def configure(root_urlconf, apps, middleware=(), **more):
    """PGHOST and PGUSER say where the database is. All tables are made from the models, without migrations."""
    apps = ["django.contrib.auth", "django.contrib.contenttypes", "people", *apps]
    settings.configure(
        SECRET_KEY="only for measurements, but long enough to sign with",  # noqa: S106
        ALLOWED_HOSTS=["localhost"],
        ROOT_URLCONF=root_urlconf,
        INSTALLED_APPS=apps,
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
            *middleware,
        ],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        AUTH_USER_MODEL="people.User",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        MIGRATION_MODULES={app.rpartition(".")[2]: None for app in apps},
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": os.environ["PGDATABASE"],
                "CONN_MAX_AGE": None,
            }
        },
        **more,
    )
    django.setup()


def send(phone, code):
    """What a project's own hook does with a code."""
    if GATEWAY:
        body = json.dumps({"to": phone, "text": f"{code} is your code.\n\n@localhost #{code}"}).encode()
        with urllib.request.urlopen(urllib.request.Request(GATEWAY, body), timeout=10) as answer:  # noqa: S310
            answer.read()
    else:
        _socket.sendto(f"{phone} {code}".encode(), REMEMBER)


def prepare(credentials):
    """Make and fill the tables. Arguments: number of people, of readers, and the file for the readers' headers."""
    people, readers, path = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    call_command("migrate", run_syncdb=True, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE, [people])
        cursor.execute(SEQUENCE, [people])
    step = max(1, people // readers)
    path.write_text(json.dumps(credentials(list(range(1, people + 1, step))[:readers])))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")

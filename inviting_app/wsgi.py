import importlib
import os
import sys
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inviting_app.settings")


class Request(WSGIRequest):
    """Django's, where every text is UTF-8, and a content type that cannot be read is none at all.

    Django would read query and forms in any encoding that the client names, even in those that are none of text, and
    before any code of ours runs: each error of theirs would be a 500.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            meta["CONTENT_TYPE"] = ""
            self.content_type, self.content_params = "", {}


class Handler(WSGIHandler):
    request_class = Request


def _import_rest_framework() -> None:
    """Without what it takes along where it is installed, for clients and pages of its own that are not here: 6 MB."""
    unwanted = {"requests", "markdown", "pygments"} - sys.modules.keys()
    sys.modules.update(dict.fromkeys(unwanted))  # type: ignore[arg-type]
    importlib.import_module("rest_framework.compat")
    for name in unwanted:
        del sys.modules[name]


_import_rest_framework()
django.setup(set_prefix=False)
importlib.import_module(settings.ROOT_URLCONF)  # now, and not by the first request of each process
application = Handler()

from __future__ import annotations

from rest_framework import views


class APIView(views.APIView):
    """OPTIONS is refused like any method that is not there: the OpenAPI document tells what is."""

    http_method_names = ("get", "head", "post", "delete")

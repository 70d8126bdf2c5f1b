from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from inviting_app import page, pages
from inviting_app.admin import own_password
from inviting_app.admin_home import home

urlpatterns = [
    path("api/", include("api.urls")),
    path("", page.page, name="page"),
    path("i/<str:invite_code>", page.page, name="invitation"),
    path("i/<str:invite_code>/", page.page),
    path("i/<str:invite_code>/qr.svg", page.qr, name="qr"),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/password_change/", own_password),
    path("admin/", home),
    path("admin/", admin.site.urls),
    path("schema", pages.schema, name="schema"),
    path("docs", pages.swagger, name="swagger"),
    path("redoc", pages.redoc, name="redoc"),
    path("problems", include("api.problem_pages")),
    re_path("^(?P<name>docs|redoc|schema|problems)/$", RedirectView.as_view(url="/%(name)s")),
    path("favicon.ico", pages.favicon),
    path("livez", pages.livez),
    path("readyz", pages.readyz),
]

handler400 = "api.problems.bad_request"
handler403 = "api.problems.forbidden"
handler404 = "api.problems.not_found"
handler500 = "api.problems.server_error"

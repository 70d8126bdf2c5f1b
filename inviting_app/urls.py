from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from api import docs, receipts
from inviting_app import probes
from inviting_app.page import views

# As in the API, each path that a program calls answers with and without a slash at its end, and never by a redirect.
urlpatterns = [
    path("api/", include("api.urls")),
    path("", views.page, name="page"),
    path("i/<str:invite_code>", views.page, name="invitation"),
    path("i/<str:invite_code>/", views.page),
    path("i/<str:invite_code>/qr.svg", views.qr, name="qr"),
    path("results/verify.py", views.how_to_check, {"name": "verify.py"}, name="verify.py"),
    path("results/voting.md", views.how_to_check, {"name": "voting.md"}, name="voting.md"),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("schema", docs.schema, name="schema"),
    path("schema/", docs.schema),
    path("docs", docs.swagger, name="swagger"),
    path("docs/", docs.swagger),
    path("redoc", docs.redoc, name="redoc"),
    path("redoc/", docs.redoc),
    path("problems", include("api.problem_pages")),
    path("sms/receipts/<str:token>", receipts.receive, name="receipts"),
    path("sms/receipts/<str:token>/", receipts.receive),
    path("favicon.ico", probes.favicon),
    path("livez", probes.livez),
    path("livez/", probes.livez),
    path("readyz", probes.readyz),
    path("readyz/", probes.readyz),
]

handler400 = "api.exceptions.bad_request"
handler403 = "api.exceptions.forbidden"
handler404 = "api.exceptions.not_found"
handler500 = "api.exceptions.server_error"

"""Every address of the site, and who may come: everyone who is logged in, unless the view says otherwise."""

from django.urls import include, path

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("reports.urls")),
]

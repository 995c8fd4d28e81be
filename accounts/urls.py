from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import views

urlpatterns = [
    path("login/", views.Login.as_view(), name="login"),  # anybody
    path("logout/", LogoutView.as_view(), name="logout"),  # whoever is logged in
    path("code/", views.use_code, name="use_code"),  # anybody with a one-time code
]

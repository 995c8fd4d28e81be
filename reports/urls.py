from django.urls import path

from reports import views

urlpatterns = [
    path("", views.home, name="home"),  # everybody
    path("progress/<int:year>/", views.progress_page, name="progress"),  # clerk, township, health, district, auditor
]

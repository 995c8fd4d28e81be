from django.apps import AppConfig


class EnrollmentConfig(AppConfig):
    name = "enrollment"
    verbose_name = "参保与缴费"
    default_auto_field = "django.db.models.BigAutoField"

from django.apps import AppConfig


class SubsidiesConfig(AppConfig):
    name = "subsidies"
    verbose_name = "方案与资助"
    default_auto_field = "django.db.models.BigAutoField"

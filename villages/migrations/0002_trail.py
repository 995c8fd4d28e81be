from django.db import migrations

from accounts.audit import audited

TABLES = ("district", "township", "village", "group", "posting", "quota")


class Migration(migrations.Migration):
    dependencies = [("villages", "0001_initial"), ("accounts", "0002_trail")]

    operations = audited(*(f"villages_{table}" for table in TABLES))

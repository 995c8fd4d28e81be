from django.db import migrations
from django.db.migrations import RunSQL

from accounts.audit import INSTALL, REMOVE, append_only, audited

NEVER = "留痕只能由数据库写入，不能修改或删除。"
KEPT = "交来的表只能登记，不能修改或删除。"
# A new account without these rows could not act from the command line.
CONSOLE = """
INSERT INTO accounts_user (username, full_name, is_active, password, code_hash)
VALUES ('console', '命令行', false, '!', '');
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        RunSQL(INSTALL, REMOVE),
        append_only("accounts_auditrow", "trail_is_append_only", NEVER),
        append_only("accounts_upload", "uploads_are_append_only", KEPT),
        *audited("accounts_user", "accounts_upload"),
        RunSQL(CONSOLE, "DELETE FROM accounts_user WHERE username = 'console';"),
    ]

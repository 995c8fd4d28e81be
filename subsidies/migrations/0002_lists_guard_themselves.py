from django.db import migrations
from django.db.migrations import RunSQL

from accounts.audit import append_only, audited, pinned

PLAN = "生效的方案不能修改或删除；变更请另发一版。"
# An approved list is what its second human saw; only who is meant by a differing name may still be decided.
ROSTERS = """
CREATE FUNCTION check_roster_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Who approves the list waits for this, and this for whoever approves it.
    PERFORM FROM subsidies_roster WHERE id IN (SELECT roster_id FROM new_rows) ORDER BY id FOR SHARE;
    IF EXISTS (
        SELECT FROM subsidies_roster WHERE id IN (SELECT roster_id FROM new_rows) AND approver_id IS NOT NULL
    ) THEN
        RAISE EXCEPTION '名单已核准，不能再增减人员；请交来新的名单。'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'approved_roster_takes_no_entries';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER check_roster_entries AFTER INSERT ON subsidies_rosterentry REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION check_roster_entries();
CREATE TRIGGER roster_entry_stays BEFORE UPDATE ON subsidies_rosterentry FOR EACH ROW WHEN (
    (OLD.roster_id, OLD.number, OLD.name, OLD.starts_on, OLD.ends_on, OLD.disability_level)
    IS DISTINCT FROM (NEW.roster_id, NEW.number, NEW.name, NEW.starts_on, NEW.ends_on, NEW.disability_level)
) EXECUTE FUNCTION refuse_change('roster_entry_stays', '名单人员不能修改；请交来新的名单。');
CREATE TRIGGER roster_entry_is_kept BEFORE DELETE ON subsidies_rosterentry
    FOR EACH ROW EXECUTE FUNCTION refuse_change('roster_entry_is_kept', '名单人员不能删除；请交来新的名单。');
CREATE TRIGGER approved_roster_stays BEFORE UPDATE ON subsidies_roster FOR EACH ROW WHEN (
    OLD.approver_id IS NOT NULL OR (OLD.township_id, OLD.year, OLD.office, OLD.category, OLD.month, OLD.maker_id)
    IS DISTINCT FROM (NEW.township_id, NEW.year, NEW.office, NEW.category, NEW.month, NEW.maker_id)
) EXECUTE FUNCTION refuse_change('approved_roster_stays', '名单交来后只能核准一次，不能修改。');
"""


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0001_initial"), ("accounts", "0002_trail")]

    operations = [
        append_only("subsidies_planversion", "plan_version_is_never_edited", PLAN),
        RunSQL(ROSTERS, "DROP FUNCTION check_roster_entries() CASCADE;"),
        pinned("check_roster_entries"),
        *audited("subsidies_planversion", "subsidies_roster", "subsidies_rosterentry"),
    ]

"""verify_books: the books, the roll and the trail held against each other, whatever wrote them.

Each check is a query that names the rows that should not be; it runs as the owner, who sees everything.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection

MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Check:
    """`counted` says how many rows were looked at, `wrong` selects a text for each that fails."""

    name: str
    counted: str
    wrong: str


CHECKS = (
    Check(
        "documents_balance",
        "SELECT count(*) FROM enrollment_document",
        "SELECT 'document ' || document_id FROM enrollment_leg GROUP BY document_id HAVING sum(fen) <> 0",
    ),
    Check(
        "accounts_balance",
        "SELECT count(*) FROM enrollment_leg",
        "SELECT 'all accounts: ' || sum(fen) FROM enrollment_leg HAVING sum(fen) <> 0",
    ),
    Check(
        "no_cash_below_zero",
        "SELECT count(DISTINCT account) FROM enrollment_leg WHERE account ^@ 'cash:'",
        "SELECT account FROM enrollment_leg WHERE account ^@ 'cash:' GROUP BY account HAVING sum(fen) < 0",
    ),
    Check(
        "bills_agree_with_legs",
        "SELECT count(*) FROM enrollment_bill",
        """
        SELECT 'document ' || d.id FROM enrollment_document d
        LEFT JOIN (SELECT document_id, sum(premium_fen) AS premium, sum(personal_fen) AS money
            FROM enrollment_bill GROUP BY document_id) b ON b.document_id = d.id
        LEFT JOIN (SELECT document_id, -sum(fen) FILTER (WHERE account = 'premium') AS premium,
                sum(fen) FILTER (WHERE account !~ '^(premium|receivable:)') AS money
            FROM enrollment_leg GROUP BY document_id) l ON l.document_id = d.id
        WHERE d.kind IN ('collection', 'direct')
            AND (b.premium IS DISTINCT FROM coalesce(l.premium, 0) OR b.money IS DISTINCT FROM coalesce(l.money, 0))
        """,
    ),
    Check(
        "shares_add_up",
        "SELECT count(*) FROM enrollment_bill",
        """
        SELECT 'bill ' || id FROM enrollment_bill b WHERE premium_fen + grant_fen - personal_fen
            <> (SELECT coalesce(sum(value::bigint), 0) FROM jsonb_each_text(b.shares))
        """,
    ),
    Check(
        "deposits_agree_with_lines",
        "SELECT count(*) FROM enrollment_document WHERE kind = 'deposit'",
        """
        SELECT 'document ' || d.id FROM enrollment_document d
        LEFT JOIN (SELECT l.document_id, sum(b.personal_fen) AS fen FROM enrollment_depositline l
            JOIN enrollment_bill b ON b.id = l.bill_id GROUP BY 1) x ON x.document_id = d.id
        LEFT JOIN enrollment_leg g ON g.document_id = d.id AND g.account = 'bank'
        WHERE d.kind = 'deposit' AND x.fen IS DISTINCT FROM g.fen
        """,
    ),
    Check(
        "reversals_negate",
        "SELECT count(*) FROM enrollment_document WHERE kind = 'reversal'",
        """
        SELECT 'document ' || id FROM (
            SELECT r.id, l.account, l.fen FROM enrollment_document r
            JOIN enrollment_leg l ON l.document_id IN (r.id, r.reverses_id) WHERE r.kind = 'reversal'
        ) both_sides GROUP BY id, CASE WHEN account = 'bank' OR account ^@ 'cash:' THEN 'money' ELSE account END
        HAVING sum(fen) <> 0
        """,
    ),
    Check(
        "one_standing_bill_per_enrollment",
        "SELECT count(*) FROM enrollment_standing",
        """
        SELECT 'enrollment ' || enrollment_id FROM enrollment_standing WHERE ended_on IS NULL
        GROUP BY enrollment_id HAVING count(*) > 1
        """,
    ),
    Check(
        "never_exempt_and_paid",
        "SELECT count(*) FROM enrollment_exemption",
        """
        SELECT 'enrollment ' || x.enrollment_id FROM enrollment_exemption x
        JOIN enrollment_standing s ON s.enrollment_id = x.enrollment_id AND s.ended_on IS NULL
        WHERE x.approver_id IS NOT NULL AND x.revoked_at IS NULL
        """,
    ),
    Check(
        "receipts_without_gaps",
        "SELECT count(*) FROM enrollment_receiptbook",
        """
        SELECT 'book ' || b.id FROM enrollment_receiptbook b
        LEFT JOIN enrollment_document d ON d.receipt_book_id = b.id
        GROUP BY b.id, b.last_number
        HAVING count(d.id) <> b.last_number OR coalesce(max(d.receipt_number), 0) <> b.last_number
        """,
    ),
    Check(
        "approvers_are_others",
        "SELECT count(*) FROM enrollment_approval",
        """
        SELECT 'document ' || d.id FROM enrollment_document d LEFT JOIN enrollment_approval a ON a.document_id = d.id
        WHERE d.approver_id = d.maker_id OR a.approver_id = d.maker_id
        """,
    ),
)

AUDITED = """
SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE t.tgname = 'audit_insert' AND c.relnamespace = current_schema()::regnamespace ORDER BY 1
"""
# The last word of the trail on each row must be the row as it stands, but for an account's secrets, which it never says.
TRAIL = """
SELECT '{table} ' || coalesce(r.id, a."row") FROM {table} r
FULL JOIN (
    SELECT DISTINCT ON ("row") "row", action, after FROM accounts_auditrow WHERE "table" = '{table}'
    ORDER BY "row", id DESC
) a ON a."row" = r.id
WHERE r.id IS NULL AND a.action <> 'DELETE' OR r.id IS NOT NULL AND a.after IS DISTINCT FROM to_jsonb(r) - ARRAY['password', 'code_hash']
"""


def verify_books() -> dict[str, Any]:
    """Run every check: {"ok", "checks": [{"name", "rows", "failed"}]}; at most 20 failures of each are named."""
    with connection.cursor() as cursor:
        cursor.execute(AUDITED)
        tables = [table for (table,) in cursor.fetchall()]
        trail = [Check(f"trail_of_{t}", f"SELECT count(*) FROM {t}", TRAIL.format(table=t)) for t in tables]  # noqa: S608
        told = []
        for check in (*CHECKS, *trail):
            cursor.execute(check.counted)
            (rows,) = cursor.fetchone()
            cursor.execute(f"{check.wrong} LIMIT {MOST_NAMED}")
            told.append({"name": check.name, "rows": rows, "failed": [row for (row,) in cursor.fetchall()]})
    return {"ok": not any(check["failed"] for check in told), "checks": told}

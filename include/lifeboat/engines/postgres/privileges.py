"""What an account may not read of a database, told before anything is dumped."""

import psycopg

from lifeboat.engines.postgres.access import Row
from lifeboat.errors import AccessError

_RELATIONS = """
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
"""
_NAME = "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)"

_UNREADABLE = f"""{_NAME} {_RELATIONS} AND c.relkind IN ('r', 'p', 'S')
    AND NOT (has_schema_privilege(n.oid, 'USAGE')
             AND CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT')
                                ELSE has_table_privilege(c.oid, 'SELECT') END)
    ORDER BY 1
"""

_HIDDEN = f"{_NAME} {_RELATIONS} AND c.relkind IN ('r', 'p') AND row_security_active(c.oid) ORDER BY 1"

#: pg_read_all_data does not cover large objects.
_UNREADABLE_OBJECTS = """
    SELECT oid::text FROM pg_largeobject_metadata
    WHERE NOT current_setting('lo_compat_privileges')::boolean AND NOT pg_has_role(lomowner, 'USAGE')
    AND NOT EXISTS (SELECT FROM aclexplode(lomacl) AS granted WHERE privilege_type = 'SELECT'
                    AND (grantee = 0 OR pg_has_role(grantee, 'USAGE')))
    ORDER BY oid
"""


def refuse_unreadable(session: psycopg.Connection[Row], member: str) -> None:
    """Given a session on a database, raise AccessError, naming what to grant, if its account cannot read all."""
    account, quoted = session.execute("SELECT current_user::text, quote_ident(current_user)").fetchall()[0]
    for query, what, grant in (
        (_UNREADABLE, "may not read", f"GRANT pg_read_all_data TO {quoted};"),
        (_HIDDEN, "sees by row-level security only some rows of", f"ALTER ROLE {quoted} BYPASSRLS;"),
        (
            _UNREADABLE_OBJECTS,
            "may not read large objects",
            f"GRANT SELECT ON LARGE OBJECT … TO {quoted}; for each, or let their owner make the backups.",
        ),
    ):
        names = [row[0] for row in session.execute(query).fetchall()]
        if names:
            listing = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
            raise AccessError(
                f"{member}: account '{account}' {what} {listing}.", next_step=f"Run in that database: {grant}"
            )

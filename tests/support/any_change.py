"""Any one change of a PostgreSQL database, chosen from what its own catalogue says is there.

Each query returns statements, one for each thing that could be changed in that way; a test takes one of them. A
statement that the server refuses (a partition's column cannot be renamed, say) is no change: another one is taken.
"""

import random
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from lifeboat.engines.postgres.facts import USER_RELATIONS

_NAMESPACE = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(temp|toast)'"
_RELATIONS = f"pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND {USER_RELATIONS}"
_COLUMNS = f"{_RELATIONS} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
#: Neither an extension's nor made along with something else, as a range's functions and a table's type are.
_OWN = "NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = {0}.oid AND e.deptype IN ('e', 'i'))"
_ROUTINES = f"pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND {_NAMESPACE} AND {_OWN.format('p')}"
_TYPES = f"pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace AND {_NAMESPACE} AND {_OWN.format('t')}"
_CONSTRAINTS = f"pg_constraint k JOIN {_RELATIONS} ON k.conrelid = c.oid"
_TRIGGERS = f"pg_trigger g JOIN {_RELATIONS} ON g.tgrelid = c.oid AND NOT g.tgisinternal"
_INDEXES = f"pg_index i JOIN {_RELATIONS} ON i.indexrelid = c.oid"
_TABLE, _ANY_TABLE = "c.relkind = 'r'", "c.relkind IN ('r', 'p')"
_RIGHTS = "('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('REFERENCES'), ('TRIGGER')"
_KIND = """(CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
            WHEN 'i' THEN 'INDEX' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'TABLE' END)"""

#: What is done to objects, by its name, and the query that returns every statement of that kind.
OBJECTS: Mapping[str, str] = {
    "comment of a relation": f"""SELECT format('COMMENT ON %s %s IS %L', {_KIND}, c.oid::regclass,
        coalesce(translate(obj_description(c.oid, 'pg_class'), '(a)', '[]'), 'other'))
        FROM {_RELATIONS} WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'i', 'f')""",
    "comment of a column": f"""SELECT format('COMMENT ON COLUMN %s.%I IS ''(x''', c.oid::regclass, a.attname)
        FROM {_COLUMNS} WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')""",
    "comment of a routine": f"SELECT format('COMMENT ON ROUTINE %s IS ''x''', p.oid::regprocedure) FROM {_ROUTINES} "
    "WHERE p.prokind <> 'a'",
    "comment of a type": f"SELECT format('COMMENT ON TYPE %s IS ''x''', t.oid::regtype) FROM {_TYPES} "
    "WHERE t.typtype IN ('c', 'e', 'r')",
    "comment of a constraint": f"""SELECT format('COMMENT ON CONSTRAINT %I ON %s IS ''x''', k.conname, c.oid::regclass)
        FROM {_CONSTRAINTS}""",
    "comment of a trigger": f"SELECT format('COMMENT ON TRIGGER %I ON %s IS ''x''', g.tgname, c.oid::regclass) "
    f"FROM {_TRIGGERS}",
    "comment of a schema": f"SELECT format('COMMENT ON SCHEMA %I IS NULL', n.nspname) FROM pg_namespace n "
    f"WHERE {_NAMESPACE} AND obj_description(n.oid, 'pg_namespace') IS NOT NULL AND n.nspname <> 'public'",
    "letter of a comment": """SELECT format('UPDATE pg_description SET description = ''('' || description
        WHERE (objoid, classoid, objsubid) = (%s, %s, %s)', objoid, classoid, objsubid)
        FROM pg_description WHERE objoid > 16383""",
    "owner of a relation": f"""SELECT format('ALTER %s %s OWNER TO clerk', {_KIND}, c.oid::regclass)
        FROM {_RELATIONS} WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')""",
    "owner of a routine": f"SELECT format('ALTER ROUTINE %s OWNER TO clerk', p.oid::regprocedure) FROM {_ROUTINES}",
    "owner of a type": f"SELECT format('ALTER TYPE %s OWNER TO clerk', t.oid::regtype) FROM {_TYPES} "
    "WHERE t.typtype IN ('c', 'e', 'r', 'd')",
    "owner of a schema": f"SELECT format('ALTER SCHEMA %I OWNER TO clerk', n.nspname) FROM pg_namespace n "
    f"WHERE {_NAMESPACE}",
    "right granted": f"""SELECT format('GRANT %s ON %s TO clerk', column1, c.oid::regclass)
        FROM (VALUES {_RIGHTS}) AS rights, {_RELATIONS} WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND NOT has_table_privilege('clerk', c.oid, column1)""",
    "right revoked": f"""SELECT format('REVOKE %s ON %s FROM %s', x.privilege_type, c.oid::regclass,
        CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END)
        FROM {_RELATIONS}, aclexplode(c.relacl) x WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')""",
    "right on a column": f"""SELECT format('GRANT UPDATE (%I) ON %s TO clerk', a.attname, c.oid::regclass)
        FROM {_COLUMNS} WHERE {_ANY_TABLE}""",
    "right on a sequence": f"SELECT format('GRANT USAGE ON SEQUENCE %s TO clerk', c.oid::regclass) "
    f"FROM {_RELATIONS} WHERE c.relkind = 'S'",
    "right on a routine": f"SELECT format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', p.oid::regprocedure) "
    f"FROM {_ROUTINES}",
    "right on a schema": f"SELECT format('GRANT CREATE ON SCHEMA %I TO clerk', n.nspname) FROM pg_namespace n "
    f"WHERE {_NAMESPACE}",
    "right on a type": f"SELECT format('REVOKE USAGE ON TYPE %s FROM PUBLIC', t.oid::regtype) FROM {_TYPES} "
    "WHERE t.typtype IN ('e', 'r', 'd')",
    "default right": "SELECT 'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO clerk'",
    "body of a routine": f"""SELECT format('UPDATE pg_proc SET prosrc = %L WHERE oid = %s', p.prosrc || ' -- x', p.oid)
        FROM {_ROUTINES} WHERE p.prosqlbody IS NULL AND p.prokind <> 'a'""",
    "property of a routine": f"""SELECT format('ALTER ROUTINE %s %s', p.oid::regprocedure, column1) FROM {_ROUTINES},
        (VALUES ('COST 7'), ('SET work_mem = ''7MB'''), ('PARALLEL RESTRICTED')) AS v WHERE p.prokind = 'f'""",
    "security of a routine": f"""SELECT format('ALTER ROUTINE %s SECURITY %s', p.oid::regprocedure,
        CASE WHEN p.prosecdef THEN 'INVOKER' ELSE 'DEFINER' END) FROM {_ROUTINES} WHERE p.prokind <> 'a'""",
    "name of a routine": f"SELECT format('ALTER ROUTINE %s RENAME TO other', p.oid::regprocedure) FROM {_ROUTINES}",
    "routine dropped": f"SELECT format('DROP ROUTINE %s CASCADE', p.oid::regprocedure) FROM {_ROUTINES}",
    "trigger switched": f"""SELECT format('ALTER TABLE %s %s TRIGGER %I', c.oid::regclass,
        CASE g.tgenabled WHEN 'O' THEN 'DISABLE' ELSE 'ENABLE' END, g.tgname) FROM {_TRIGGERS}""",
    "trigger renamed": f"SELECT format('ALTER TRIGGER %I ON %s RENAME TO other', g.tgname, c.oid::regclass) "
    f"FROM {_TRIGGERS}",
    "trigger dropped": f"SELECT format('DROP TRIGGER %I ON %s', g.tgname, c.oid::regclass) FROM {_TRIGGERS}",
    "event trigger": "SELECT format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', evtname) FROM pg_event_trigger",
    "rule": f"SELECT format('ALTER TABLE %s DISABLE RULE %I', c.oid::regclass, r.rulename) FROM pg_rewrite r "
    f"JOIN {_RELATIONS} ON r.ev_class = c.oid WHERE {_TABLE}",
    "policy": f"SELECT format('ALTER POLICY %I ON %s USING (true)', y.polname, c.oid::regclass) FROM pg_policy y "
    f"JOIN {_RELATIONS} ON y.polrelid = c.oid",
    "row security": f"""SELECT format('ALTER TABLE %s %s ROW LEVEL SECURITY', c.oid::regclass,
        CASE WHEN c.relrowsecurity THEN 'DISABLE' ELSE 'ENABLE' END) FROM {_RELATIONS} WHERE {_ANY_TABLE}""",
    "view's property": f"SELECT format('ALTER VIEW %s SET (security_invoker = true)', c.oid::regclass) "
    f"FROM {_RELATIONS} WHERE c.relkind = 'v'",
    "column of a view": f"""SELECT format('ALTER %s %s RENAME COLUMN %I TO other', {_KIND}, c.oid::regclass, a.attname)
        FROM {_COLUMNS} WHERE c.relkind IN ('v', 'm')""",
    "name of a relation": f"""SELECT format('ALTER %s %s RENAME TO other', {_KIND}, c.oid::regclass)
        FROM {_RELATIONS} WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'i', 'f')""",
    "relation dropped": f"""SELECT format('DROP %s %s CASCADE', {_KIND}, c.oid::regclass)
        FROM {_RELATIONS} WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'i', 'f')""",
    "relation moved": f"""SELECT format('ALTER %s %s SET SCHEMA impostor', {_KIND}, c.oid::regclass)
        FROM {_RELATIONS} WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname <> 'impostor'""",
    "name of a column": f"SELECT format('ALTER TABLE %s RENAME COLUMN %I TO other', c.oid::regclass, a.attname) "
    f"FROM {_COLUMNS} WHERE {_ANY_TABLE}",
    "column dropped": f"SELECT format('ALTER TABLE %s DROP COLUMN %I CASCADE', c.oid::regclass, a.attname) "
    f"FROM {_COLUMNS} WHERE {_ANY_TABLE}",
    "column added": f"SELECT format('ALTER TABLE %s ADD COLUMN other integer', c.oid::regclass) FROM {_RELATIONS} "
    f"WHERE {_ANY_TABLE}",
    "column may be null": f"""SELECT format('ALTER TABLE %s ALTER %I %s NOT NULL', c.oid::regclass, a.attname,
        CASE WHEN a.attnotnull THEN 'DROP' ELSE 'SET' END) FROM {_COLUMNS} WHERE {_ANY_TABLE}""",
    "statistics of a column": f"SELECT format('ALTER TABLE %s ALTER %I SET STATISTICS 7', c.oid::regclass, a.attname) "
    f"FROM {_COLUMNS} WHERE {_ANY_TABLE}",
    "default dropped": f"SELECT format('ALTER TABLE %s ALTER %I DROP DEFAULT', c.oid::regclass, a.attname) "
    f"FROM {_COLUMNS} WHERE {_ANY_TABLE} AND a.atthasdef AND a.attgenerated = ''",
    "default set": f"SELECT format('ALTER TABLE %s ALTER %I SET DEFAULT ''o(r''', c.oid::regclass, a.attname) "
    f"FROM {_COLUMNS} JOIN pg_type t ON t.oid = a.atttypid WHERE {_ANY_TABLE} AND t.typcategory = 'S'",
    "constraint dropped": f"SELECT format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', c.oid::regclass, k.conname) "
    f"FROM {_CONSTRAINTS}",
    "constraint renamed": f"SELECT format('ALTER TABLE %s RENAME CONSTRAINT %I TO other', c.oid::regclass, k.conname) "
    f"FROM {_CONSTRAINTS}",
    "property of an index": f"SELECT format('ALTER INDEX %s SET (fillfactor = 71)', c.oid::regclass) FROM {_INDEXES}",
    "clustered": "SELECT format('ALTER TABLE %s CLUSTER ON %I', i.indrelid::regclass, c.relname) "
    f"FROM {_INDEXES} WHERE NOT i.indisclustered",
    "property of a table": f"""SELECT format('ALTER TABLE %s %s', c.oid::regclass, column1) FROM {_RELATIONS},
        (VALUES ('SET (fillfactor = 71)'), ('REPLICA IDENTITY FULL'), ('SET (autovacuum_enabled = off)')) AS v
        WHERE {_TABLE}""",
    "tablespace": f"""SELECT format('ALTER %s %s SET TABLESPACE pg_default', {_KIND}, c.oid::regclass)
        FROM {_RELATIONS} WHERE c.relkind IN ('r', 'i') AND c.reltablespace = 0""",
    "property of a sequence": f"""SELECT format('ALTER SEQUENCE %s %s', c.oid::regclass, column1) FROM {_RELATIONS},
        (VALUES ('INCREMENT 13'), ('CACHE 17'), ('MAXVALUE 99999')) AS v WHERE c.relkind = 'S'""",
    "value of a sequence": f"""SELECT format('SELECT nextval(%L)', c.oid::regclass)
        FROM {_RELATIONS} JOIN pg_sequence s ON s.seqrelid = c.oid AND NOT s.seqcycle""",
    "label of an enum": f"SELECT format('ALTER TYPE %s RENAME VALUE %L TO %L', t.oid::regtype, e.enumlabel, "
    f"'(' || e.enumlabel) FROM pg_enum e JOIN {_TYPES} ON t.oid = e.enumtypid",
    "attribute of a type": f"""SELECT format('ALTER TYPE %s RENAME ATTRIBUTE %I TO other', t.oid::regtype, a.attname)
        FROM {_TYPES} JOIN pg_class r ON r.oid = t.typrelid AND r.relkind = 'c'
        JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0""",
    "domain": f"SELECT format('ALTER DOMAIN %s SET DEFAULT 7', t.oid::regtype) FROM {_TYPES} WHERE t.typtype = 'd'",
    "domain's constraint": f"SELECT format('ALTER DOMAIN %s DROP CONSTRAINT %I', t.oid::regtype, k.conname) "
    f"FROM {_TYPES} JOIN pg_constraint k ON k.contypid = t.oid",
    "cast": "SELECT format('DROP CAST (%s AS %s)', castsource::regtype, casttarget::regtype) FROM pg_cast "
    "WHERE oid > 16383",
    "operator": f"SELECT format('ALTER OPERATOR %s OWNER TO clerk', o.oid::regoperator) FROM pg_operator o "
    f"JOIN pg_namespace n ON n.oid = o.oprnamespace AND {_NAMESPACE}",
    "collation": f"SELECT format('ALTER COLLATION %I RENAME TO other', l.collname) FROM pg_collation l "
    f"JOIN pg_namespace n ON n.oid = l.collnamespace AND {_NAMESPACE}",
    "search": f"SELECT format('ALTER TEXT SEARCH CONFIGURATION %I DROP MAPPING FOR word', f.cfgname) "
    f"FROM pg_ts_config f JOIN pg_namespace n ON n.oid = f.cfgnamespace AND {_NAMESPACE}",
    "statistics": f"SELECT format('ALTER STATISTICS %I SET STATISTICS 7', s.stxname) FROM pg_statistic_ext s "
    f"JOIN pg_namespace n ON n.oid = s.stxnamespace AND {_NAMESPACE}",
    "extension": "SELECT format('ALTER EXTENSION %I SET SCHEMA impostor', extname) FROM pg_extension",
    "extension dropped": "SELECT format('DROP EXTENSION %I CASCADE', extname) FROM pg_extension",
    "foreign server": "SELECT format('ALTER SERVER %I OPTIONS (ADD port ''1'')', srvname) FROM pg_foreign_server",
    "publication": "SELECT format('ALTER PUBLICATION %I SET (publish = ''delete'')', pubname) FROM pg_publication",
    "large object written": "SELECT format('SELECT lo_put(%s, 0, %L)', oid, '\\x5a'::bytea) "
    "FROM pg_largeobject_metadata",
    "large object dropped": "SELECT format('SELECT lo_unlink(%s)', oid) FROM pg_largeobject_metadata",
    "large object made": "SELECT 'SELECT lo_create(0)'",
    "right on a large object": "SELECT format('GRANT UPDATE ON LARGE OBJECT %s TO reader', oid) "
    "FROM pg_largeobject_metadata",
    "owner of a large object": "SELECT format('ALTER LARGE OBJECT %s OWNER TO reader', oid) "
    "FROM pg_largeobject_metadata",
    "comment of a large object": "SELECT format('COMMENT ON LARGE OBJECT %s IS ''x''', oid) "
    "FROM pg_largeobject_metadata",
    "database": """SELECT format('ALTER DATABASE %I %s', current_database(), column1) FROM
        (VALUES ('OWNER TO clerk'), ('CONNECTION LIMIT 5'), ('SET work_mem TO ''7MB''')) AS v""",
    "right on the database": "SELECT format('GRANT CREATE ON DATABASE %I TO clerk', current_database())",
    "setting of a role": "SELECT format('ALTER ROLE clerk IN DATABASE %I SET work_mem TO ''7MB''', current_database())",
}


_ROLE = "pg_authid r WHERE r.oid > 16383"
#: What is done to roles, each with what undoes it.
ROLES = f"""
    SELECT format('ALTER ROLE %I CONNECTION LIMIT 7', rolname),
           format('ALTER ROLE %I CONNECTION LIMIT %s', rolname, rolconnlimit) FROM {_ROLE}
    UNION SELECT format('ALTER ROLE %I %s', rolname, CASE WHEN rolcreatedb THEN 'NOCREATEDB' ELSE 'CREATEDB' END),
                 format('ALTER ROLE %I %s', rolname, CASE WHEN rolcreatedb THEN 'CREATEDB' ELSE 'NOCREATEDB' END)
                 FROM {_ROLE}
    UNION SELECT format('ALTER ROLE %I PASSWORD ''other''', rolname),
                 format('ALTER ROLE %I PASSWORD %s', rolname, quote_nullable(rolpassword)) FROM {_ROLE}
    UNION SELECT format('ALTER ROLE %I VALID UNTIL ''2098-01-01''', rolname),
                 format('ALTER ROLE %I VALID UNTIL %L', rolname, rolvaliduntil) FROM {_ROLE}
                 AND rolvaliduntil IS NOT NULL
    UNION SELECT format('ALTER ROLE %I SET temp_buffers TO ''7MB''', rolname),
                 format('ALTER ROLE %I RESET temp_buffers', rolname) FROM {_ROLE}
    UNION SELECT format('COMMENT ON ROLE %I IS ''x''', rolname), format('COMMENT ON ROLE %I IS %L', rolname,
                 shobj_description(oid, 'pg_authid')) FROM {_ROLE}
    UNION SELECT format('GRANT clerk TO %I', rolname), format('REVOKE clerk FROM %I', rolname) FROM {_ROLE}
                 AND NOT pg_has_role(r.oid, 'clerk', 'MEMBER') AND NOT pg_has_role('clerk', r.oid, 'MEMBER')
    UNION SELECT format('ALTER ROLE %I RENAME TO other', rolname), format('ALTER ROLE other RENAME TO %I', rolname)
                 FROM {_ROLE} AND rolpassword IS NULL
    UNION SELECT 'CREATE ROLE other', 'DROP ROLE other'
    ORDER BY 1
"""

#: Every table that can hold rows, with the columns that can be written.
_TABLES = f"""
    SELECT c.oid::regclass::text, coalesce(json_object_agg(quote_ident(a.attname), format_type(a.atttypid, a.atttypmod))
        FILTER (WHERE a.attname IS NOT NULL), '{{}}')
    FROM {_RELATIONS} LEFT JOIN pg_attribute a
        ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    WHERE {_TABLE} GROUP BY c.oid ORDER BY 1
"""


class RowChanges:
    """Changes of the rows of a database, each of them made within the transaction of a session."""

    def __init__(self, session: psycopg.Connection[Any], chance: random.Random) -> None:
        self._session = session
        self._chance = chance
        self._tables: dict[str, dict[str, str]] = dict(self._rows(_TABLES))
        self._filled = [name for name in self._tables if self._content(name)]

    def make(self) -> tuple[str, str]:
        """Make one change that is one, and return the table and the statement."""
        ways = (self._another_value, self._another_value, self._row_removed, self._row_doubled, self._values_swapped)
        way = self._chance.choice(ways)
        while True:
            table = self._chance.choice(self._filled)
            before = self._content(table)
            try:
                with self._session.transaction():
                    statement = way(table)
                    self._session.execute(statement.encode())
                    if self._content(table) != before:
                        return table, statement
            except psycopg.Error as refusal:  # a value of another type, a second one with the same key, …
                if refusal.sqlstate is None:
                    raise

    def _rows(self, query: str) -> list[Any]:
        return self._session.execute(query.encode()).fetchall()

    def _content(self, table: str) -> list[str]:
        """Return the rows as they are written, in no order."""
        return sorted(row for (row,) in self._rows(f"SELECT t::text FROM ONLY {table} AS t"))

    def _row(self, table: str) -> str:
        return str(self._chance.choice(self._rows(f"SELECT ctid FROM ONLY {table} ORDER BY ctid"))[0])

    def _column(self, table: str) -> str:
        return self._chance.choice([*self._tables[table]] or ["no_such_column"])

    def _another_value(self, table: str) -> str:
        row, column = self._row(table), self._column(table)
        ((old,),) = self._rows(f"SELECT {column}::text FROM ONLY {table} WHERE ctid = '{row}'")
        value = "NULL" if (new := another(old, self._chance)) is None else sql.Literal(new).as_string(self._session)
        return f"UPDATE ONLY {table} SET {column} = {value}::{self._tables[table][column]} WHERE ctid = '{row}'"

    def _row_removed(self, table: str) -> str:
        return f"DELETE FROM ONLY {table} WHERE ctid = '{self._row(table)}'"

    def _row_doubled(self, table: str) -> str:
        columns = ", ".join(self._tables[table])
        if not columns:
            return f"INSERT INTO {table} DEFAULT VALUES"
        source = f"SELECT {columns} FROM ONLY {table} WHERE ctid = '{self._row(table)}'"
        return f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE {source}"

    def _values_swapped(self, table: str) -> str:
        one, other, column = self._row(table), self._row(table), self._column(table)
        return f"""UPDATE ONLY {table} AS t SET {column} = o.{column} FROM ONLY {table} AS o WHERE
            (t.ctid, o.ctid) IN (('{one}', '{other}'), ('{other}', '{one}'))"""


def another(value: str | None, chance: random.Random) -> str | None:
    """Given what a value looks like, return what is nearly the same: one character more, less or another; or NULL."""
    if value is None or chance.random() < 0.1:
        return chance.choice((None, "", "0", "1", "a"))
    at, character = chance.randrange(len(value) + 1), chance.choice("0123456789aAbexyz .,-+\n\tüé✓")
    return value[:at] + chance.choice(("", character)) + value[at + chance.randrange(2) :]

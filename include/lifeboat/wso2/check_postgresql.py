"""What the checks need to know of PostgreSQL: its catalogue, and its sequences."""

from lifeboat.wso2.check_model import Dialect, Findings, GenericCheck, Query, integer

_COLUMNS = """
    SELECT c.relname::text, a.attname::text
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.pg_table_is_visible(c.oid)
    AND n.nspname NOT IN ('pg_catalog', 'information_schema')"""

# WSO2's scripts write plain `CREATE SEQUENCE` and `DEFAULT nextval(...)`: only the column's default ties the
# two together (pg_get_serial_sequence knows nothing of it). Identity columns own their sequence instead.
_FED_COLUMNS = """
    SELECT sn.nspname::text, s.relname::text, tn.nspname::text, t.relname::text, a.attname::text,
        quote_ident(sn.nspname) || '.' || quote_ident(s.relname),
        quote_ident(tn.nspname) || '.' || quote_ident(t.relname),
        quote_ident(a.attname)
    FROM (
        SELECT d.refobjid AS sequence, f.adrelid AS relation, f.adnum AS number
        FROM pg_catalog.pg_depend d
        JOIN pg_catalog.pg_attrdef f ON f.oid = d.objid
        WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
        UNION
        SELECT d.objid, d.refobjid, d.refobjsubid
        FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
        AND d.deptype = 'i' AND d.refobjsubid > 0
    ) fed
    JOIN pg_catalog.pg_class s ON s.oid = fed.sequence AND s.relkind = 'S'
    JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
    JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid AND q.seqincrement > 0
    JOIN pg_catalog.pg_class t ON t.oid = fed.relation AND t.relkind IN ('r', 'p')
    JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = fed.number
    JOIN pg_catalog.pg_type y ON y.oid = a.atttypid AND y.typname IN ('int2', 'int4', 'int8', 'numeric')
    ORDER BY 1, 2, 3, 4, 5"""


def sequences_not_behind(query: Query) -> Findings:
    """Given a PostgreSQL database, find every column that its sequence would give a value again.

    A sequence is not transactional: on a live database it is read after, and so never behind, the maximum
    that the transaction sees. Sequences that count down are left out.
    """
    findings = Findings()
    for row in query(_FED_COLUMNS, ()):
        sequence_schema, sequence, schema, table, column, sequence_sql, table_sql, column_sql = map(str, row)
        highest = f"(SELECT MAX({column_sql}) FROM {table_sql})"
        rows = query(f"SELECT {highest}, last_value, is_called FROM {sequence_sql}", ())
        maximum, last_value, is_called = rows[0]
        if maximum is None:
            continue
        given_out = integer(last_value) if is_called else integer(last_value) - 1
        if given_out < integer(maximum):
            findings.add(f"sequence {sequence_schema}.{sequence} column {schema}.{table}.{column}")
    return findings


POSTGRESQL = Dialect(
    columns=_COLUMNS,
    generic_checks=(
        GenericCheck(
            name="sequences-not-behind",
            title="No sequence is behind the column that it feeds.",
            find=sequences_not_behind,
        ),
    ),
)

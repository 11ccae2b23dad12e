"""The runbooks of a database and of a server's accounts: restic and the client mariadb, and nothing of Lifeboat."""

import shlex
from collections import Counter
from typing import Any

from lifeboat.by_hand import RESTIC, Runbook
from lifeboat.engines.mariadb.access import quoted
from lifeboat.manifest import MemberSnapshot, sha256

_TOOLS = ("awk", "df", "mariadb", "mktemp", "rm", "sha256sum")
_DATABASE_TOOLS = (*_TOOLS, "sort", "tail", "wc")

_NEEDS = (
    "export MYSQL_HOST=… MYSQL_TCP_PORT=… MYSQL_USER=…     # the server, and an account that may do everything",
    "stty -echo; read -r MYSQL_PWD; stty echo; export MYSQL_PWD",
)

#: What a script prints as soon as it has made a database: from then on, what it leaves half made is its own.
MADE = "made the database"

_FETCH = """\
# 1. Fetch the dump from the vault: {size} bytes, the very bytes of the capture.
client() {{
    mariadb --no-defaults --user="$MYSQL_USER" --default-character-set=utf8mb4 --max-allowed-packet=1G --batch \\
        --skip-column-names --raw --binary-mode --comments --skip-print-query-on-error "$@"
}}
room . {kibibytes}
work=$(mktemp -d "$PWD/restored-XXXXXX")
trap 'rm -rf -- "$work"' EXIT
trap 'exit 1' HUP INT TERM
{before}{restic} dump {snapshot} {path} > "$work/dump"
read -r digest _ <<END
$(sha256sum < "$work/dump")
END
same "digest of the dump" {digest} "$digest"
"""

_THERE = """\
export DATABASE
there=$(client -e 'SHOW DATABASES' | awk '$0 == ENVIRON["DATABASE"] { found = 1 } END { print found + 0 }')
[ "$there" = 0 ] || fail "there is a database $DATABASE already; set DATABASE to another name"
"""

_DATABASE = """
# 2. Load it under its new name. The dump names the database where it makes and uses it; an event does not run
#    in a database that is not the live one.
end=$(tail -n 1 "$work/dump")
same "end of the dump" '-- Dump completed' "$end"
LIVE={live}
export LIVE
# The database is made first, and only if nobody else has: what fails after this may be dropped.
awk '
    BEGIN {{
        name = ENVIRON["DATABASE"]; gsub(/`/, "``", name); name = "`" name "`"
        make = "CREATE DATABASE /*!32312 IF NOT EXISTS*/ " ENVIRON["LIVE"]
    }}
    index($0, make) == 1 {{ print "CREATE DATABASE " name substr($0, length(make) + 1); exit }}
' "$work/dump" > "$work/make"
[ -s "$work/make" ] || fail "the dump does not say how its database is made"
client < "$work/make" || fail "the database $DATABASE could not be made"
echo '{made}'
awk '
    BEGIN {{
        name = ENVIRON["DATABASE"]; gsub(/`/, "``", name); name = "`" name "`"
        live = ENVIRON["LIVE"]; alter = "ALTER DATABASE " live " CHARACTER SET "
    }}
    $0 == "USE " live ";" {{ print "USE " name ";"; next }}
    index($0, "CREATE DATABASE /*!32312 IF NOT EXISTS*/ " live) == 1 {{ next }}
    index($0, alter) == 1 {{ print "ALTER DATABASE " name substr($0, length("ALTER DATABASE " live) + 1); next }}
    name != live && index($0, "/*!50106 CREATE*/ ") == 1 {{
        if (match($0, / ON COMPLETION (NOT )?PRESERVE ENABLE /))
            $0 = substr($0, 1, RSTART + RLENGTH - 8) "DISABLE ON SLAVE " substr($0, RSTART + RLENGTH)
    }}
    {{ print }}
' "$work/dump" | client || fail "the dump could not be loaded; drop the database $DATABASE before you try again"

# 3. Count its rows, table by table.
client "$DATABASE" > "$work/count.sql" <<'END'
SELECT CONCAT('SELECT ', QUOTE(TABLE_NAME), ', COUNT(*) FROM `', REPLACE(TABLE_NAME, '`', '``'), '`',
              IF(TABLE_TYPE = 'SYSTEM VERSIONED', ' FOR SYSTEM_TIME ALL', ''), ';')
FROM information_schema.TABLES
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED'){steady};
END
client "$DATABASE" < "$work/count.sql" | sort > "$work/rows"
same "tables" {tables} "$(($(wc -l < "$work/count.sql")))"
read -r digest _ <<END
$(sha256sum < "$work/rows")
END
same "rows of each table" {rows_digest} "$digest"

# 4. Count what it has besides tables.
count() {{ client "$DATABASE" -e "SELECT COUNT(*) FROM information_schema.$1 WHERE BINARY $2 = BINARY DATABASE()$3"; }}
same "views" {views} "$(count VIEWS TABLE_SCHEMA '')"
same "sequences" {sequences} "$(count TABLES TABLE_SCHEMA " AND TABLE_TYPE = 'SEQUENCE'")"
same "triggers" {triggers} "$(count TRIGGERS TRIGGER_SCHEMA '')"
same "routines" {routines} "$(count ROUTINES ROUTINE_SCHEMA '')"
same "events" {events} "$(count EVENTS EVENT_SCHEMA '')"
"""

#: What facts call an object, and what the script counts it as.
_COUNTED = {
    "VIEW": "views",
    "SEQUENCE": "sequences",
    "TRIGGER": "triggers",
    "FUNCTION": "routines",
    "PROCEDURE": "routines",
    "PACKAGE": "routines",
    "EVENT": "events",
}

_DATABASE_IN_PLACE = """\
To put it in the place of the live one: MariaDB renames no database, so that it is loaded once more under its name.
  1. Stop every WSO2 server that uses it, and wait until their processes are gone.
  2. Keep what is live: mariadb-dump --single-transaction --hex-blob --routines --events --skip-add-locks
     --databases {live} > before.sql, and look that it ends with "-- Dump completed".
  3. mariadb -e 'DROP DATABASE {live}', then run this script again with DATABASE set to {name}.
  4. Start the servers. To undo, drop the database and load before.sql; drop the copy when you are done.
`lifeboat recover` does the same without a moment in which nothing is live.
"""

_ACCOUNTS = """
# 2. Accounts that the server has stay as they are, with their passwords. Only those that are missing are made.
client > "$work/there" <<'END'
SELECT CONCAT('`', REPLACE(User, '`', '``'), '`', IF(is_role = 'Y', '', CONCAT('@`', REPLACE(Host, '`', '``'), '`')))
FROM mysql.user;
END
awk '
    FNR == NR {{ there[$0] = 1; next }}
    match($0, /^CREATE (USER|ROLE) IF NOT EXISTS /) {{
        name = substr($0, RLENGTH + 1)
        match(name, /^`([^`]|``)*`(@`([^`]|``)*`)?/)
        name = substr(name, 1, RLENGTH)
        if (!(name in there)) {{ missing[name] = 1; print }}
        next
    }}
    {{
        for (name in missing)
            if (index($0 " ", " TO " name " ") || index($0, " TO " name ";") || index($0, " FOR " name ";")) {{
                print
                break
            }}
    }}
' "$work/there" "$work/dump" > "$ROLES"
client --force < "$ROLES" 2> "$work/refused" || true
refused=$(($(wc -l < "$work/refused")))
[ "$refused" = 0 ] || echo "$refused rights were not given, for what they are on is not there yet"

# 3. Every account of the capture must be there now.
client > "$work/there" <<'END'
SELECT CONCAT('`', REPLACE(User, '`', '``'), '`', IF(is_role = 'Y', '', CONCAT('@`', REPLACE(Host, '`', '``'), '`')))
FROM mysql.user;
END
missing=$(awk '
    FNR == NR {{ there[$0] = 1; next }}
    match($0, /^CREATE (USER|ROLE) IF NOT EXISTS /) {{
        name = substr($0, RLENGTH + 1)
        match(name, /^`([^`]|``)*`(@`([^`]|``)*`)?/)
        if (!(substr(name, 1, RLENGTH) in there)) count++
    }}
    END {{ print count + 0 }}
' "$work/there" "$work/dump")
same "accounts that are missing" 0 "$missing"
"""

_ACCOUNTS_IN_PLACE = """\
The file that ROLES names holds what was run, with password verifiers. Rights on tables and routines that were not
there yet are given by running it once more when the databases are back: mariadb --force < the file. Then remove it.
An account that was there already may have changed since the capture; compare it by SHOW GRANTS.
"""


def database_runbook(member: MemberSnapshot, facts: dict[str, Any], name: str) -> Runbook:
    """Given a database's snapshot, its facts and a new name, return the runbook."""
    live = str(member.details["database"])
    unsteady = facts["unsteady"]
    counted = {table: found[0] for table, found in facts["tables"].items() if table not in unsteady}
    rows = sorted(f"{table}\t{count}\n".encode() for table, count in counted.items())
    objects = Counter(_COUNTED.get(each.partition(" ")[0], "") for each in facts["schema"])
    names = ", ".join("'" + each.replace("\\", "\\\\").replace("'", "''") + "'" for each in unsteady)
    return Runbook(
        member=member.member,
        tools=_DATABASE_TOOLS,
        place="DATABASE",
        default=name,
        size_bytes=member.size_bytes,
        needs=_NEEDS,
        steps=_fetch(member, _THERE)
        + _DATABASE.format(
            live=shlex.quote(quoted(live)),
            made=MADE,
            steady=f"\nAND TABLE_NAME NOT IN ({names})" if names else "",
            tables=len(rows),
            rows_digest=sha256(b"".join(rows)),
            **{kind: objects[kind] for kind in _COUNTED.values()},
        ),
        in_place=_DATABASE_IN_PLACE.format(live=quoted(live), name=live),
    )


def accounts_runbook(member: MemberSnapshot) -> Runbook:
    """Given the snapshot of a server's accounts, return the runbook."""
    return Runbook(
        member=member.member,
        tools=(*_TOOLS, "wc"),
        place="ROLES",
        default="roles.sql",
        size_bytes=member.size_bytes,
        needs=_NEEDS,
        steps='[ ! -e "$ROLES" ] || fail "$ROLES is there already; set ROLES to a new file"\n'
        + _fetch(member, "")
        + _ACCOUNTS.format(),
        in_place=_ACCOUNTS_IN_PLACE,
    )


def _fetch(member: MemberSnapshot, before: str) -> str:
    return _FETCH.format(
        size=member.size_bytes,
        kibibytes=member.size_bytes * 11 // 10240 + 1024,
        before=before,
        restic=RESTIC,
        snapshot=member.address.snapshot,
        path=shlex.quote(member.address.path),
        digest=member.stream_sha256,
    )

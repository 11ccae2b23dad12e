"""The runbooks of a database and of a server's roles: restic, psql and pg_restore, and nothing of Lifeboat."""

import re
import shlex
from typing import Any

from lifeboat.by_hand import RESTIC, Runbook
from lifeboat.engines.postgres.access import TOOL_OPTIONS
from lifeboat.engines.postgres.facts import USER_RELATIONS
from lifeboat.manifest import MemberSnapshot, sha256

_TOOLS = ("awk", "df", "mktemp", "psql", "rm", "sha256sum")
_DATABASE_TOOLS = (*_TOOLS, "grep", "pg_restore", "sed", "sort", "tr", "wc")

_NEEDS = (
    "export PGHOST=… PGPORT=… PGUSER=…     # the server, and a superuser of it",
    "stty -echo; read -r PGPASSWORD; stty echo; export PGPASSWORD",
)

#: What a script prints as soon as it has made a database: from then on, what it leaves half made is its own.
MADE = "made the database"

#: A work directory with the dump, whose bytes are those of the capture. Here so that nothing is left behind.
_FETCH = """\
# 1. Fetch the dump from the vault: {size} bytes, the very bytes of the capture.
export PGCLIENTENCODING=UTF8
export PGOPTIONS={options}
run_sql() {{ psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }}
on_server() {{ PGDATABASE="${{PGDATABASE:-postgres}}" run_sql "$@"; }}
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
there=$(on_server -v name="$DATABASE" <<'END'
SELECT count(*) FROM pg_database WHERE datname = :'name';
END
)
[ "$there" = 0 ] || fail "there is a database $DATABASE already; set DATABASE to another name"
"""

_DATABASE = """
# 2. Make the database as it was made: encoding, locale, owner, settings and privileges are in the dump, with its
#    old name. (Its owner and the roles that are named in it must be there: the script of the roles makes them.)
pg_restore --create --list "$work/dump" > "$work/list"
grep -E '^[0-9]+; [0-9]+ [0-9]+ (DATABASE|DATABASE PROPERTIES|(ACL|COMMENT|SECURITY LABEL) - DATABASE) ' \\
    "$work/list" > "$work/of-the-database" || fail "the dump does not tell how its database was made"
pg_restore --create --use-list="$work/of-the-database" --file="$work/captured.sql" "$work/dump"
sed -E \\
    -e '/^\\\\connect /d' \\
    -e {renamed} \\
    -e "/^CREATE DATABASE /a\\\\
SELECT '{made}';" \\
    "$work/captured.sql" > "$work/database.sql"
on_server -v database="$DATABASE" -f "$work/database.sql" ||
    fail "it could not be made whole; drop the database $DATABASE, if it is there now, before you try again"

# 3. Fill it.
PGDATABASE="$DATABASE" pg_restore --dbname= --jobs=2 --exit-on-error "$work/dump" ||
    fail "the dump could not be loaded; drop the database $DATABASE before you try again"

# 4. Count its rows, table by table.
PGDATABASE="$DATABASE" run_sql --record-separator-zero <<'END' | sort -z > "$work/rows"
SELECT format('SELECT %L, count(*) FROM ONLY %I.%I', quote_ident(n.nspname) || '.' || quote_ident(c.relname),
              n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND {relations} \\gexec
END
same "tables" {tables} "$(($(tr -cd '\\0' < "$work/rows" | wc -c)))"
rows=$(tr '\\0\\n' '\\n ' < "$work/rows" | awk -F '|' '{{ rows += $NF }} END {{ printf "%.0f", rows }}')
same "rows" {rows} "$rows"
read -r digest _ <<END
$(sha256sum < "$work/rows")
END
same "rows of each table" {rows_digest} "$digest"
large_objects=$(PGDATABASE="$DATABASE" run_sql -c 'SELECT count(*) FROM pg_largeobject_metadata')
same "large objects" {large_objects} "$large_objects"
"""

_DATABASE_IN_PLACE = """\
To put it in the place of the live one (all databases of one restore point together: they refer to each other):
  1. Stop every WSO2 server that uses it, and wait until their processes are gone.
  2. psql -d postgres, and there:
       ALTER DATABASE {live} ALLOW_CONNECTIONS false;
       SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {literal};
       BEGIN;
       ALTER DATABASE {live} RENAME TO {aside};
       ALTER DATABASE {restored} RENAME TO {live};
       COMMIT;
     For several databases put all their renames between BEGIN and COMMIT. If there is no live one any more,
     only the last rename is needed.
  3. Start the servers. The old database stays as {aside} until you drop it; to undo, rename both back.
"""

_ROLES = """
# 2. Roles that the server has stay as they are, with their passwords. Only those that are missing are made.
on_server -c 'SELECT quote_ident(rolname) FROM pg_roles' > "$work/there"
awk '
    FNR == NR {{ there[$0] = 1; next }}
    /^(CREATE|ALTER) ROLE / {{ name = named($0, "^(CREATE|ALTER) ROLE "); keep = !(name in there) }}
    /^COMMENT ON ROLE / {{ name = named($0, "^COMMENT ON ROLE "); keep = !(name in there) }}
    /^GRANT / {{
        name = named($0, "^GRANT "); member = $0; sub(/^GRANT .* TO /, "", member); member = named(member, "^")
        keep = !(name in there && member in there)
    }}
    /^(--|SET |\\\\)/ {{ keep = 1 }}
    keep {{ print }}
    function named(text, before) {{
        sub(before, "", text)
        if (text ~ /^"/) {{ match(text, /^"([^"]|"")*"/); return substr(text, 1, RLENGTH) }}
        match(text, /^[^ ;]+/)
        return substr(text, 1, RLENGTH)
    }}
' "$work/there" "$work/dump" > "$ROLES"
on_server --single-transaction -f "$ROLES"

# 3. Every role of the capture must be there now.
{{ sed -n -E 's/^CREATE ROLE (.*);$/\\1/p' "$work/dump" | sort; }} > "$work/captured"
on_server -c 'SELECT quote_ident(rolname) FROM pg_roles' | sort > "$work/now"
same "roles that are missing" 0 "$(($(comm -23 "$work/captured" "$work/now" | wc -l)))"
"""

_ROLES_IN_PLACE = """\
The file that ROLES names holds what was run, with password verifiers: remove it when you are done.
A role that was there already may have changed since the capture; compare it by pg_dumpall --roles-only.
"""


def database_runbook(member: MemberSnapshot, facts: dict[str, Any], name: str) -> Runbook:
    """Given a database's snapshot, its facts and a new name, return the runbook."""
    live = str(member.details["database"])
    rows = sorted(f"{table}|{found[0]}".encode() for table, found in facts["tables"].items())
    filled = _DATABASE.format(
        made=MADE,
        renamed=shlex.quote(_renaming(live)),
        relations=USER_RELATIONS.strip(),
        tables=len(rows),
        rows=sum(found[0] for found in facts["tables"].values()),
        rows_digest=sha256(b"".join(row + b"\0" for row in rows)),
        large_objects=facts["large_objects"][0],
    )
    return Runbook(
        member=member.member,
        tools=_DATABASE_TOOLS,
        place="DATABASE",
        default=name,
        size_bytes=member.size_bytes,
        needs=_NEEDS,
        steps=_fetch(member, _THERE) + filled,
        in_place=_DATABASE_IN_PLACE.format(
            live=quoted(live),
            literal="'" + live.replace("'", "''") + "'",
            aside=quoted(f"{live[:56]}_before"),
            restored=quoted(name),
        ),
    )


def roles_runbook(member: MemberSnapshot) -> Runbook:
    """Given the snapshot of a server's roles, return the runbook."""
    return Runbook(
        member=member.member,
        tools=(*_TOOLS, "comm", "sed", "sort", "wc"),
        place="ROLES",
        default="roles.sql",
        size_bytes=member.size_bytes,
        needs=_NEEDS,
        steps='[ ! -e "$ROLES" ] || fail "$ROLES is there already; set ROLES to a new file"\n'
        + _fetch(member, "")
        + _ROLES.format(),
        in_place=_ROLES_IN_PLACE,
    )


def _fetch(member: MemberSnapshot, before: str) -> str:
    return _FETCH.format(
        size=member.size_bytes,
        kibibytes=member.size_bytes * 11 // 10240 + 1024,
        before=before,
        options=shlex.quote(TOOL_OPTIONS),
        restic=RESTIC,
        snapshot=member.address.snapshot,
        path=shlex.quote(member.address.path),
        digest=member.stream_sha256,
    )


def _renaming(database: str) -> str:
    """Given a database's name, return the command of sed that puts psql's variable in its place, in statements about
    the database as pg_restore writes them, each at the beginning of a line."""
    names = "|".join(_pattern(text) for text in (database, quoted(database)))
    before = "(CREATE|ALTER) DATABASE|COMMENT ON DATABASE|(GRANT|REVOKE) .* ON DATABASE|ALTER ROLE .* IN DATABASE"
    before += "|SECURITY LABEL .* ON DATABASE"
    return f's/^({before}) ({names})( |;|$)/\\1 :"database"\\5/'


def _pattern(text: str) -> str:
    """Given a text, return the extended regular expression, between slashes, that fits it alone."""
    return re.sub(r"([][\\/.*^$+?(){}|])", r"\\\1", text)


def quoted(name: str) -> str:
    """Given a name, return it as SQL takes it, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'

#!/usr/bin/env bash
# Prepares the metadata database of a new Airflow, or of a newer version: tables, the vault's pool, the first login.
# Doing it again changes nothing that is there.
set -euo pipefail

airflow db migrate

# Lifeboat's catalog has a database of its own on the same server.
python - <<'PYTHON'
import psycopg
from lifeboat.catalog import Catalog, catalog_url
from lifeboat.connections import from_environment

url = catalog_url(from_environment)
with psycopg.connect(
    host=url.host, port=url.port or 5432, user=url.username, password=url.password, dbname="airflow", autocommit=True
) as server:
    if server.execute("SELECT 1 FROM pg_database WHERE datname = %s", (url.database,)).fetchone() is None:
        server.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(url.database)))
Catalog(url)
PYTHON

airflow pools get lifeboat_vault >/dev/null 2>&1 ||
    airflow pools set lifeboat_vault 2 "Bounds the work on a vault at the same time"

# The command asks for the password twice; that way it never appears among the arguments of a process.
printf '%s\n%s\n' "$AIRFLOW_ADMIN_PASSWORD" "$AIRFLOW_ADMIN_PASSWORD" |
    airflow users create --role Admin --username "$AIRFLOW_ADMIN_USER" --email "$AIRFLOW_ADMIN_USER@localhost" \
        --firstname Lifeboat --lastname Administrator

#!/usr/bin/env bash
# Puts in place what Lifeboat needs on Debian or Ubuntu: the missing system packages and .venv, the Python environment.
#   ./setup.sh        for running Lifeboat
#   ./setup.sh test   for the tests and checks too
# It changes only what is missing; when nothing is, it takes a moment.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

purpose=${1:-run}
if [[ $purpose != run && $purpose != test ]]; then
    echo "setup.sh: unknown argument '$purpose'; give nothing, or 'test'" >&2
    exit 2
fi

packages=()
reasons=()

# need PACKAGE WHY CHECK...: ask for PACKAGE unless the command CHECK... succeeds.
need() {
    local package=$1 why=$2
    shift 2
    if ! "$@" >/dev/null 2>&1; then
        packages+=("$package")
        reasons+=("$why")
    fi
}

found() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1"; }

# The first Python on PATH that Airflow supports and that can make environments.
usable_python() {
    local candidate
    for candidate in python3 python3.11 python3.12 python3.13 python3.14 /usr/bin/python3; do
        if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

postgresql_programs() {
    local directory program
    for directory in /usr/lib/postgresql/*/bin; do
        for program in postgres initdb pg_ctl pg_dump pg_restore psql; do
            [[ -x $directory/$program ]] || continue 2
        done
        return 0
    done
    return 1
}

mariadb_programs() {
    local program
    for program in mariadbd mariadb-install-db mariadb mariadb-dump; do
        found "$program" || return 1
    done
}

find_missing_packages() {
    need python3-venv "runs Lifeboat and Airflow (Python 3.11 to 3.14, with venv)" usable_python
    need restic "keeps the vault of the restore points" found restic
    need postgresql "runs and dumps the sample databases, and restores them in drills" postgresql_programs
    need mariadb-server "runs and dumps the sample's MariaDB, and restores it in drills (no service)" mariadb_programs
    need libh2-java "makes the sample's embedded H2 database" test -e /usr/share/java/h2.jar
    need openssh-client "reaches servers on other machines" found ssh
    need default-jre-headless "has keytool, which reads WSO2's keystores, and proves embedded H2 databases" found keytool
    if [[ $purpose == test ]]; then
        need openssh-server "is the other machine of the SSH tests (it is not started)" found sshd
        need chromium "is the browser of the test that recovers in Airflow's pages" found chromium
        need puppet-agent "is the Puppet of the tests (no service)" found puppet
        need unzip "is how our Puppet module unpacks a product" found unzip
        need sudo "is how the tests run commands as another account" found sudo
    fi
}

run_as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi
}

can_be_root() {
    [[ $(id -u) == 0 ]] || { found sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; }
}

is_installed() { [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

install_missing_packages() {
    local index
    local install=(apt-get install -y --no-install-recommends "${packages[@]}")
    echo "setup.sh: these packages are missing:"
    for index in "${!packages[@]}"; do
        printf '  %-22s %s\n' "${packages[$index]}" "${reasons[$index]}"
    done
    if ! found apt-get >/dev/null; then
        echo "setup.sh: there is no apt-get here; install what these Debian packages hold, then start again" >&2
        exit 1
    fi
    if ! can_be_root; then
        echo "setup.sh: this needs root, and sudo does not help; run as root, then start again:" >&2
        echo "  apt-get update && ${install[*]}" >&2
        exit 1
    fi

    # Lifeboat starts its own scratch servers: Debian must neither make a cluster on port 5432 nor start a service.
    local cluster_file=/etc/postgresql-common/createcluster.conf
    if [[ " ${packages[*]} " == *" postgresql "* && ! -e $cluster_file ]] && ! is_installed postgresql-common; then
        echo "setup.sh: writing $cluster_file, so that no PostgreSQL cluster is made on port 5432"
        run_as_root mkdir -p "${cluster_file%/*}"
        echo 'create_main_cluster = false' | run_as_root tee "$cluster_file" >/dev/null
    fi
    local policy_file=/usr/sbin/policy-rc.d
    if [[ ! -e $policy_file ]]; then
        # Expanded now on purpose: the function's variable is gone when the script exits.
        # shellcheck disable=SC2064
        trap "run_as_root rm -f $policy_file" EXIT
        printf '#!/bin/sh\nexit 101\n' | run_as_root tee "$policy_file" >/dev/null
        run_as_root chmod 755 "$policy_file"
    fi

    echo "setup.sh: apt-get update && ${install[*]}"
    run_as_root apt-get -q update
    run_as_root env DEBIAN_FRONTEND=noninteractive "${install[@]}" -q -o Dpkg::Options::=--force-confold
    if [[ " ${packages[*]} " == *" openssh-server "* ]] && found systemctl >/dev/null; then
        run_as_root systemctl disable --quiet ssh.service
    fi
    if [[ " ${packages[*]} " == *" puppet-agent "* ]] && found systemctl >/dev/null; then
        run_as_root systemctl disable --quiet puppet.service
    fi
}

requirement_files() {
    echo requirements.txt
    if [[ $1 == test ]]; then echo requirements-dev.txt; fi
}

# Says for which requirements and for which place (scripts name it) an environment was made.
wanted_stamp() {
    # shellcheck disable=SC2046
    { echo "$PWD" && cat $(requirement_files "$1") constraints.txt; } | sha256sum
}

is_stamped() { [[ -x .venv/bin/python && $(cat ".venv/lifeboat-$1.stamp" 2>/dev/null) == "$(wanted_stamp "$1")" ]]; }

make_environment() {
    local files
    mapfile -t files < <(requirement_files "$purpose")
    if ! .venv/bin/python -c '' 2>/dev/null || ! grep -qF "$PWD/.venv" .venv/bin/activate; then
        echo "setup.sh: making .venv with $(usable_python)"
        "$(usable_python)" -m venv --clear .venv
    fi
    echo "setup.sh: installing ${files[*]} into .venv; this takes some minutes the first time"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
    # Copies work wherever uv's cache lies.
    UV_LINK_MODE=copy UV_HTTP_TIMEOUT=180 .venv/bin/uv pip install --quiet --python .venv/bin/python \
        --compile-bytecode --constraint constraints.txt "${files[@]/#/--requirement=}"
    wanted_stamp run >.venv/lifeboat-run.stamp
    wanted_stamp "$purpose" >".venv/lifeboat-$purpose.stamp"
}

find_missing_packages
if ((${#packages[@]})); then
    install_missing_packages
fi
if ! is_stamped "$purpose"; then
    make_environment
fi

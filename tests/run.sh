#!/usr/bin/env bash
# Checks the code and runs the tests, the quick parts first, and says how long each part took. Needs ./setup.sh test.
#   tests/run.sh             everything
#   tests/run.sh lint        the checks of the code alone
#   tests/run.sh unit dags   these parts alone
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH" PYTHONPATH="$PWD/include:$PWD/plugins"

lint() {
    local status=0
    ruff check . || status=1
    ruff format --check . || status=1
    mypy || status=1
    return $status
}

parts=("$@")
((${#parts[@]})) || parts=(lint unit contract dags e2e)

times=()
failed=()
for part in "${parts[@]}"; do
    echo "== $part"
    began=$SECONDS
    if [[ $part == lint ]]; then
        run=(lint)
    else
        run=(pytest "tests/$part" --durations=5 --durations-min=1)
        # These mostly wait for databases, restic and sshd. The other parts measure time, or share one Airflow.
        if [[ $part == contract ]]; then run+=(--numprocesses=3 --dist=loadfile --no-loadscope-reorder); fi
    fi
    result=ok
    if ! "${run[@]}"; then
        result=FAILED
        failed+=("$part")
    fi
    times+=("$(printf '%-10s %4d s  %s' "$part" $((SECONDS - began)) "$result")")
done

printf '\n== times\n'
printf '%s\n' "${times[@]}"
((${#failed[@]} == 0))

#!/bin/sh
# Stands in for the start script of a WSO2 server in a sample home, with its manners: `start` and `stop` return at once
# with status 0, whatever comes of it, and a PID file that names any living process is believed. In the place of the
# JVM it runs bin/sample-server.py.
home=$(cd "$(dirname "$0")/.." && pwd)
pid=$(tr -d '\0\n' 2>/dev/null <"$home/wso2carbon.pid")

case "$1" in
start)
    if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
        echo "Process is already running"
        exit 0
    fi
    nohup sh "$home/bin/$(basename "$0")" run >/dev/null 2>&1 </dev/null &
    ;;
run)
    rm -rf "$home"/tmp/*
    mkdir -p "$home/repository/logs"
    status=121 # the JVM asks by this status to be started again
    while [ "$status" = 121 ]; do
        # Patches are applied before the product itself starts.
        [ -f "$home/bin/sample-patches.py" ] && python3 "$home/bin/sample-patches.py" "$home"
        python3 "$home/bin/sample-server.py" "-Dcarbon.home=$home"
        status=$?
    done
    ;;
stop)
    kill -TERM "$pid"
    exit 0
    ;;
version)
    cat "$home/bin/version.txt" "$home/bin/wso2carbon-version.txt"
    ;;
*)
    echo "usage: $0 start|run|stop|version" >&2
    exit 1
    ;;
esac

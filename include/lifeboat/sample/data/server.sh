#!/bin/sh
# Stands in for the start script of a WSO2 server in a sample home. There is no product to run: `start` leaves a
# process that only waits, with the same pid file and the same lines in the log as a real server.
home=$(cd "$(dirname "$0")/.." && pwd)
pid_file=$home/wso2carbon.pid
pid=$(tr -d '\0\n' 2>/dev/null <"$pid_file")

write_log() {
    echo "TID: [-1234] [] [$(date '+%Y-%m-%d %H:%M:%S,000')]  INFO - $1" >>"$home/repository/logs/wso2carbon.log"
}

case "$1" in
start)
    if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
        echo "Process is already running"
        exit 0
    fi
    rm -rf "$home"/tmp/*
    mkdir -p "$home/repository/logs"
    nohup "$0" run >/dev/null 2>&1 </dev/null &
    ;;
run)
    printf '%s' $$ | dd of="$pid_file" bs=100 conv=sync 2>/dev/null
    trap 'write_log "Halting JVM"; rm -f "$pid_file"; exit 0' TERM
    write_log "Starting WSO2 Carbon..."
    write_log "WSO2 Carbon started in 1 sec"
    while :; do sleep 1; done
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

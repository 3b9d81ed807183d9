#!/bin/sh
# orc's hook: a permission request of Claude Code may be answered in the dashboard. It asks in the spool and waits;
# without a host, or without an answer in time, it ends at once and says nothing: then the usual dialog asks.
spool=$1
[ -r "$spool/ready" ] || exit 0
read -r host wait < "$spool/ready" || exit 0
kill -0 "$host" 2>/dev/null || exit 0
umask 077
name="$spool/$$.${PPID:-0}"
trap 'rm -f "$name.ask" "$name.seen" "$name.answer" "$name.new"' EXIT
trap 'exit 0' HUP INT TERM
cat > "$name.new" && mv "$name.new" "$name.ask" || exit 0
turns=0
most=$((${wait:-60} * 10))
while [ "$turns" -lt "$most" ]; do
  if [ -e "$name.answer" ]; then
    cat "$name.answer"
    exit 0
  fi
  # A host that does not take notice within two seconds is none.
  [ "$turns" -lt 20 ] || [ -e "$name.seen" ] || exit 0
  kill -0 "$host" 2>/dev/null || exit 0
  sleep 0.1
  turns=$((turns + 1))
done
exit 0

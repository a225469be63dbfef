#!/bin/sh
# shellcheck disable=SC2015 # `a && b || bad`: bad is meant for both
# Puts back what harden's transaction changed on this node. It stands alone: it needs nothing but the directory that it
# lies in. It may be run at any time and any number of times; only the first run that finds the transaction pending
# does anything. Every step is tried even when one before it failed.
# Exit codes: 0 the old state is back, or there was nothing to put back; 1 something could not be put back.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
T=$(cd "$(dirname "$0")" && pwd) || exit 1
ID=${T##*/}
H=${T%/txn/*}
# "" on a running node, the directory of the tree elsewhere.
R=${H%/var/lib/harden}
failed=

bad() {
  printf 'rollback: %s failed\n' "$1"
  failed=1
}

# One rename decides between confirmation and rollback: exactly one of them finds the marker.
mv -T -- "$T/pending" "$T/reverting" 2>/dev/null || exit 0

while IFS= read -r path; do
  rm -f -- "$R${path%/*}/.harden.$ID.${path##*/}" || bad "removing what was staged for $path"
done <"$T/staged"

while IFS='	' read -r kind how path; do
  case $kind in
  file)
    if cmp -s -- "$T/files/$how" "$R$path" && [ "$(stat -c %a:%u:%g -- "$T/files/$how")" = "$(stat -c %a:%u:%g -- "$R$path")" ]; then
      continue
    fi
    new="$R${path%/*}/.harden.$ID.${path##*/}"
    cp -a -- "$T/files/$how" "$new" && mv -fT -- "$new" "$R$path" || bad "restoring $path"
    ;;
  none)
    rm -f -- "$R$path" || bad "removing $path"
    ;;
  attributes)
    owner=${how#*:}
    { [ "$(id -u)" != 0 ] || chown "$owner" -- "$R$path"; } && chmod "${how%%:*}" -- "$R$path" || bad "restoring the owner and mode of $path"
    ;;
  esac
done <"$T/paths"

# The deepest directory first.
sort -r "$T/paths" | while IFS='	' read -r kind _ path; do
  [ "$kind" != dir ] || rmdir -- "$R$path" 2>/dev/null
done
sync

if [ -z "$R" ]; then
  while IFS='	' read -r name value; do
    printf '%s\n' "$value" >"/proc/sys/$(printf %s "$name" | tr ./ /.)" || bad "restoring kernel parameter $name"
  done <"$T/sysctls"
  if [ -s "$T/units" ] || [ -s "$T/unit-states" ]; then
    systemctl daemon-reload || bad "systemctl daemon-reload"
  fi
  while IFS='	' read -r unit enabled active; do
    case $enabled in
    enabled) systemctl enable -- "$unit" || bad "enabling $unit" ;;
    disabled) systemctl disable -- "$unit" || bad "disabling $unit" ;;
    esac
    case $active in
    active) systemctl start -- "$unit" || bad "starting $unit" ;;
    inactive) systemctl stop -- "$unit" || bad "stopping $unit" ;;
    esac
  done <"$T/unit-states"
  while IFS= read -r unit; do
    systemctl restart -- "$unit" || bad "restarting $unit"
  done <"$T/units"
fi

if [ -n "$failed" ]; then
  mv -T -- "$T/reverting" "$T/failed"
  exit 1
fi
mv -T -- "$T/reverting" "$T/reverted"
if [ "$(cat "$H/lock/id" 2>/dev/null)" = "$ID" ]; then rm -rf -- "$H/lock"; fi
exit 0

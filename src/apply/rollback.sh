#!/bin/sh
# shellcheck disable=SC2015 # `a && b || bad`: bad is meant for both
# shellcheck disable=SC2317 # wait_until calls what it is given
# Brings a transaction of harden on this node to its end: one that was confirmed stays, anything else is put back. It
# stands alone: it needs nothing but the directory that it lies in. It may be run at any time, any number of times, also
# after it was killed half-way: `sh /var/lib/harden/lock/rollback.sh` is the remedy for a node that is left locked.
# Every step is tried even when one before it failed. What it did, and what it could not do, stands in `result`.
#   rollback.sh         somebody waits for it and looks at the node afterwards
#   rollback.sh alone   the node's own timer: nobody does
#   rollback.sh unlock  somebody waits for it, and the next node may be unlocked right after
#   rollback.sh boot    the node starts: what reads the files is started afterwards, and must not be waited for
# The last line says what is true now: untouched, reverted or committed.
# Exit codes: 0 it is at its end and the lock is free; 1 something could not be put back, and the node stays locked.

export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 077
# It must come to its end, whoever hangs up meanwhile.
trap '' HUP INT PIPE TERM
T=$(cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
ID=${T##*/}
# "" on a running node, the directory of the tree elsewhere.
R=$(cat -- "$T/root") || exit 1
H="$R/var/lib/harden"
mode=${1:-asked}
failed=

bad() { # WHAT
  printf 'rollback: %s failed\n' "$1" >&2
  note "$1 failed"
  failed=1
}

# On a full disk it has to do without.
note() { # WHAT
  printf '%s\n' "$1" >>"$T/result"
} 2>/dev/null

same() { # FILE FILE, of which the second exists
  [ "$(stat -L -c %d:%i -- "$1" 2>/dev/null)" = "$(stat -L -c %d:%i -- "$2")" ]
}

if ! same "$H/txn/$ID" "$T"; then
  bad "finding $H/txn/$ID, where this was begun,"
  exit 1
fi

# Whether another process works on this transaction: the one that has `worker`, which names it, open. A change that
# harden lost its connection to may still run, and must not go on behind our back. It is our own caller when it failed.
working() {
  read -r work process 2>/dev/null <"$T/worker" || return 1
  [ "$process" != "$PPID" ] && same "/proc/$process/fd/9" "$T/worker"
}

stop_other() {
  tries=0
  while working; do
    if [ "$work" = change ]; then
      # On TERM it ends between two commands; on KILL the command in hand may still end by itself.
      case $tries in
      0) kill -TERM "$process" ;;
      100) kill -KILL "$process" ;;
      esac
    fi
    tries=$((tries + 1))
    sleep 0.1
  done 2>/dev/null
  # On a full disk it has to do without.
  if printf 'rollback %s\n' "$$" >"$T/worker.new"; then
    exec 9<"$T/worker.new"
    mv -fT -- "$T/worker.new" "$T/worker"
  fi 2>/dev/null
}

# A timer that stays finds nothing to do. systemctl does not wait: this may be what the timer started.
disarm() {
  [ -e "$T/deadline" ] || return 0
  units="$R/etc/systemd/system"
  rm -f -- "$units/multi-user.target.wants/harden-rollback.service" "$units/harden-rollback.service" ||
    bad "removing harden-rollback.service"
  [ -n "$R" ] || systemctl stop --no-block "harden-rollback-$ID.timer" >/dev/null 2>&1
}

unlock() {
  disarm
  if [ "$(readlink -- "$H/lock")" = "txn/$ID" ]; then rm -f -- "$H/lock" || bad "removing $H/lock"; fi
}

remove_staged() {
  while IFS= read -r path; do
    rm -f -- "$R${path%/*}/.harden.$ID.${path##*/}" || bad "removing what was staged for $path"
  done <"$T/staged"
}

# The deepest directory first; one that is in use by now stays.
remove_directories() { # dir|emptied
  sort -r "$T/paths" | while IFS='	' read -r kind _ path; do
    [ "$kind" != "$1" ] || rmdir -- "$R$path" 2>/dev/null
  done
}

attributes_of() { # FILE
  stat -c %a:%u:%g -- "$1"
}

restore_file() { # BACKUP PATH
  old="$T/files/$1"
  if [ ! -L "$R$2" ] && cmp -s -- "$old" "$R$2" && [ "$(attributes_of "$old")" = "$(attributes_of "$R$2")" ]; then
    return
  fi
  new="$R${2%/*}/.harden.$ID.${2##*/}"
  if cp -a -- "$old" "$new" && sync -- "$new" && mv -fT -- "$new" "$R$2"; then
    note_restored "$2"
    return
  fi
  # A full disk has no room for a copy, and still takes another name for what is there.
  rm -f -- "$new"
  if ln -- "$old" "$new" && mv -fT -- "$new" "$R$2"; then
    note_restored "$2"
    return
  fi
  rm -f -- "$new"
  bad "restoring $2"
}

note_restored() { # PATH
  printf '%s\n' "$1" >>"$T/restored"
} 2>/dev/null

forget_restored() {
  printf '' >"$T/restored"
} 2>/dev/null

restore_attributes() { # OLD PATH
  [ "$(attributes_of "$R$2")" != "$1" ] || return 0
  { [ "$(id -u)" != 0 ] || chown "${1#*:}" -- "$R$2"; } && chmod "${1%%:*}" -- "$R$2" ||
    bad "restoring the owner and mode of $2"
}

# Manifests go last: what they name has to be there.
restore_files() { # files|manifests
  while IFS='	' read -r kind how path; do
    case $path in
    /etc/kubernetes/manifests/*) [ "$1" = manifests ] || continue ;;
    *) [ "$1" = files ] || continue ;;
    esac
    case $kind in
    file | private) restore_file "$how" "$path" ;;
    none) rm -f -- "$R$path" || bad "removing $path" ;;
    attributes) restore_attributes "$how" "$path" ;;
    esac
  done <"$T/paths"
}

# What is true after all that, whatever each step said.
verify_files() {
  while IFS='	' read -r kind how path; do
    case $kind in
    file) cmp -s -- "$T/files/$how" "$R$path" || bad "verifying $path" ;;
    none) { [ ! -e "$R$path" ] && [ ! -L "$R$path" ]; } || bad "verifying that $path is gone" ;;
    esac
  done <"$T/paths"
}

# There was no such unit: what would start it at boot leads nowhere, and systemctl does not take it away any more.
forget_unit() { # UNIT
  for link in "$R"/etc/systemd/system/*.wants/"$1"; do
    if [ -L "$link" ] && [ ! -e "$link" ]; then
      rm -f -- "$link" || bad "removing $link"
    fi
  done
}

# One that never came to run is not known to systemd any more once its file has gone: what counts is that it does not run.
stop_unit() { # UNIT
  said=$(systemctl stop -- "$1" 2>&1) && return
  case $(systemctl is-active -- "$1" 2>/dev/null) in inactive | unknown) return 0 ;; esac
  printf '%s\n' "$said" >&2
  return 1
}

restore_units() {
  while IFS='	' read -r unit enabled active; do
    case $enabled in
    enabled) systemctl enable -- "$unit" || bad "enabling $unit" ;;
    disabled) systemctl disable -- "$unit" || bad "disabling $unit" ;;
    not-found) forget_unit "$unit" ;;
    esac
    if [ "$mode" != boot ]; then
      case $active in
      active) systemctl start -- "$unit" || bad "starting $unit" ;;
      inactive) stop_unit "$unit" || bad "stopping $unit" ;;
      esac
    fi
    # Last: a masked unit is not started any more, however long it has been running.
    case $enabled in
    masked) systemctl mask -- "$unit" || bad "masking $unit" ;;
    masked-runtime) systemctl mask --runtime -- "$unit" || bad "masking $unit" ;;
    esac
  done <"$T/unit-states"
  [ "$mode" != boot ] || return 0
  # One that runs as it did before is left alone.
  while IFS= read -r unit; do
    systemctl restart -- "$unit" || bad "restarting $unit"
  done <"$T/restarted"
}

# A kubelet that runs replaces the pods before it is restarted. One that starts while the API server that it asks is one of them
# never takes a pod away again, so that the old one would wait for ever to take the new one's place (its `deletePod` skips "because
# sources aren't ready yet"); and of one that finds a changed manifest when it starts the old pod has no grace period.
let_kubelet_replace_pods() {
  [ -s "$T/restarted" ] && systemctl --quiet is-active kubelet || return 0
  each_restored_pod 90 note
}

each_restored_pod() { # SECONDS COMMAND-WHERE-IT-DOES-NOT-COME
  while IFS= read -r path; do
    case $path in
    /etc/kubernetes/manifests/*.yaml)
      pod=${path##*/}
      wait_until "$1" runs_anew "${pod%.yaml}" || "$2" "waiting for a new process of ${pod%.yaml}"
      ;;
    esac
  done <"$T/restored"
}

# Nobody else looks: does the node live with its old state? The API server is not asked, it may not answer strangers. What was
# put back by an earlier run has its new process long since, or never will.
await_health() {
  while IFS= read -r unit; do
    wait_until 60 systemctl --quiet is-active "$unit" || bad "waiting for $unit"
  done <"$T/units"
  each_restored_pod 180 bad
}

wait_until() { # SECONDS COMMAND...
  left=$1
  shift
  until "$@"; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep 1
  done
}

# A process of that name that was started after the manifests were put back. The kernel keeps 15 characters of a name.
runs_anew() { # COMPONENT
  name=$(printf %.15s "$1")
  for process in /proc/[0-9]*; do
    [ "$(cat -- "$process/comm" 2>/dev/null)" = "$name" ] && [ "$(age "$process")" -lt "$(($(uptime) - restored))" ] && return
  done
  return 1
}

# Seconds since this machine was started.
uptime() {
  read -r up _ </proc/uptime
  printf %s "${up%.*}"
}

# Seconds since a process was started; the 22nd field of its line, which is told in hundredths on every Linux that Kubernetes
# runs on. The second, in parentheses, may hold anything.
age() { # DIRECTORY
  line=$(cat -- "$1/stat" 2>/dev/null)
  # shellcheck disable=SC2086 # its fields
  set -- ${line##*)}
  [ $# -ge 20 ] || set -- 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 0
  printf %s "$(($(uptime) - ${20} / 100))"
}

# The commands that made new files effective do the same for the old ones. Each stands in one line, quoted for the shell.
# One that did nothing for the new files, since it failed or was not reached, has nothing to undo: should it fail now, then
# it would have failed before harden came.
reactivate() {
  begun=$(cat -- "$T/begun" 2>/dev/null)
  number=0
  while IFS= read -r line; do
    number=$((number + 1))
    sh -c "$line" >/dev/null </dev/null && continue
    if [ "$number" -gt "${begun:-0}" ] || { [ "$number" = "$begun" ] && [ -e "$T/inactive" ]; }; then
      printf 'rollback: with the old files this fails as well: %s\n' "$line" >&2
    else
      bad "$line"
    fi
  done <"$T/activations"
}

restore_system() {
  while IFS='	' read -r name value; do
    file="/proc/sys/$(printf %s "$name" | tr ./ /.)"
    [ "$(cat -- "$file")" = "$value" ] || printf '%s\n' "$value" >"$file" || bad "restoring kernel parameter $name"
  done <"$T/sysctls"
  if [ -s "$T/units" ] || [ -s "$T/unit-states" ]; then
    systemctl daemon-reload || bad "systemctl daemon-reload"
    restore_units
  fi
  [ "$mode" = boot ] || reactivate
}

revert() {
  forget_restored
  remove_staged
  restore_files files
  restored=$(uptime)
  restore_files manifests
  if [ -z "$R" ]; then
    [ "$mode" = boot ] || let_kubelet_replace_pods
    restore_system
  fi
  remove_directories dir
  verify_files
  sync
  if [ -z "$R" ]; then
    case $mode in alone | unlock) await_health ;; esac
  fi
  note "$mode $(date +%s)"
  if [ -n "$failed" ]; then
    mv -T -- "$T/reverting" "$T/failed"
    exit 1
  fi
  mv -T -- "$T/reverting" "$T/reverted" || exit 1
}

# It never got as far as the first change: what it prepared goes away, and so does its directory.
discard() {
  remove_staged
  remove_directories dir
  [ -z "$failed" ] || exit 1
  unlock
  cd / && rm -rf -- "$T"
  echo untouched
  exit 0
}

# Old private keys are worth nothing to later transactions, which keep copies of their own, and much to a thief. Nor is kept here
# what was removed on purpose: it may be somebody's key or kubeconfig.
forget() { # committed|reverted
  while IFS='	' read -r kind how path; do
    case $kind in
    private) rm -f -- "$T/files/$how" ;;
    file)
      [ "$1" != committed ] || [ -e "$R$path" ] || [ -L "$R$path" ] || rm -f -- "$T/files/$how"
      ;;
    esac
  done <"$T/paths"
}

stop_other
# One rename decides between confirmation and rollback: exactly one of them finds the marker.
mv -T -- "$T/pending" "$T/reverting" 2>/dev/null || mv -T -- "$T/failed" "$T/reverting" 2>/dev/null
if [ -e "$T/reverting" ]; then
  revert
  forget reverted
  outcome=reverted
elif [ -e "$T/pending" ] || [ -e "$T/failed" ]; then
  bad "marking $T"
  exit 1
elif [ -e "$T/committed" ]; then
  # The confirmation may have been killed before it was recorded. Without the record all is well but the history.
  [ ! -e "$T/state.json" ] || mv -fT -- "$T/state.json" "$H/state.json" || bad "recording in $H/state.json"
  forget committed
  remove_directories emptied
  sync -- "$H" 2>/dev/null
  outcome=committed
elif [ -e "$T/reverted" ]; then
  forget reverted
  outcome=reverted
else
  discard
fi
unlock
echo "$outcome"
exit 0

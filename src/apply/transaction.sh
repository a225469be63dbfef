# shellcheck shell=sh
# shellcheck disable=SC2015 # `a && b || fail`: fail is meant for both
# harden's transaction on one node: functions only. The calls that follow this text are made from the plan
# (src/apply/script.rs). R is the root of the tree ("" on a running node) and ID the transaction; paths are absolute and
# hold neither tab nor newline.
#
# Exit codes: 74 the node is not as it was planned, nothing was changed; 75 somebody else holds the lock, nothing was
# changed; 70 it failed before the first change and everything is as it was; 71 it failed later and was rolled back;
# 72 the rollback failed too.

H="$R/var/lib/harden"
T="$H/txn/$ID"
count=0
stale=
# Without root's rights (a directory tree of one's own) owners can be neither told nor set.
owners=$(id -u)

# Takes the lock, or shows who has it. A directory is made by one process only, on any file system.
begin() { # OWNER
  mkdir -p "$H/txn" && chmod 0700 "$H" "$H/txn" || exit 70
  if ! mkdir "$H/lock" 2>/dev/null; then
    cat "$H/lock/owner" 2>/dev/null
    exit 75
  fi
  printf '%s\n' "$ID" >"$H/lock/id"
  printf '%s\n' "$1" >"$H/lock/owner"
  mkdir "$T" "$T/files" || abandon 70
  : >"$T/paths" && : >"$T/staged" && : >"$T/units" && : >"$T/sysctls" && : >"$T/unit-states" || abandon 70
  printf '%s\n' "$1" >"$T/owner"
}

# Leaves everything as it was: only before the first swap.
abandon() { # CODE
  if [ -f "$T/staged" ]; then
    while IFS= read -r path; do rm -f -- "$(staged "$path")"; done <"$T/staged"
  fi
  if [ -f "$T/paths" ]; then
    sort -r "$T/paths" | while IFS='	' read -r kind _ path; do
      [ "$kind" != dir ] || rmdir -- "$R$path" 2>/dev/null
    done
  fi
  rm -rf -- "$T"
  unlock
  exit "$1"
}

unlock() {
  if [ "$(cat "$H/lock/id" 2>/dev/null)" = "$ID" ]; then rm -rf -- "$H/lock"; fi
}

# What the plan saw must still be there.
expect() { # PATH SHA256 MODE OWNER GROUP
  path="$R$1"
  if [ ! -e "$path" ]; then
    moved "$1" "it is gone"
    return
  fi
  if [ -n "$2" ]; then
    sum=$(sha256sum <"$path")
    [ "${sum%% *}" = "$2" ] || moved "$1" "its content changed"
  fi
  [ "$(stat -c %a -- "$path")" = "$3" ] || moved "$1" "its mode changed"
  if [ "$owners" = 0 ]; then
    [ "$(stat -c %U:%G -- "$path")" = "$4:$5" ] || moved "$1" "its owner changed"
  fi
}

expect_absent() { # PATH
  if [ -e "$R$1" ] || [ -L "$R$1" ]; then moved "$1" "it did not exist"; fi
}

moved() { # PATH WHAT
  printf '%s: %s\n' "$1" "$2"
  stale=1
}

unless_stale() {
  [ -z "$stale" ] || abandon 74
}

# Backs a path up, below a directory that nothing watches.
keep() { # PATH
  count=$((count + 1))
  if [ -d "$R$1" ] && [ ! -L "$R$1" ]; then
    printf '%s is a directory\n' "$1" >&2
    abandon 70
  fi
  if [ -e "$R$1" ] || [ -L "$R$1" ]; then
    cp -a -- "$R$1" "$T/files/$count" || abandon 70
    printf 'file\t%s\t%s\n' "$count" "$1" >>"$T/paths" || abandon 70
  else
    printf 'none\t-\t%s\n' "$1" >>"$T/paths" || abandon 70
  fi
}

keep_attributes() { # PATH
  printf 'attributes\t%s\t%s\n' "$(stat -c '%a:%u:%g' -- "$R$1")" "$1" >>"$T/paths" || abandon 70
}

# What follows is for running systems: in a directory tree no unit runs and no kernel parameter is live.
live() {
  [ -z "$R" ]
}

keep_sysctl() { # NAME
  live || return 0
  file="/proc/sys/$(printf %s "$1" | tr ./ /.)"
  [ ! -r "$file" ] || printf '%s\t%s\n' "$1" "$(cat "$file")" >>"$T/sysctls" || abandon 70
}

keep_unit() { # UNIT
  live || return 0
  printf '%s\t%s\t%s\n' "$1" "$(systemctl is-enabled -- "$1" 2>/dev/null)" "$(systemctl is-active -- "$1" 2>/dev/null)" \
    >>"$T/unit-states" || abandon 70
}

# Makes the directories that a path needs, and notes those that were not there.
directories() { # PATH MODE
  parent="${1%/*}"
  if [ -z "$parent" ] || [ -d "$R$parent" ]; then return; fi
  directories "$parent" "$2"
  parent="${1%/*}"
  mkdir -m "$2" -- "$R$parent" || abandon 70
  printf 'dir\t-\t%s\n' "$parent" >>"$T/paths" || abandon 70
}

# The name beside the target. It begins with a dot: the kubelet runs every other file in the manifests directory.
staged() { # PATH
  printf '%s/.harden.%s.%s' "$R${1%/*}" "$ID" "${1##*/}"
}

# Stages base64 from standard input beside its target.
stage() { # PATH MODE OWNER GROUP DIRECTORY-MODE
  directories "$1" "$5"
  new=$(staged "$1")
  printf '%s\n' "$1" >>"$T/staged" || abandon 70
  base64 -d >"$new" || abandon 70
  if [ "$owners" = 0 ]; then chown "$3:$4" -- "$new" || abandon 70; fi
  chmod "$2" -- "$new" || abandon 70
  flush "$new"
}

flush() { # PATH
  sync "$1" 2>/dev/null || sync
}

# From here on a failure is rolled back.
armed() {
  : >"$T/pending" || abandon 70
  flush "$T"
}

broken() { # WHAT
  printf '%s\n' "$1" >&2
  if sh "$T/rollback.sh" >&2; then exit 71; fi
  exit 72
}

swap() { # PATH
  mv -fT -- "$(staged "$1")" "$R$1" || broken "replace $1"
  flush "$R${1%/*}"
}

attributes() { # PATH OWNER GROUP MODE, each "-" to leave it alone
  if [ "$2" != - ] && [ "$owners" = 0 ]; then chown "$2" -- "$R$1" || broken "change the owner of $1"; fi
  if [ "$3" != - ] && [ "$owners" = 0 ]; then chgrp "$3" -- "$R$1" || broken "change the group of $1"; fi
  if [ "$4" != - ]; then chmod "$4" -- "$R$1" || broken "change the mode of $1"; fi
}

set_sysctl() { # NAME VALUE
  live || return 0
  printf '%s\n' "$2" >"/proc/sys/$(printf %s "$1" | tr ./ /.)" || broken "set kernel parameter $1"
}

reload_units() {
  live || return 0
  systemctl daemon-reload || broken "systemctl daemon-reload"
}

# ACTION is enable, disable, start or stop.
set_unit() { # ACTION UNIT
  live || return 0
  systemctl "$1" -- "$2" || broken "systemctl $1 $2"
}

# Gives a load balancer time to see that this node's API server no longer says it is ready.
pause() { # SECONDS
  live || return 0
  sleep "$1"
}

restart_unit() { # UNIT
  live || return 0
  systemctl restart -- "$1" || broken "systemctl restart $1"
}

# shellcheck shell=sh
# shellcheck disable=SC2015 # `a && b || fail`: fail is meant for both
# harden's transaction on one node: functions only. The calls that follow this text are made from the plan
# (src/apply/script.rs). R is the root of the tree ("" on a running node) and ID the transaction; paths are absolute and
# hold neither tab nor newline.
#
# Exit codes: 74 the node is not as it was planned, nothing was changed; 75 somebody else holds the lock, nothing was
# changed; 70 it failed before the first change and everything is as it was; 71 it failed later and was rolled back;
# 72 the rollback failed too.
#
# What a redirection may fail for is never written with `:`, `.` or `exec`: a shell ends when one of these cannot be redirected.

H="$R/var/lib/harden"
T="$H/txn/$ID"
count=0
stale=
# Without root's rights (a directory tree of one's own) owners can be neither told nor set.
owners=$(id -u)

# Makes the transaction's directory and takes the lock. Either is there as a whole or not at all, whenever this is
# killed: the directory is renamed into its place with the rollback in it, and the lock is a link to it. When somebody
# else has the lock it prints who, for how many seconds, and the command and the file that free it.
begin() { # OWNER PROCESS SHA256-OF-ROLLBACK, and rollback.sh in base64 on standard input
  new="$H/txn/.$ID"
  mkdir -p -- "$H/txn" && chmod 0700 -- "$H" "$H/txn" && mkdir -- "$new" "$new/files" || exit 70
  receive "$new/rollback.sh" "$3" && prepare "$new" "$1" "$2" && mv -T -- "$new" "$T" || {
    rm -rf -- "$new"
    exit 70
  }
  if ln -sT -- "txn/$ID" "$H/lock" 2>/dev/null; then return; fi
  rm -rf -- "$T"
  if [ ! -L "$H/lock" ]; then
    printf 'take the lock %s\n' "$H/lock" >&2
    exit 70
  fi
  cat -- "$H/lock/owner" 2>/dev/null || echo "somebody whose transaction is gone"
  echo $(($(date +%s) - $(stat -c %Y -- "$H/lock")))
  if [ -f "$H/lock/rollback.sh" ]; then printf 'sh\n%s\n' "$H/lock/rollback.sh"; else printf 'rm\n%s\n' "$H/lock"; fi
  exit 75
}

# From here on the node comes to an end by itself, whatever becomes of harden and of the network: after so long by a timer,
# and by a unit when it was switched off meanwhile. Either finds out itself whether there is anything to put back.
arm() { # SECONDS
  live || return 0
  if [ ! -d "$R/run/systemd/system" ] || ! command -v systemd-run >/dev/null 2>&1; then
    echo "there is no systemd here, so that this node cannot put its old state back by itself: --no-rollback-timer does without" >&2
    abandon 70
  fi
  printf '%s\n' "$(($(date +%s) + $1))" >"$T/deadline" || abandon 70
  at_boot "$R/etc/systemd/system" || abandon 70
  systemd-run --quiet --collect --unit="harden-rollback-$ID" --description="harden: put back transaction $ID" \
    --on-active="$1" --timer-property=AccuracySec=1s /bin/sh "$T/rollback.sh" alone </dev/null >&2 || abandon 70
}

# systemd reads it when it starts: before it starts what reads the files that may have to be put back.
at_boot() { # DIRECTORY
  cat >"$1/.harden-rollback.service" <<'S' || return 1
[Unit]
Description=harden: put back what was not confirmed when this node was switched off
ConditionPathExists=/var/lib/harden/lock/rollback.sh
Before=kubelet.service ssh.service sshd.service

[Service]
Type=oneshot
ExecStart=/bin/sh /var/lib/harden/lock/rollback.sh boot
S
  chmod 0644 -- "$1/.harden-rollback.service" && mkdir -p -- "$1/multi-user.target.wants" &&
    mv -fT -- "$1/.harden-rollback.service" "$1/harden-rollback.service" &&
    ln -sfT -- ../harden-rollback.service "$1/multi-user.target.wants/harden-rollback.service" &&
    flush "$1/harden-rollback.service" "$1" "$1/multi-user.target.wants"
}

# Writes base64 from standard input to a file, and proves that it is there: not every base64 says when the disk is full.
receive() { # FILE SHA256
  base64 -d >"$1" || return 1
  [ "$(digest "$1")" = "$2" ] && return
  printf 'write %s: what is there is not what was sent\n' "$1" >&2
  return 1
}

digest() { # FILE
  sum=$(sha256sum <"$1")
  printf %s "${sum%% *}"
}

# What rollback.sh reads, and who began this. `worker` names this process and stays open: that is how it is told whether this still runs.
prepare() { # DIRECTORY OWNER PROCESS
  sh -n "$1/rollback.sh" || return 1
  printf '%s\n' "$R" >"$1/root" && printf '%s\n' "$2" >"$1/owner" && printf '%s\n' "$3" >"$1/process" || return 1
  for list in paths staged units sysctls unit-states activations restarted restored result; do
    printf '' >"$1/$list" || return 1
  done
  printf 'change %s\n' "$$" >"$1/worker" || return 1
  exec 9<"$1/worker"
}

# Goes on with a transaction whose first script has ended, unless somebody brought it to its end meanwhile.
resume() {
  still_pending
  printf 'change %s\n' "$$" >"$T/worker" || broken "write $T/worker"
  exec 9<"$T/worker"
  # The node's own rollback may have begun before it could see us.
  still_pending
}

still_pending() {
  [ -e "$T/pending" ] && return
  echo "the transaction is not pending any more" >&2
  exit 1
}

# Leaves everything as it was: only before the first swap.
abandon() { # CODE
  if sh "$T/rollback.sh" >/dev/null; then exit "$1"; fi
  exit 72
}

# What the plan saw must still be there.
expect() { # PATH SHA256 MODE OWNER GROUP
  path="$R$1"
  if [ -L "$path" ]; then
    moved "$1" "it is a symbolic link"
    return
  fi
  if [ ! -e "$path" ]; then
    moved "$1" "it is gone"
    return
  fi
  if [ -n "$2" ]; then
    [ "$(digest "$path")" = "$2" ] || moved "$1" "its content changed"
  fi
  [ "$(stat -c %a -- "$path")" = "$3" ] || moved "$1" "its mode changed"
  if [ "$owners" = 0 ]; then
    is_owned "$(stat -c %U:%u -- "$path")" passwd "$4" && is_owned "$(stat -c %G:%g -- "$path")" group "$5" ||
      moved "$1" "its owner changed"
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

# Backs a path up, below a directory that nothing watches. Only a regular file is ever replaced: somebody made a link or
# a directory there on purpose. The copy of a private one goes when the transaction is at its end: only its own rollback reads it.
keep() { # PATH file|private
  count=$((count + 1))
  if [ -L "$R$1" ]; then
    refuse "$1" "a symbolic link"
  elif [ -f "$R$1" ]; then
    cp -a -- "$R$1" "$T/files/$count" || abandon 70
    [ "$(digest "$R$1")" = "$(digest "$T/files/$count")" ] || abandon 70
    printf '%s\t%s\t%s\n' "$2" "$count" "$1" >>"$T/paths" || abandon 70
  elif [ -e "$R$1" ]; then
    refuse "$1" "not a regular file"
  else
    printf 'none\t-\t%s\n' "$1" >>"$T/paths" || abandon 70
  fi
}

# A directory that is removed when this is confirmed, and empty by then. Until then nothing needs to be put back.
keep_directory() { # PATH
  printf 'emptied\t-\t%s\n' "$1" >>"$T/paths" || abandon 70
}

keep_attributes() { # PATH
  [ ! -L "$R$1" ] || refuse "$1" "a symbolic link"
  how=$(stat -c %a:%u:%g -- "$R$1") || abandon 70
  printf 'attributes\t%s\t%s\n' "$how" "$1" >>"$T/paths" || abandon 70
}

# The owners below a directory are not kept: what used the files before may use them after.
keep_tree() { # PATH
  [ ! -L "$R$1" ] || refuse "$1" "a symbolic link"
  [ "$owners" = 0 ] || return 0
  # Without -execdir, as with busybox, a directory that is made a link meanwhile would lead elsewhere.
  inode=$(stat -c %i -- "$R$1") || abandon 70
  [ -n "$(find -L "$R$1" -maxdepth 0 -type d -inum "$inode" -execdir echo {} + 2>/dev/null)" ] || {
    echo "$1 is no directory, or there is no find that knows -execdir: install findutils" >&2
    abandon 70
  }
}

# Notes what takes this back once it is confirmed: what the plan says, and what stood in the record of what was applied.
remember() { # SHA256, and the plan's part in base64 on standard input
  receive "$T/record.json" "$1" || abandon 70
  [ ! -e "$H/state.json" ] || cp -- "$H/state.json" "$T/state-before.json" || abandon 70
}

# Notes what is at every path now, so that it can be told later whether somebody changed it since.
leave() {
  (cd -- "$R/" && harden_places "$T/paths") >"$T/left" || broken "write $T/left"
}

refuse() { # PATH WHAT
  printf '%s is %s\n' "$1" "$2" >&2
  abandon 70
}

# Makes the directories that a path needs, and notes those that were not there. The owner is that of the last one.
directories() { # PATH MODE OWNER GROUP
  parent="${1%/*}"
  if [ -z "$parent" ] || [ -d "$R$parent" ]; then return; fi
  directories "$parent" "$2" root root
  parent="${1%/*}"
  printf 'dir\t-\t%s\n' "$parent" >>"$T/paths" || abandon 70
  mkdir -m "$2" -- "$R$parent" || abandon 70
  if [ "$owners" = 0 ] && [ "$3:$4" != root:root ]; then
    chown "$(number passwd "$3"):$(number group "$4")" -- "$R$parent" || abandon 70
  fi
}

# The name beside the target. It begins with a dot: the kubelet runs every other file in the manifests directory.
staged() { # PATH
  printf '%s/.harden.%s.%s' "$R${1%/*}" "$ID" "${1##*/}"
}

# Stages base64 from standard input beside its target.
stage() { # PATH SHA256 MODE OWNER GROUP DIRECTORY-MODE DIRECTORY-OWNER DIRECTORY-GROUP
  directories "$1" "$6" "$7" "$8"
  new=$(staged "$1")
  printf '%s\n' "$1" >>"$T/staged" || abandon 70
  receive "$new" "$2" || abandon 70
  if [ "$owners" = 0 ]; then chown "$(number passwd "$4"):$(number group "$5")" -- "$new" || abandon 70; fi
  chmod "$3" -- "$new" || abandon 70
  flush "$new"
}

# Stages a copy that an earlier transaction keeps beside its target, with the attributes that it has.
stage_copy() { # PATH TRANSACTION NUMBER SHA256
  directories "$1" 755 root root
  new=$(staged "$1")
  printf '%s\n' "$1" >>"$T/staged" || abandon 70
  cp -a -- "$H/txn/$2/files/$3" "$new" || abandon 70
  [ "$(digest "$new")" = "$4" ] || {
    printf 'the copy of %s that transaction %s keeps is not what was copied\n' "$1" "$2" >&2
    abandon 70
  }
  flush "$new"
}

flush() { # PATH...
  sync -- "$@" 2>/dev/null || sync
}

# From here on a failure is rolled back: what that needs is on the disk before the first change.
armed() {
  set -- "$T"/files/*
  [ -e "$1" ] || set --
  flush "$@" "$T"/* "$T/files"
  printf '' >"$T/pending" || abandon 70
  flush "$T"
}

broken() { # WHAT
  printf '%s\nrolling back\n' "$1" >&2
  if sh "$T/rollback.sh" >/dev/null; then exit 71; fi
  exit 72
}

swap() { # PATH
  mv -fT -- "$(staged "$1")" "$R$1" || broken "replace $1"
  flush "$R${1%/*}"
}

remove() { # PATH
  rm -f -- "$R$1" || broken "remove $1"
  flush "$R${1%/*}"
}

attributes() { # PATH OWNER GROUP MODE, each "-" to leave it alone
  if [ "$2" != - ] && [ "$owners" = 0 ]; then chown "$(number passwd "$2")" -- "$R$1" || broken "change the owner of $1"; fi
  if [ "$3" != - ] && [ "$owners" = 0 ]; then chgrp "$(number group "$3")" -- "$R$1" || broken "change the group of $1"; fi
  if [ "$4" != - ]; then chmod "$4" -- "$R$1" || broken "change the mode of $1"; fi
}

# Keeps so many of the newest transactions; their names begin with the time. What is not at its end is kept however old.
forget_old() { # COUNT
  for old in "$H/txn"/*; do printf '%s\n' "${old##*/}"; done | sort -r | tail -n "+$(($1 + 1))" | while IFS= read -r old; do
    for marker in pending reverting failed; do
      [ ! -e "$H/txn/$old/$marker" ] || continue 2
    done
    rm -rf -- "$H/txn/$old"
  done
}

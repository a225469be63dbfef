# shellcheck shell=bash
# shellcheck disable=SC2034 # the settings are used by the files beside this one
# common.bash: settings, messages, locks, processes and mounts of the lab. It starts nothing by itself.
# Nothing here or beside it looks a process up by its name: what the lab ends is what it recorded when it started it.

# The state of this lab: hosts, keys, process ids. Gone after `lab down`, but for the keys.
STATE=${HARDEN_LAB:-/var/tmp/harden-lab}
# What took long to make. Outside the checkout, shared by all checkouts; may be deleted whenever no lab is up.
CACHE=${HARDEN_LAB_CACHE:-/var/cache/harden-lab}
VERSION=${HARDEN_LAB_VERSION:-v1.35.4}
BRIDGE=${HARDEN_LAB_BRIDGE:-hardenbr0}
# The hosts' network is $NET.0/24 with this machine at $NET.1, the pods' is $PODS.0.0/16.
NET=${HARDEN_LAB_NET:-10.78.0}
PODS=${HARDEN_LAB_PODS:-10.89}
# Where a host has its pods' network from: `host` is a configuration that is there when it starts, `none` is none, so that a
# manifest has to bring it (`lab cni`).
CNI=${HARDEN_LAB_CNI:-host}
SUITE=bookworm
ENDPOINT=$NET.1:6443
# Host-side interfaces are vb-$MACHINES-NAME: two labs on different networks do not collide.
MACHINES=n$(cut -d. -f2 <<<"$NET")

say() { printf 'lab: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# timed LABEL COMMAND...: runs it and prints the seconds it took.
timed() {
  local label=$1 begun=${EPOCHREALTIME/./}
  shift
  "$@"
  local tenths=$(((${EPOCHREALTIME/./} - begun) / 100000))
  say "$label: $((tenths / 10)).$((tenths % 10)) s"
}

need_root() {
  ((EUID == 0)) || die "needs root (mounts, a bridge, systemd-nspawn): run it with sudo"
}

need() { # PROGRAM PACKAGE
  command -v "$1" >/dev/null || die "$1 is missing: install $2"
}

# locked FILE FD: waits for the lock of a folder; it is held until this process and its children are gone, so that after
# a SIGKILL nobody starts while a build that lost its parent still writes.
locked() {
  mkdir -p "$(dirname "$1")" 2>/dev/null || die "$(dirname "$1") cannot be made: run as root, or set HARDEN_LAB_CACHE and HARDEN_LAB to writable folders"
  eval "exec $2>>\"\$1\"" 2>/dev/null || die "$1 cannot be written: run as root, or set HARDEN_LAB_CACHE and HARDEN_LAB to writable folders"
  flock -n "$2" || {
    say "another run holds $1: waiting"
    flock "$2"
  }
}

# The start time of a process in clock ticks since boot (proc(5), stat, field 22); with its id it names a process for good.
# Fails for one that has ended, also where nobody has collected it yet.
start_time() { # PID
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  # The second field is the name in brackets and may hold anything, brackets and spaces too.
  read -ra stat <<<"${stat##*) }"
  [[ ${stat[0]} != [ZX] ]] && echo "${stat[19]}"
}

# spawn PIDFILE LOG COMMAND...: starts a process of its own session and records it before it becomes the command.
spawn() {
  local pidfile=$1 log=$2 self
  shift 2
  rm -f "$pidfile"
  (
    # Not inside the brackets below: there it would be the process of the brackets.
    self=$BASHPID
    echo "$self $(start_time "$self")" >"$pidfile"
    exec setsid "$@"
  ) >"$log" 2>&1 </dev/null 8>&- 9>&- &
  until [[ -s $pidfile ]]; do sleep 0.02; done
}

# The process that a file records, if it still is that process.
recorded() { # PIDFILE
  local pid start
  [[ -s $1 ]] && read -r pid start <"$1" && [[ $(start_time "$pid") == "$start" ]] && echo "$pid"
}

end() { # PIDFILE: ends a recorded process and waits until it is gone
  local pid
  if pid=$(recorded "$1"); then
    kill -KILL "$pid" 2>/dev/null || true
    while recorded "$1" >/dev/null; do sleep 0.05; done
  fi
  rm -f "$1"
}

# The mount points at or below a folder, the innermost first.
mounts_below() { # DIR
  local path
  while read -r _ _ _ _ path _; do
    path=$(printf '%b' "$path")
    [[ $path == "$1" || $path == "$1"/* ]] && printf '%s\n' "$path"
  done </proc/self/mountinfo | tac
}

# discard DIR: unmounts everything in it and removes it; never removes through a mount.
discard() {
  local path
  while read -r path; do umount "$path" 2>/dev/null || umount -l "$path"; done < <(mounts_below "$1")
  [[ -z $(mounts_below "$1") ]] || die "$1 still holds mounts"
  rm -rf --one-file-system "$1"
}

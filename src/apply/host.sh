# shellcheck shell=sh
# shellcheck disable=SC2015 # `a && b || fail`: fail is meant for both
# shellcheck disable=SC2154 # R, T and ID are the transaction's
# What a transaction does to a running system beside its files: units, kernel parameters, static pods that have to be stopped and
# their data. Functions for transaction.sh, whose variables and functions they use.

begun=0

# In a directory tree no unit runs and no kernel parameter is live.
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

# Asks one of the node's own programs about a staged file. In a directory tree they are not the node's.
validate() { # PATH COMMAND...
  live || return 0
  subject=$1
  shift
  said=$("$@" 2>&1 </dev/null) && return
  printf '%s\n%s would not be accepted\n' "$said" "$subject" >&2
  abandon 70
}

# Takes a static pod's manifest away and waits until its process has ended: the kubelet gives it half a minute and may notice
# a third of a minute late. The process is told by a file that it has open, since a workload may bring a program of that name.
stop_pod() { # MANIFEST HELD
  remove "$1"
  tries=0
  while is_held "$R$2"; do
    tries=$((tries + 1))
    [ "$tries" -le 90 ] || broken "wait until nothing has $2 open after $1 was taken away"
    sleep 1
  done
}

is_held() { # FILE
  # Not with -samefile: find itself opens the file for that. A number alone may be that of another file system.
  held=$(stat -L -c %d:%i -- "$1" 2>/dev/null) || return 1
  find -L /proc/[0-9]*/fd -maxdepth 1 -type f -inum "${held#*:}" -exec stat -L -c %d:%i {} + 2>/dev/null |
    grep -qx "$held"
}

# Gives a directory and everything below it to a user. Names are looked up in their own directory and links not followed, so
# that nobody can lead it astray; other file systems, and what a file system keeps in lost+found, are left alone.
set_owners() { # PATH OWNER GROUP
  [ "$owners" = 0 ] || return 0
  user=$(number passwd "$2")
  group=$(number group "$3")
  # A file of a program that goes on may vanish meanwhile: what counts is what is there in the end.
  strays "$R$1" -execdir chown -h "$user:$group" {} + 2>/dev/null
  stray=$(strays "$R$1" -print 2>/dev/null | head -n 1)
  [ -z "$stray" ] || broken "give $stray to $2:$3"
}

# What is not there any more belongs to nobody, and `! -user` would hold for it: -links asks first.
strays() { # DIRECTORY ACTION...
  tree=$1
  shift
  find "$tree" -xdev -name lost+found -prune -o -links +0 \( ! -user "$user" -o ! -group "$group" \) "$@"
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

# Ends a process some seconds after it closed its port, where it waits for watches that never end: what is cut then would be cut
# by the kubelet half a minute after it asked the process to end, and until then nothing answers here. It is told by its command
# line and by the node's own network, so that it is no tenant's.
hasten() { # SHA256-OF-COMMAND-LINE PORT SECONDS
  live || return 0
  tries=0
  while serves "$2"; do
    tries=$((tries + 1))
    [ "$tries" -le 40 ] || return 0
    sleep 1
  done
  sleep "$3"
  for process in /proc/[0-9]*; do
    [ "$(digest "$process/cmdline" 2>/dev/null)" = "$1" ] || continue
    [ "$(readlink -- "$process/ns/net")" != "$(readlink -- /proc/self/ns/net)" ] || kill -KILL "${process##*/}"
  done
}

# Whether a port of this node takes connections.
serves() { # PORT
  grep -qi "^ *[0-9]*: [0-9A-F]*:$(printf %04X "$1") [0-9A-F:]* 0A " /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

restart_unit() { # UNIT
  live || return 0
  printf '%s\n' "$1" >>"$T/restarted" || broken "write $T/restarted"
  systemctl restart -- "$1" || broken "systemctl restart $1"
}

# Makes new files effective. How many of these commands were begun, and whether the last of them failed, is for the rollback.
activate() { # COMMAND...
  live || return 0
  begun=$((begun + 1))
  printf '%s\n' "$begun" >"$T/begun" || broken "write $T/begun"
  "$@" >/dev/null </dev/null && return
  printf '' >"$T/inactive"
  broken "$*"
}

# shellcheck shell=sh
# shellcheck disable=SC2015 # `a && b || fail`: fail is meant for both
# shellcheck disable=SC2154 # R is the transaction's
# shellcheck disable=SC2317 # until_it calls what it is given
# How a transaction replaces the static pods of a running kubelet. Functions for transaction.sh, whose variables and functions they
# use; in which order they are called is in pods.rs.

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

# Gives the old API server time to answer what it has accepted.
pause() { # SECONDS
  live || return 0
  sleep "$1"
}

# Waits until a port of this node takes no connections any more: the kubelet has told its process to end. It comes back when that
# takes too long, since the kubelet kills the process by then.
closed() { # PORT
  until_it 80 not_serves "$1"
}

# Waits until a port of this node takes connections, or until somebody else has to find out why it does not.
opened() { # PORT
  until_it 40 serves "$1"
}

# Waits until the kubelet has done with static pods whose manifests are gone: new ones of these names are started at once then, and
# otherwise when the kubelet looks again after 10 to 15 s (`backOffPeriod` in its pod_workers.go). Nothing depends on it but time.
forgotten() { # COMPONENT...
  live || return 0
  until_it 180 are_forgotten "$@"
  # Their directories may go a moment before the kubelet takes the names for free.
  sleep 1
}

# The number of a static pod is a digest, without dashes.
are_forgotten() { # COMPONENT...
  for name; do
    for pod in "$R/var/lib/kubelet/pods"/*/containers/"$name"; do
      pod=${pod%/containers/*}
      case ${pod##*/} in
      *-*) ;;
      *) [ ! -d "$pod" ] || return 1 ;;
      esac
    done
  done
}

until_it() { # HALF-SECONDS CONDITION...
  live || return 0
  tries=$1
  shift
  until "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 0
    sleep 0.5
  done
}

# Ends a process that has closed its port and waits for watches that never end: what is cut now would be cut by the kubelet half a
# minute after it asked the process to end, and until then nothing answers here. It is told by its command line and by the node's
# own network, so that it is no tenant's.
end_process() { # SHA256-OF-COMMAND-LINE
  live || return 0
  for process in /proc/[0-9]*; do
    [ "$(digest "$process/cmdline" 2>/dev/null)" = "$1" ] || continue
    [ "$(readlink -- "$process/ns/net")" != "$(readlink -- /proc/self/ns/net)" ] || kill -KILL "${process##*/}"
  done
}

# Whether a port of this node takes connections.
serves() { # PORT
  grep -qi "^ *[0-9]*: [0-9A-F]*:$(printf %04X "$1") [0-9A-F:]* 0A " /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

not_serves() { # PORT
  ! serves "$1"
}

# shellcheck shell=sh
# shellcheck disable=SC2154 # R and harden_all are given by what stands before
# Tells of harden's transactions on this node. It writes nothing. Most of it is done by the shell itself: a history is many
# small files, and a program for each would cost more than all the rest. A line is a word and a text. What vanishes while it
# is looked at, since a transaction goes on meanwhile, is left out. `harden_all` asks for the whole history.
harden_home="$R/var/lib/harden"

harden_lines() { # WORD FILE
  [ -f "$2" ] || return 0
  while IFS= read -r harden_line || [ -n "$harden_line" ]; do
    printf '%s %s\n' "$1" "$harden_line"
  done <"$2"
} 2>/dev/null

# The markers are looked at in the order in which one becomes the other; the last that was seen counts. Once more where none
# was: a rollback that is tried again goes back to an earlier one.
harden_markers() { # DIRECTORY
  harden_seen=
  for harden_round in 1 2; do
    for harden_marker in pending failed reverting reverted committed; do
      [ -e "$1/$harden_marker" ] || continue
      printf 'marker %s\n' "$harden_marker"
      harden_seen=$harden_round
    done
    [ -z "$harden_seen" ] || return 0
  done
}

# Whether a process works on it: the one that its `worker` names has that file open (see rollback.sh).
harden_worker() { # DIRECTORY
  read -r harden_work harden_process <"$1/worker" || return 0
  case $harden_process in '' | *[!0-9]*) return 0 ;; esac
  harden_open=$(stat -L -c %d:%i -- "/proc/$harden_process/fd/9")
  [ -n "$harden_open" ] && [ "$harden_open" = "$(stat -L -c %d:%i -- "$1/worker")" ] && printf 'worker %s\n' "$harden_work"
} 2>/dev/null

harden_transaction() { # ID
  [ -f "$harden_home/txn/$1/rollback.sh" ] || return 0
  printf 'transaction %s\n' "$1"
  harden_markers "$harden_home/txn/$1"
  for harden_file in owner process undoes deadline units paths result; do
    harden_lines "$harden_file" "$harden_home/txn/$1/$harden_file"
  done
  [ "$1" != "$harden_locked" ] || harden_worker "$harden_home/txn/$1"
}

printf 'clock %s\n' "$(date +%s)"
if [ -e "$harden_home" ] && ! { [ -r "$harden_home" ] && [ -x "$harden_home" ]; }; then echo "closed $harden_home"; fi
harden_locked=
if [ -L "$harden_home/lock" ]; then
  harden_target=$(readlink -- "$harden_home/lock")
  printf 'lock %s\nsince %s\n' "$harden_target" "$(stat -c %Y -- "$harden_home/lock" 2>/dev/null)"
  harden_locked=${harden_target#txn/}
  case $harden_locked in "$harden_target" | */* | .*) harden_locked= ;; esac
elif [ -e "$harden_home/lock" ]; then
  echo "obstacle $harden_home/lock"
fi
harden_newest=
for harden_path in "$harden_home/txn"/*; do
  [ -f "$harden_path/rollback.sh" ] || continue
  harden_newest=${harden_path##*/}
  [ "$harden_all" = 0 ] || harden_transaction "$harden_newest"
done
if [ "$harden_all" = 0 ]; then
  [ -z "$harden_newest" ] || harden_transaction "$harden_newest"
  [ -z "$harden_locked" ] || [ "$harden_locked" = "$harden_newest" ] || harden_transaction "$harden_locked"
fi
:

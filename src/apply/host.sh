# shellcheck shell=sh
# shellcheck disable=SC2015 # `a && b || fail`: fail is meant for both
# shellcheck disable=SC2154 # R, T and ID are the transaction's
# What a transaction does to a running system beside its files: units, kernel parameters, the owners of data. Functions for
# transaction.sh, whose variables and functions they use.

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
  # Of one that does not exist yet older ones say nothing, and what reads this takes no empty field.
  enabled=$(systemctl is-enabled -- "$1" 2>/dev/null)
  printf '%s\t%s\t%s\n' "$1" "${enabled:-not-found}" "$(systemctl is-active -- "$1" 2>/dev/null)" \
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

# ACTION is enable, disable, start or stop. Nothing enables or starts a unit that is masked.
set_unit() { # ACTION UNIT
  live || return 0
  case $1:$(systemctl is-enabled -- "$2" 2>/dev/null) in
    enable:masked* | start:masked*)
      systemctl unmask -- "$2" && systemctl unmask --runtime -- "$2" || broken "systemctl unmask $2"
      ;;
  esac
  systemctl "$1" -- "$2" || broken "systemctl $1 $2"
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

# shellcheck shell=sh
# Owners by name and by number, and the system users that a transaction makes: functions for transaction.sh, whose variables
# and functions they use.
# shellcheck disable=SC2154 # R is the transaction's

is_owned() { # NAME:NUMBER passwd|group WANTED
  [ "${1%:*}" = "$3" ] || [ "${1##*:}" = "$(number "$2" "$3")" ]
}

# A name as chown takes it. The names of a directory tree are its own, and this machine may have other ones.
number() { # passwd|group NAME
  if [ -n "$R" ] && [ -r "$R/etc/$1" ]; then
    while IFS=: read -r name _ id _; do
      if [ "$name" = "$2" ]; then
        printf %s "$id"
        return
      fi
    done <"$R/etc/$1"
  fi
  printf %s "$2"
}

# Who is yet to be made must not have been made meanwhile with another number than the one that the plan wrote down.
expect_number() { # passwd|group NAME NUMBER
  exists "$1" "$2" && [ "$(number_of "$1" "$2")" != "$3" ] || return 0
  moved "$1 $2" "it exists, with another number than $3"
}

number_of() { # passwd|group NAME
  if ! live; then
    number "$1" "$2"
  elif [ "$1" = passwd ]; then
    id -u -- "$2"
  else
    { grep "^$2:" /etc/group || getent group "$2" 2>/dev/null; } | cut -d: -f3
  fi
}

# A system group, and a system user that cannot log in. They stay when this is rolled back: without a file of their own
# they mean nothing, and another program may have taken to them by then.
add_group() { # NAME [NUMBER]
  if exists group "$1"; then return; fi
  with_tool "$1" groupadd --system ${2:+--gid "$2"} "$1"
}

add_user() { # NAME [NUMBER]
  if exists passwd "$1"; then return; fi
  with_tool "$1" useradd --system ${2:+--uid "$2"} --gid "$1" --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$1"
}

exists() { # passwd|group NAME
  if ! live; then
    [ "$(number "$1" "$2")" != "$2" ]
  elif [ "$1" = passwd ]; then
    id -u -- "$2" >/dev/null 2>&1
  else
    grep -q "^$2:" /etc/group || getent group "$2" >/dev/null 2>&1
  fi
}

with_tool() { # NAME TOOL ARGUMENT...
  owner=$1 tool=$2
  shift 2
  if ! command -v "$tool" >/dev/null 2>&1; then
    printf 'there is no %s: make the system user %s and its group by hand\n' "$tool" "$owner" >&2
    abandon 70
  fi
  if ! live; then set -- --prefix "$R" "$@"; fi
  "$tool" "$@" </dev/null >&2 || abandon 70
}

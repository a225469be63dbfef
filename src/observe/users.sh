# harden_number passwd|group NAME: sets harden_id to its number, and to nothing where there is no such name. The files are
# read by the shell itself: a program more is started only for a name that they do not have.
harden_number() {
  harden_id=
  while IFS=: read -r harden_entry harden_word harden_value harden_rest || [ -n "$harden_entry" ]; do
    if [ "$harden_entry" = "$2" ]; then
      harden_id=$harden_value
      return
    fi
  done <"$R/etc/$1"
  # Users may also come from a directory service. Those of a directory tree do not.
  if [ -z "$R" ] && command -v getent >/dev/null 2>&1; then
    harden_entry=$(getent "$1" "$2" 2>/dev/null)
    harden_entry=${harden_entry#*:*:}
    harden_id=${harden_entry%%:*}
  fi
}

# harden_find_free: sets harden_free to a number that neither a user nor a group has, of those that are a system's with every
# distribution; to nothing where there is none. Each is given once.
harden_find_free() {
  harden_taken=${harden_taken:-$(cut -d: -f3 <"$R/etc/passwd" && cut -d: -f3 <"$R/etc/group")}
  harden_free=999
  while [ "$harden_free" -gt 200 ]; do
    case "$harden_nl$harden_taken$harden_nl" in
      *"$harden_nl$harden_free$harden_nl"*) ;;
      *) harden_is_known "$harden_free" || break ;;
    esac
    harden_free=$((harden_free - 1))
  done
  [ "$harden_free" -gt 200 ] || harden_free=
  harden_taken=$harden_taken$harden_nl$harden_free
}

# harden_is_known NUMBER: whether a directory service has it.
harden_is_known() {
  [ -z "$R" ] && command -v getent >/dev/null 2>&1 &&
    { getent passwd "$1" || getent group "$1"; } >/dev/null 2>&1
}

# harden_users NAME...: one line for each, NAME USER GROUP, with `-` for what there is not, and then a free number for it;
# nothing where there is no list.
harden_users() {
  [ -r "$R/etc/passwd" ] && [ -r "$R/etc/group" ] || return 0
  for harden_user in "$@"; do
    harden_number passwd "$harden_user"
    harden_uid=${harden_id:--}
    harden_number group "$harden_user"
    harden_gid=${harden_id:--}
    harden_free=
    case $harden_uid$harden_gid in *-*) harden_find_free ;; esac
    printf '%s %s %s%s\n' "$harden_user" "$harden_uid" "$harden_gid" "${harden_free:+ $harden_free}"
  done
}

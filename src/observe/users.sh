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

# harden_users NAME...: one line for each, NAME USER GROUP, with `-` for what there is not; nothing where there is no list.
harden_users() {
  [ -r "$R/etc/passwd" ] && [ -r "$R/etc/group" ] || return 0
  for harden_user in "$@"; do
    harden_number passwd "$harden_user"
    harden_uid=${harden_id:--}
    harden_number group "$harden_user"
    printf '%s %s %s\n' "$harden_user" "$harden_uid" "${harden_id:--}"
  done
}

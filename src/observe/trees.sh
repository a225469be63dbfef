# harden_tree INDEX DIRECTORY USER: INDEX and the first path that does not belong to USER and the group of that name. It ends
# with the first, and what comes and goes meanwhile is no error. It stays on the file system and follows no link; what a file
# system keeps for itself in lost+found is none of the user's.
harden_tree() {
  [ -r "$R/etc/passwd" ] && [ -r "$R/etc/group" ] && [ -d "$2" ] || return 0
  harden_number passwd "$3"
  harden_uid=$harden_id
  harden_number group "$3"
  [ -n "$harden_uid" ] && [ -n "$harden_id" ] || return 0
  # A file that is gone by now belongs to nobody, and `! -user` would hold for it; -links asks first whether it is there.
  harden_stray=$(find "$2" -xdev -name lost+found -prune -o -links +0 \( ! -user "$harden_uid" -o ! -group "$harden_id" \) -print 2>/dev/null | head -n 1)
  [ -z "$harden_stray" ] || printf '%s %s\n' "$1" "$harden_stray"
}

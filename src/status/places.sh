# shellcheck shell=sh
# Tells what is at the paths of a transaction: when it leaves them, and again when it is to be taken back. One function for both, since
# the two are compared. It writes nothing.

# The paths whose content or attributes it changed, below the present directory.
harden_places() { # LIST-OF-PATHS
  harden_list=$1
  shift
  while IFS='	' read -r harden_kind _ harden_path; do
    case $harden_kind in dir | emptied) continue ;; esac
    if [ -e ".$harden_path" ] || [ -L ".$harden_path" ]; then set -- "$@" ".$harden_path"; fi
  done <"$harden_list"
  [ $# -gt 0 ] || return 0
  stat -c 'at %f:%u:%g:%U:%G:%n' -- "$@" || return 1
  # What is no regular file has none.
  sha256sum -- "$@" 2>/dev/null || :
}

# shellcheck shell=sh
# shellcheck disable=SC2154 # R and harden_txn are given by what stands before
# Tells what a transaction noted, what is left of its copies, and what is at its paths now. It writes nothing.

# The paths whose content or attributes it changed, below the root of the tree.
harden_places() {
  while IFS='	' read -r harden_kind _ harden_path; do
    case $harden_kind in dir | emptied) continue ;; esac
    if [ -e ".$harden_path" ] || [ -L ".$harden_path" ]; then set -- "$@" ".$harden_path"; fi
  done <"$harden_txn/paths"
  [ $# -gt 0 ] || return 0
  stat -c 'at %f:%u:%g:%U:%G:%n' -- "$@"
  sha256sum -- "$@" 2>/dev/null
}

harden_copies() {
  set -- *
  [ ! -e "$1" ] || sha256sum -- "$@"
}

harden_sysctls() {
  while IFS='	' read -r harden_name _; do
    harden_file="/proc/sys/$(printf %s "$harden_name" | tr ./ /.)"
    printf '%s\t%s\n' "$harden_name" "$(cat -- "$harden_file" 2>/dev/null)"
  done <"$harden_txn/sysctls"
}

harden_units() {
  while IFS='	' read -r harden_name _; do
    printf '%s\t%s\t%s\n' "$harden_name" "$(systemctl is-enabled -- "$harden_name" 2>/dev/null)" \
      "$(systemctl is-active -- "$harden_name" 2>/dev/null)"
  done <"$harden_txn/unit-states"
}

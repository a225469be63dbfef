# shellcheck shell=sh
# shellcheck disable=SC2154 # R and harden_txn are given by what stands before
# Tells what is left of a transaction's copies, and what became of the values that it set. It writes nothing.

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

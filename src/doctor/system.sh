# What the host is. A line is a word and a text. Nothing in this script writes, pulls or waits for long.
unset IFS
set +f
printf 'clock %s\nuser %s\nlive %s\n' "$(date +%s)" "$(id -u)" "$harden_live"
harden_first() { # WORD FILE: the first line of a file
  [ -r "$2" ] || return 0
  harden_line=
  IFS= read -r harden_line <"$2" || :
  printf '%s %s\n' "$1" "$harden_line"
}
# A program that hangs costs these seconds and not the whole look.
harden_seconds=10
harden_soon() {
  if command -v timeout >/dev/null 2>&1; then timeout "$harden_seconds" "$@"; else "$@"; fi </dev/null 2>/dev/null
}
if [ "$harden_live" = 1 ]; then
  harden_first hostname "$R/proc/sys/kernel/hostname"
else
  harden_first hostname "$R/etc/hostname"
fi
harden_first machine-id "$R/etc/machine-id"
for harden_file in "$R/etc/os-release" "$R/usr/lib/os-release"; do
  [ -r "$harden_file" ] || continue
  sed -n 's/^PRETTY_NAME=\(.*\)$/os \1/p' "$harden_file"
  break
done
if [ "$harden_live" = 1 ]; then
  printf 'machine %s\n' "$(uname -m)"
  harden_first kernel "$R/proc/sys/kernel/osrelease"
  harden_first init "$R/proc/1/comm"
  [ ! -r "$R/proc/cpuinfo" ] || printf 'cpus %s\n' "$(grep -c '^processor' "$R/proc/cpuinfo")"
  [ ! -r "$R/proc/meminfo" ] || sed -n 's/^MemTotal: *\([0-9]*\) kB$/memory \1/p' "$R/proc/meminfo"
  # The kernel's own table: the host may have no program that prints its addresses.
  [ ! -r "$R/proc/net/fib_trie" ] ||
    sed -n -e '/|-- /{s/.*|-- //;h;}' -e '/\/32 host LOCAL/{g;s/^/address /;p;}' "$R/proc/net/fib_trie" | sort -u
  [ ! -r "$R/proc/net/if_inet6" ] || sed -n 's/^\([0-9a-f]\{32\}\) .*/address6 \1/p' "$R/proc/net/if_inet6"
fi
:

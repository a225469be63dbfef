# The link-layer address of `harden_address`, where the kernel has found one. `ip` knows IPv6 too; the file is there without it.
if command -v ip >/dev/null 2>&1; then
  ip neigh show to "$harden_address" 2>/dev/null | sed -n '/FAILED/d; s/^.* lladdr \([0-9a-f:]*\).*$/\1/p'
elif [ -r "$R/proc/net/arp" ]; then
  # 0x2 is a complete entry.
  while read -r harden_found harden_n harden_flags harden_mac harden_rest; do
    if [ "$harden_found" = "$harden_address" ] && [ "$harden_flags" = 0x2 ]; then echo "$harden_mac"; fi
  done <"$R/proc/net/arp"
fi
:

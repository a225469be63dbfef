printf '%s\n' "$harden_stat"

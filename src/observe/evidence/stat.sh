printf '%s\n' "$harden_stat" "$harden_others" "$harden_inside"

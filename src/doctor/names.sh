# Whether `harden_names` can be looked up: it is the one thing for which the network is asked.
harden_seconds=5
if [ "$harden_live" = 1 ] && command -v getent >/dev/null 2>&1; then
  for harden_name in $harden_names; do
    harden_said=$(harden_soon getent hosts "$harden_name")
    harden_code=$?
    case $harden_code in
      0) printf '%s\n' "$harden_said" | while read -r harden_found harden_rest; do printf 'name %s %s\n' "$harden_name" "$harden_found"; done ;;
      124 | 143) printf 'late %s\n' "$harden_name" ;;
      *) printf 'unknown %s\n' "$harden_name" ;;
    esac
  done
fi
:

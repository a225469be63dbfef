set --
for harden_line in $harden_stat; do
  harden_size=${harden_line#*:*:*:*:}
  harden_path=${harden_size#*:*:*:}
  harden_size=${harden_size%%:*}
  # 8 in front is a regular file.
  case $harden_line in
    8???:*) [ "$harden_size" -le "$harden_limit" ] && set -- "$@" "$harden_path" ;;
  esac
done
harden_sums=
[ $# -eq 0 ] || harden_sums=$(sha256sum -- "$@" 2>/dev/null)
printf '%s\n' "$harden_sums"

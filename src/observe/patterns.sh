harden_nl='
'
harden_matched=
harden_patterns=

# harden_pattern INDEX MATCH...: notes what a pattern matched. A name with a newline is nobody's configuration.
harden_pattern() {
  harden_patterns="${harden_patterns}pattern $1$harden_nl"
  shift
  for harden_path in "$@"; do
    case $harden_path in *"$harden_nl"*) continue ;; esac
    if [ -e "$harden_path" ] || [ -L "$harden_path" ]; then
      harden_patterns="${harden_patterns}=$harden_path$harden_nl"
      harden_matched=$harden_matched$harden_path$harden_nl
    fi
  done
}

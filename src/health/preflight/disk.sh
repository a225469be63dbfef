set --
for harden_place in $harden_places; do
  # What does not exist yet will be made on the file system of what does.
  while [ -n "$harden_place" ] && [ ! -d "$harden_place" ]; do harden_place=${harden_place%/*}; done
  set -- "$@" "${harden_place:-/}"
done
stat -L -c %d -- "$@" 2>/dev/null
echo
stat -f -c '%S %f %c %d' -- "$@" 2>/dev/null
:

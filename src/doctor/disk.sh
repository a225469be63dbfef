# Where there will be data: `harden_directories`. What does not exist yet will be made on the file system of what does.
for harden_directory in $harden_directories; do
  harden_place=$R$harden_directory
  while [ -n "$harden_place" ] && [ ! -d "$harden_place" ]; do harden_place=${harden_place%/*}; done
  printf 'disk %s %s %s\n' "$harden_directory" "$(stat -L -c %d -- "${harden_place:-/}" 2>/dev/null)" \
    "$(stat -f -c '%S %f %b' -- "${harden_place:-/}" 2>/dev/null)"
done
:

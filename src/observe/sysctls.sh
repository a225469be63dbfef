# Not by the shell's read: it asks for one byte at a time, and /proc/sys answers only the first.
harden_said=
set --
for harden_path in $harden_sysctls; do [ -r "$harden_path" ] && set -- "$@" "$harden_path"; done
if [ $# -gt 0 ]; then
  harden_readable=$#
  harden_values=$(cat -- "$@" 2>/dev/null)
  harden_names=
  for harden_path in "$@"; do harden_names=$harden_names$harden_path$harden_nl; done
  set -- $harden_values
  if [ $# -eq "$harden_readable" ]; then
    for harden_path in $harden_names; do
      harden_said="${harden_said}=$harden_path$harden_nl:$1$harden_nl"
      shift
    done
  else
    # One is empty, of several lines or cannot be read after all: one by one.
    for harden_path in $harden_names; do
      harden_values=$(cat -- "$harden_path" 2>/dev/null) &&
        harden_said="${harden_said}=$harden_path$harden_nl:${harden_values%%"$harden_nl"*}$harden_nl"
    done
  fi
fi
# Opened for writing, and nothing written: /proc/sys is mounted read-only in a container, where `test -w` of some shells
# still says yes to root.
for harden_path in $harden_sysctls; do
  [ ! -e "$harden_path" ] || { printf '' >>"$harden_path"; } 2>/dev/null || harden_said="${harden_said}!$harden_path$harden_nl"
done
printf %s "$harden_said"

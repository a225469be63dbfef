set -f
IFS=$harden_nl
harden_present=
harden_missing=
set -- $harden_wishes
while [ $# -ge 2 ]; do
  if [ -e "$1" ] || [ -L "$1" ]; then
    harden_present=$harden_present$1$harden_nl
  else
    harden_missing=$harden_missing$1$harden_nl
  fi
  shift 2
done
[ -z "$harden_missing" ] || printf '=%s\n' $harden_missing
# What is not there is asked for as well, for the reason, one line each in the same order: what is not there differs from
# what cannot be seen. The directory /proc/self/ belongs to whoever runs this, and is as old as stat itself: one `id` and
# one `date` less to start.
{ harden_stat=$(stat -c '%f:%u:%g:%Y:%s:%U:%G:%n' -- /proc/self/ $harden_present$harden_matched$harden_missing 2>&3); } 3>&1
:

harden_live=0
harden_systemd=0
harden_hostname=
harden_kubelet=
if [ -z "$R" ]; then
  harden_live=1
  [ -d /run/systemd/system ] && harden_systemd=1
  IFS= read -r harden_hostname </proc/sys/kernel/hostname
  if command -v kubelet >/dev/null 2>&1; then
    harden_kubelet=$(kubelet --version </dev/null 2>/dev/null)
  fi
else
  [ -r "$R"/etc/hostname ] && IFS= read -r harden_hostname <"$R"/etc/hostname
fi
printf 'root %s\nlive %s\nsystemd %s\nhostname %s\nkubelet %s\n' \
  "$R" "$harden_live" "$harden_systemd" "$harden_hostname" "$harden_kubelet"

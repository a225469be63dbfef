printf 'root %s\n' "$R"
harden_systemd=0
harden_hostname=
if [ -z "$R" ]; then
  printf 'live 1\n'
  [ -d /run/systemd/system ] && harden_systemd=1
  IFS= read -r harden_hostname </proc/sys/kernel/hostname
  if command -v kubelet >/dev/null 2>&1; then
    printf 'kubelet %s\n' "$(kubelet --version </dev/null 2>/dev/null)"
  fi
else
  printf 'live 0\n'
  [ -r "$R"/etc/hostname ] && IFS= read -r harden_hostname <"$R"/etc/hostname
fi
printf 'systemd %s\n' "$harden_systemd"
printf 'hostname %s\n' "$harden_hostname"

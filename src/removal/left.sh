# shellcheck shell=sh
# shellcheck disable=SC2154 # the variables stand in front of it
# Tells what a host has of a cluster: processes, ports and files that a reset takes away, a line each. It writes nothing.

# Everything below a directory but directories; a link in its place is followed, other file systems below are not.
harden_files() { # PATH
  [ -n "$(find "$R$1/" -xdev ! -type d 2>/dev/null | head -n 1)" ] && printf 'files in %s\n' "$1"
}
for harden_comm in "$R"/proc/[0-9]*/comm; do
  { IFS= read -r harden_name <"$harden_comm"; } 2>/dev/null || continue
  for harden_wanted in $harden_components; do
    [ "$harden_name" = "$harden_wanted" ] || continue
    harden_pid=${harden_comm%/comm}
    printf 'process %s (%s)\n' "$harden_name" "${harden_pid##*/}"
  done
done
cat -- "$R"/proc/net/tcp "$R"/proc/net/tcp6 2>/dev/null |
  while read -r _ harden_local _ harden_state _; do
    [ "$harden_state" = 0A ] || continue
    harden_port=$((0x${harden_local##*:}))
    for harden_wanted in $harden_ports; do
      [ "$harden_port" -ne "$harden_wanted" ] || printf 'port %s\n' "$harden_port"
    done
  done | sort -u
for harden_folder in /etc/kubernetes "$harden_data/member" /var/lib/kubelet/pki /etc/harden-etcd /var/lib/harden; do
  harden_files "$harden_folder"
done
if [ "$harden_etcd_unit" = 1 ]; then
  harden_files /etc/etcd
  [ ! -e "$R"/etc/systemd/system/etcd.service ] || echo 'file /etc/systemd/system/etcd.service'
fi
:

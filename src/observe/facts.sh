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
# What kubeadm has made here, or a unit of etcd; and whether harden was at it and did not get to the end.
harden_made=
for harden_file in /var/lib/kubelet/config.yaml /etc/kubernetes/manifests/kube-apiserver.yaml /etc/kubernetes/manifests/etcd.yaml; do
  [ -e "$R$harden_file" ] && harden_made="$harden_made kubernetes" && break
done
[ -d "$R"/var/lib/etcd/member/wal ] && harden_made="$harden_made etcd"
[ -e "$R"/var/lib/harden/joining ] && harden_made="$harden_made joining"
printf 'root %s\nlive %s\nsystemd %s\nhostname %s\nkubelet %s\nmade %s\n' \
  "$R" "$harden_live" "$harden_systemd" "$harden_hostname" "$harden_kubelet" "${harden_made# }"

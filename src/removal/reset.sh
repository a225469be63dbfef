# shellcheck shell=sh
# shellcheck disable=SC2154 # the variables stand in front of it
# Takes off a host what it has of the cluster. Each part may be done already. The etcd member is out of the cluster by now: kubeadm
# must not take another one away.

# What is below a directory, not the directory: it may be a file system of its own, or belong to a package.
harden_empty() { # PATH
  [ -d "$R$1/" ] || return 0
  find "$R$1/" -xdev -mindepth 1 ! -type d -exec rm -f -- {} + &&
    find "$R$1/" -xdev -mindepth 1 -depth -type d -exec rmdir -- {} +
}
# The whole directory.
harden_remove() { # PATH
  rm -rf -- "$R$1"
}
harden_failed=0
if [ "$harden_kubelet" = 0 ]; then
  : # No pod ever ran here.
elif command -v kubeadm >/dev/null 2>&1; then
  kubeadm reset --force --skip-phases=remove-etcd-member >&2 || harden_failed=1
elif command -v crictl >/dev/null 2>&1; then
  harden_pods=$(crictl pods -q) || harden_failed=1
  for harden_pod in $harden_pods; do
    crictl rmp -f "$harden_pod" >&2 || harden_failed=1
  done
fi
harden_empty /etc/kubernetes || harden_failed=1
harden_remove "$harden_data/member" || harden_failed=1
harden_empty /var/lib/kubelet/pki || harden_failed=1
for harden_file in config.yaml kubeadm-flags.env instance-config.yaml; do
  rm -f -- "$R/var/lib/kubelet/$harden_file" || harden_failed=1
done
if [ "$harden_etcd_unit" = 1 ]; then
  harden_empty /etc/etcd || harden_failed=1
  rm -f -- "$R/etc/systemd/system/etcd.service" || harden_failed=1
  if [ -z "$R" ] && command -v systemctl >/dev/null 2>&1; then systemctl daemon-reload || harden_failed=1; fi
fi
harden_remove /etc/harden-etcd || harden_failed=1
harden_remove /var/lib/harden || harden_failed=1
exit "$harden_failed"

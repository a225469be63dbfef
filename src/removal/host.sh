# shellcheck shell=sh
# Tells what a host has of a cluster's secrets, by path alone, and in which state it is. It writes nothing.
[ -z "$R" ] || echo tree
if [ -e "$R"/var/lib/harden/lock ] || [ -L "$R"/var/lib/harden/lock ]; then
  # That of a removal which was cut is taken over.
  [ "$(readlink -- "$R"/var/lib/harden/lock)" = removal ] || echo locked
fi
for harden_key in pki/ca.key pki/etcd/ca.key pki/front-proxy-ca.key pki/sa.key; do
  [ ! -s "$R/etc/kubernetes/$harden_key" ] || printf 'key /etc/kubernetes/%s\n' "$harden_key"
done
for harden_file in "$R"/etc/kubernetes/encryption/*; do
  [ ! -f "$harden_file" ] || { echo 'key /etc/kubernetes/encryption'; break; }
done
[ ! -s "$R"/etc/kubernetes/super-admin.conf ] || echo super-admin
for harden_file in "$R"/root/.kube/config "$R"/home/*/.kube/config; do
  [ ! -f "$harden_file" ] || printf 'kubeconfig %s\n' "${harden_file#"$R"}"
done
harden_data=$(sed -n 's/^ *- --data-dir=//p' "$R"/etc/kubernetes/manifests/etcd.yaml 2>/dev/null | head -n 1)
[ -n "$harden_data" ] || harden_data=/var/lib/etcd
printf 'data %s\n' "$harden_data"

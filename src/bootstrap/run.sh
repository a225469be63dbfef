#!/bin/sh
# Runs kubeadm once, in a systemd unit of its own: it comes to its end whatever becomes of the connection that started it, and the
# host counts as joined from that end on. Everything that it needs stands beside it.
set -u
umask 077
cd /var/lib/harden/kubeadm || exit 1
admin=/etc/kubernetes/admin.conf
super=/etc/kubernetes/super-admin.conf
kubelet=/etc/kubernetes/kubelet.conf
virtual=/etc/kubernetes/manifests/kube-vip.yaml

# The administrator whom no rule binds is needed for the first rule, and must not stay.
trap 'rm -f "$super"' EXIT

# Nothing of a cluster runs yet; the packaged unit fails over and over without a configuration.
systemctl stop kubelet.service
systemctl enable kubelet.service 2>/dev/null
while read -r owner path; do
  install -d -m 0700 -o "$owner" -g "$owner" "$path" || exit 1
done <directories

# The kubelet beside an API server asks that one, as kubeadm has it since 1.33. Those of the others may be newer during an upgrade;
# and while this host holds the endpoint's address itself, its kubelet would talk to nobody for most of a minute whenever it lets go.
ask_own_api_server() {
  address=$(sed -n 's/^ *- --advertise-address=//p' /etc/kubernetes/manifests/kube-apiserver.yaml) && [ -n "$address" ] || return
  case $address in *:*) address="[$address]" ;; esac
  sed "s|^\( *server: \).*|\1https://$address:6443|" "$kubelet" >/etc/kubernetes/.kubelet.conf || return
  cmp -s /etc/kubernetes/.kubelet.conf "$kubelet" && { rm /etc/kubernetes/.kubelet.conf; return; }
  mv /etc/kubernetes/.kubelet.conf "$kubelet" && systemctl restart kubelet.service
}

begin_cluster() {
  # For adding hosts by hand meanwhile it would do; nobody knows it, and it goes again.
  token=$(kubeadm token generate) || return
  sed "s/harden\.0000000000000000/$token/" config.yaml >config.new && mv config.new config.yaml || return
  mv kubeconfig "$super" || return
  if [ -f "$virtual" ]; then
    # Its own kubeconfig has no rights before the first rule is there.
    cp -p "$virtual" virtual && sed "s|path: $admin\$|path: $super|" virtual >"$virtual" || return
  fi
  kubeadm init --config config.yaml || return
  kubeadm token delete "${token%%.*}" || return
  ask_own_api_server || return
  # Last: kube-vip starts anew with it, and lets the endpoint's address go meanwhile.
  if [ -f virtual ]; then
    cp -p virtual "${virtual%/*}/.kube-vip" && mv "${virtual%/*}/.kube-vip" "$virtual" || return
  fi
}

case ${1:-} in
  init) begin_cluster ;;
  *) kubeadm join --config config.yaml && { [ ! -f /etc/kubernetes/manifests/kube-apiserver.yaml ] || ask_own_api_server; } ;;
esac || exit
rm -f /var/lib/harden/joining
cd / && rm -rf /var/lib/harden/kubeadm
sync

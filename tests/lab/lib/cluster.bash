# shellcheck shell=bash
# cluster.bash: a plain kubeadm cluster on the lab's hosts, as a user has it before harden: three control planes and a
# worker behind a load balancer on this machine's address on the bridge. And blank hosts, of which harden makes one.

CONTROL_PLANES=(cp-1 cp-2 cp-3)
WORKERS=(w-1)
BLANK=(cp-1 cp-2 cp-3 w-1 w-2)
KUBECTL="kubectl --kubeconfig /etc/kubernetes/admin.conf"

# The address that a host of the cluster has; others may be added by `lab up` and `lab join`.
member_address() { # NAME
  case $1 in
    cp-*) echo "$NET.$((10 + ${1#cp-}))" ;;
    w-*) echo "$NET.$((20 + ${1#w-}))" ;;
    etcd-*) echo "$NET.$((30 + ${1#etcd-}))" ;;
    *) die "$1 is neither cp-N nor w-N nor etcd-N" ;;
  esac
}

start_balancer() {
  local name servers=()
  need haproxy haproxy
  for name in "${CONTROL_PLANES[@]}"; do servers+=("$name=$(member_address "$name")"); done
  "$HERE/provision" balancer "$ENDPOINT" "${servers[@]}" >"$STATE/haproxy.cfg"
  end "$STATE/haproxy.pid"
  spawn "$STATE/haproxy.pid" "$STATE/haproxy.log" haproxy -db -f "$STATE/haproxy.cfg"
  sleep 0.3
  recorded "$STATE/haproxy.pid" >/dev/null || die "haproxy ended: see $STATE/haproxy.log"
}

balancer() { # stop|start
  need_root
  case ${1:-} in
    stop) end "$STATE/haproxy.pid" ;;
    start) start_balancer ;;
    *) die "lab balancer stop|start" ;;
  esac
}

init() { # NAME: the first control plane
  "$HERE/provision" kubeadm container "$1" "$(member_address "$1")" "$VERSION" "$ENDPOINT" "$PODS.0.0/16" |
    on "$1" 'umask 077; cat >/root/kubeadm.yaml'
  on "$1" kubeadm init --config /root/kubeadm.yaml --ignore-preflight-errors=all >"$STATE/$1.log" 2>&1 ||
    die "kubeadm init failed on $1: see $STATE/$1.log"
}

join() { # NAME [--control-plane]: by way of the first control plane
  local command key
  command=$(on "${CONTROL_PLANES[0]}" kubeadm token create --print-join-command)
  if [[ ${2:-} == --control-plane ]]; then
    key=$(on "${CONTROL_PLANES[0]}" kubeadm init phase upload-certs --upload-certs 2>/dev/null | tail -n 1)
    command+=" --control-plane --certificate-key $key --apiserver-advertise-address $(host_address "$1")"
  fi
  on "$1" "$command --ignore-preflight-errors=all" >"$STATE/$1.log" 2>&1 || die "kubeadm join failed on $1: see $STATE/$1.log"
}

join_all() {
  local name workers=()
  # A worker needs nothing of the other control planes; those add an etcd member each, one after the other.
  for name in "${WORKERS[@]}"; do
    join "$name" &
    workers+=($!)
  done
  for name in "${CONTROL_PLANES[@]:1}"; do timed "  $name joined" join "$name" --control-plane; done
  for name in "${workers[@]}"; do wait "$name" || die "a worker did not join"; done
}

wait_until_ready() {
  local nodes
  nodes=$((${#CONTROL_PLANES[@]} + ${#WORKERS[@]}))
  on "${CONTROL_PLANES[0]}" "
    for i in \$(seq 120); do [ \"\$($KUBECTL get nodes --no-headers 2>/dev/null | wc -l)\" = $nodes ] && break; sleep 0.5; done
    $KUBECTL wait --for=condition=Ready node --all --timeout=120s &&
    $KUBECTL -n kube-system rollout status deployment/coredns --timeout=120s &&
    $KUBECTL -n kube-system wait --for=condition=Ready pod --all --timeout=120s" >"$STATE/ready.log" 2>&1 ||
    die "the cluster is not ready: see $STATE/ready.log"
}

cluster_is_up() {
  local name
  [[ $(cat "$STATE/cluster" 2>/dev/null) == "$HOST" ]] && recorded "$STATE/haproxy.pid" >/dev/null || return 1
  for name in "${CONTROL_PLANES[@]}" "${WORKERS[@]}"; do host_runs "$name" || return 1; done
  on "${CONTROL_PLANES[0]}" "$KUBECTL get --raw /readyz" >/dev/null 2>&1
}

# Leaves a running cluster of the same programs alone; anything else of this state folder is replaced.
cluster() {
  local name pairs=() begun
  need_root
  prepare
  if cluster_is_up; then
    say "the cluster is up"
    return
  fi
  down
  for name in "${CONTROL_PLANES[@]}" "${WORKERS[@]}"; do pairs+=("$name" "$(member_address "$name")"); done
  timed "  hosts up" up "${pairs[@]}"
  start_balancer
  begun=${EPOCHREALTIME/./}
  timed "  ${CONTROL_PLANES[0]} initialised" init "${CONTROL_PLANES[0]}"
  join_all
  timed "  everything ready" wait_until_ready
  # What a bootstrap by harden is measured against; it outlives `lab down`.
  echo "$(((${EPOCHREALTIME/./} - begun) / 1000))" >"$STATE/cluster.milliseconds"
  echo "$HOST" >"$STATE/cluster"
}

# Hosts as a golden image makes them, whatever was on them before, and the balancer in front of what will be API servers.
# Without names everything else of this state folder is gone too.
blank() { # [NAME...]
  local name pairs=()
  need_root
  prepare
  if (($# == 0)); then
    down
    set -- "${BLANK[@]}"
  fi
  for name in "$@"; do
    [[ ! -d $(host_dir "$name") ]] || down "$name"
    pairs+=("$name" "$(member_address "$name")")
  done
  # shellcheck disable=SC2034 # used by hosts.bash
  CNI=none
  up "${pairs[@]}"
  for name in "$@"; do
    # Where etcd is a program, a golden image brings it.
    [[ $name != etcd-* ]] || on "$name" 'cat >/usr/local/bin/etcd && chmod 0755 /usr/local/bin/etcd' <"$ETCD/etcd"
  done
  recorded "$STATE/haproxy.pid" >/dev/null || start_balancer
}

# The manifests of the lab's network plugin: a pod on each node puts the plugin's configuration there, for the subnet that
# the lab has for the host of that address.
cni() {
  cat <<S
apiVersion: v1
kind: ConfigMap
metadata: {name: lab-network, namespace: kube-system}
data:
  10-lab.conflist: |
$("$HERE/provision" network SUBNET | sed 's/^/    /')
---
S
  sed "s/|PODS\./|$PODS./" "$HERE/cni/daemonset.yaml"
}

# The inventory of the hosts that run, for harden; as USER, who becomes root by sudo, or as root. With --blank it says what a
# cluster of containers is made with too.
inventory() { # [--blank] [USER]
  local name user roles blank=no members='cp-*'
  [[ ${1:-} != --blank ]] || { blank=yes && shift; }
  user=${1:-root}
  cat <<S
# The lab's hosts; written by \`tests/lab/lab inventory\`.
[cluster]
name = "lab"
kubernetes = "$(cut -d. -f1,2 <<<"${VERSION#v}")"
endpoint = "$ENDPOINT"

[ssh]
user = "$user"
identity-file = "$STATE/key"
known-hosts = ["$STATE/known_hosts"]
become = "$(if [[ $user == root ]]; then echo none; else echo sudo; fi)"
S
  [[ $blank == no ]] || made_with
  # etcd has hosts of its own, or it is beside the API servers.
  ! host_names | grep -q '^etcd-' || members='etcd-*'
  for name in $(host_names); do
    host_runs "$name" || continue
    roles=()
    [[ $name != cp-* ]] || roles+=('"control-plane"')
    [[ $name != w-* ]] || roles+=('"worker"')
    # shellcheck disable=SC2053 # a pattern
    [[ $name != $members ]] || roles+=('"etcd"')
    printf '\n[[nodes]]\nname = "%s"\naddress = "%s"\nroles = [%s]\n' "$name" "$(host_address "$name")" "$(paste -sd, <(printf '%s\n' "${roles[@]}"))"
  done
}

# The same as what `provision kubeadm` tells kubeadm. Its preflight judges the machine, which is not the hosts'.
made_with() {
  cat <<S

[network]
pod-subnet = "$PODS.0.0/16"

[bootstrap]
ignore-preflight-errors = ["all"]

[kubelet.config]
$("$HERE/provision" settings kubelet)

[kube-proxy.config]
$("$HERE/provision" settings kube-proxy)
S
}

status() {
  local name
  printf 'state %s, cache %s, Kubernetes %s, network %s.0/24 on %s\n' "$STATE" "$CACHE" "$VERSION" "$NET" "$BRIDGE"
  for name in $(host_names); do
    printf '%-9s %-15s %s\n' "$name" "$(host_address "$name")" "$(if host_runs "$name"; then echo "runs, pid $(recorded "$(host_dir "$name")/pid")"; else echo "down"; fi)"
  done
  printf 'balancer  %-15s %s\n' "$ENDPOINT" "$(if recorded "$STATE/haproxy.pid" >/dev/null; then echo "runs, pid $(recorded "$STATE/haproxy.pid")"; else echo "down"; fi)"
}

unset IFS
set -f
# Where the kubelet finds its runtime; its flags win over its files.
harden_endpoint=$(sed -n \
  -e 's/.*--container-runtime-endpoint[= ]\([^" ]\{1,\}\).*/\1/p' \
  -e 's/^containerRuntimeEndpoint: *["'\'']\{0,1\}\([^"'\'' ]\{1,\}\).*/\1/p' \
  "$R"/var/lib/kubelet/kubeadm-flags.env "$R"/var/lib/kubelet/instance-config.yaml "$R"/var/lib/kubelet/config.yaml \
  2>/dev/null | head -n 1)
harden_crictl() {
  command -v crictl >/dev/null 2>&1 &&
    crictl ${harden_endpoint:+-r "$harden_endpoint"} -t 10s "$@" </dev/null 2>/dev/null
}
# The images of containerd's own client are those of the kubelet only where containerd is its runtime.
harden_ctr() {
  case $harden_endpoint in '' | *containerd*) ;; *) return 1 ;; esac
  command -v ctr >/dev/null 2>&1 &&
    ctr ${harden_endpoint:+-a "${harden_endpoint#unix://}"} -n k8s.io "$@" </dev/null 2>/dev/null
}
if harden_listed=$(harden_crictl images -o json); then
  printf 'crictl\n%s\n' "$harden_listed"
elif harden_listed=$(harden_ctr images ls -q) && [ -n "$harden_listed" ]; then
  printf 'ctr -n k8s.io images\n%s\n' "$harden_listed"
fi
:

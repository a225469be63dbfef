# What of a cluster is on the host already, and which cluster that is.
for harden_place in /etc/kubernetes/kubelet.conf /etc/kubernetes/manifests /etc/kubernetes/pki /var/lib/etcd/member \
  /var/lib/kubelet/config.yaml; do
  if [ -d "$R$harden_place" ]; then
    # A package may bring the folder; the kubelet leaves out what begins with a dot.
    case $harden_place in
      */manifests) set -- "$R$harden_place"/*.yaml ;;
      *) set -- "$R$harden_place"/* ;;
    esac
    [ ! -e "$1" ] || printf 'left %s\n' "$harden_place"
  elif [ -e "$R$harden_place" ]; then
    printf 'left %s\n' "$harden_place"
  fi
done
# Its first certificate, and nothing else.
[ ! -r "$R/etc/kubernetes/pki/ca.crt" ] ||
  sed -n -e '/^-----BEGIN CERTIFICATE-----/,/^-----END CERTIFICATE-----/p' -e '/^-----END CERTIFICATE-----/q' \
    "$R/etc/kubernetes/pki/ca.crt" | sed 's/^/ca /'
:

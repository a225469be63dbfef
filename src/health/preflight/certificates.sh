unset IFS
set +f
# The files that the static pods' flags name, and those of an etcd that systemd runs.
harden_files=$({
  sed -n \
    -e 's/^[-"'\'' ]*--tls-cert-file=\([^"'\'' ]\{1,\}\).*/\1/p' \
    -e 's/^[-"'\'' ]*--etcd-certfile=\([^"'\'' ]\{1,\}\).*/\1/p' \
    -e 's/^[-"'\'' ]*--kubelet-client-certificate=\([^"'\'' ]\{1,\}\).*/\1/p' \
    -e 's/^[-"'\'' ]*--cert-file=\([^"'\'' ]\{1,\}\).*/\1/p' \
    -e 's/^[-"'\'' ]*--peer-cert-file=\([^"'\'' ]\{1,\}\).*/\1/p' \
    "$R"/etc/kubernetes/manifests/* 2>/dev/null
  sed -n -e 's/^ETCD_CERT_FILE="\{0,1\}\([^"]\{1,\}\).*/\1/p' -e 's/^ETCD_PEER_CERT_FILE="\{0,1\}\([^"]\{1,\}\).*/\1/p' \
    "$R"/etc/etcd/etcd.conf 2>/dev/null
} | sort -u)
set -f
for harden_file in $harden_files /var/lib/kubelet/pki/kubelet-client-current.pem; do
  [ -r "$R$harden_file" ] || continue
  printf 'file %s\n' "$harden_file"
  # Its first certificate, and nothing else: the kubelet's file holds a private key as well.
  sed -n -e '/^-----BEGIN CERTIFICATE-----/,/^-----END CERTIFICATE-----/p' -e '/^-----END CERTIFICATE-----/q' "$R$harden_file"
done
[ ! -r "$R"/etc/kubernetes/admin.conf ] ||
  sed -n 's/^ *client-certificate-data: */data \/etc\/kubernetes\/admin.conf /p' "$R"/etc/kubernetes/admin.conf | head -n 1
:

# The running daemon knows best; containerd 2 does not tell its clients, and its configuration does.
harden_pause=$(harden_crictl info | sed -n 's/.*"sandboxImage": *"\([^"]\{1,\}\)".*/\1/p' | head -n 1)
if [ -z "$harden_pause" ] && [ -f "$R"/etc/containerd/config.toml ] && command -v containerd >/dev/null 2>&1; then
  harden_pause=$(containerd config dump </dev/null 2>/dev/null |
    sed -n 's/^ *sandbox\(_image\)\{0,1\} *= *["'\'']\([^"'\'']\{1,\}\)["'\''].*/\2/p' | head -n 1)
fi
if [ -z "$harden_pause" ] && command -v crio >/dev/null 2>&1; then
  harden_pause=$(crio config </dev/null 2>/dev/null |
    sed -n 's/^[# ]*pause_image *= *"\([^"]\{1,\}\)".*/\1/p' | head -n 1)
fi
printf '%s\n' "$harden_pause"

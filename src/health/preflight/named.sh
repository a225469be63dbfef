# The lines that name images, and no other: a manifest may hold secrets. The kubelet leaves out what begins with a dot.
set +f
grep -H '^[- ]*image:' "$R"/etc/kubernetes/manifests/* 2>/dev/null
:

# The images that kubeadm will want here. With a version it asks nobody for one.
if [ "$harden_live" = 1 ] && [ "$harden_kubernetes" = 1 ] && command -v kubeadm >/dev/null 2>&1; then
  [ -n "$harden_version" ] || harden_version=$(harden_soon kubeadm version -o short)
  case $harden_version in
    v*)
      harden_soon kubeadm config images list --kubernetes-version "$harden_version" --image-repository "$harden_repository"
      ;;
  esac
fi
:

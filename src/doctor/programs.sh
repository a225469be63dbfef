# The programs that Kubernetes or etcd are made of, and the container runtime behind `harden_socket`.
harden_silent=
if [ "$harden_live" = 1 ]; then
  if [ "$harden_kubernetes" = 1 ]; then
    command -v kubelet >/dev/null 2>&1 && printf 'kubelet %s\n' "$(harden_soon kubelet --version)"
    command -v kubeadm >/dev/null 2>&1 && printf 'kubeadm %s\n' "$(harden_soon kubeadm version -o short)"
    [ ! -S "$R$harden_socket" ] || echo 'socket there'
    # The daemon itself, where one of its clients is there to ask it; its program otherwise.
    harden_crictl() {
      command -v crictl >/dev/null 2>&1 && harden_soon crictl -r "unix://$R$harden_socket" -t 8s "$@"
    }
    # The images of containerd's own client are the kubelet's only where containerd is its runtime.
    harden_ctr() {
      case $harden_socket in *containerd*) ;; *) return 1 ;; esac
      command -v ctr >/dev/null 2>&1 && harden_soon ctr -a "$R$harden_socket" -n k8s.io "$@"
    }
    if command -v crictl >/dev/null 2>&1 && harden_said=$(harden_crictl version); then
      printf '%s\n' "$harden_said" |
        sed -n -e 's/^RuntimeName: *\(.*\)$/runtime \1/p' -e 's/^RuntimeVersion: *\(.*\)$/version \1/p'
    elif harden_said=$(harden_ctr version) && [ -n "$harden_said" ]; then
      printf '%s\n' "$harden_said" | sed -n -e '1s/.*/runtime containerd/p' -e '/^Server:/,$s/^ *Version: *\(.*\)$/version \1/p'
    else
      # Neither client got an answer, or there is none: `silent` where one was there to ask.
      if command -v crictl >/dev/null 2>&1; then
        harden_silent=crictl
      elif command -v ctr >/dev/null 2>&1 && case $harden_socket in *containerd*) ;; *) false ;; esac then
        harden_silent=ctr
      fi
      [ -z "$harden_silent" ] || printf 'silent %s\n' "$harden_silent"
      case $harden_socket in
        *containerd*)
          command -v containerd >/dev/null 2>&1 &&
            printf 'runtime containerd\nversion %s\n' "$(harden_soon containerd --version | sed -n '1s/^.* v\{0,1\}\([0-9][0-9]*\.[0-9][^ ]*\).*$/\1/p')"
          ;;
        *crio*)
          command -v crio >/dev/null 2>&1 &&
            printf 'runtime cri-o\nversion %s\n' "$(harden_soon crio --version | sed -n 's/^\(crio version\|Version:\) *\([0-9][^ ]*\).*$/\2/p' | head -n 1)"
          ;;
      esac
    fi
  fi
  if [ -n "$harden_etcd" ] && [ -x "$R$harden_etcd" ]; then
    printf 'etcd %s\n' "$(harden_soon "$R$harden_etcd" --version | sed -n 's/^etcd Version: *//p')"
  fi
fi
:

# shellcheck shell=bash
# artefacts.bash: what takes long and is made once: programs, images, the base root file system, the prepared host.
# Each is a folder in the cache named by what it is and a hash of what it is made from. It is made under a hidden name
# and renamed, so that a killed run leaves nothing half.

HERE=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
KUBERNETES_PROGRAMS=(kube-apiserver kube-controller-manager kube-proxy kube-scheduler kubeadm kubectl kubelet)

# key TEXT... [-- FILE...]: a hash of texts and file contents.
key() {
  {
    while (($#)) && [[ $1 != -- ]]; do
      printf '%s\n' "$1"
      shift
    done
    (($# < 2)) || cat "${@:2}"
  } | sha256sum | cut -c1-12
}

# The artefacts' paths. The version of Go is not part of them: every toolchain builds the same sources, and updating it
# should not cost six minutes.
plan_artefacts() {
  local modules=$HERE/go/$VERSION
  [[ -d $modules ]] || die "no Go module for Kubernetes $VERSION in tests/lab/go: make one with tests/lab/pin $VERSION"
  KUBERNETES=$CACHE/kubernetes-$VERSION-$(key 1 -- "$modules"/*)
  ETCD=$CACHE/etcd-$(key 1 -- "$HERE"/go/etcd/*)
  COREDNS=$CACHE/coredns-$(key 1 -- "$HERE"/go/coredns/*)
  KUBE_BENCH=$CACHE/kube-bench-$(key 1 -- "$HERE"/go/kube-bench/*)
  # Not a part of the hosts: `lab kube-vip` brings it to those that want it.
  # shellcheck disable=SC2034 # used by hosts.bash
  KUBE_VIP=$CACHE/kube-vip-$(key 1 -- "$HERE"/go/kube-vip/*)
  KUBE_VIP_IMAGE=ghcr.io/kube-vip/kube-vip:$(sed -n 's/^require .*kube-vip //p' "$HERE/go/kube-vip/go.mod")
  PAUSE=$CACHE/pause-$(key 1 -- "$HERE/pause.c")
  BASE=$CACHE/base-$SUITE-$(key 1 "$("$HERE/provision" packages)" "${HARDEN_LAB_MIRROR:-}")
  IMAGES=$CACHE/images-$VERSION-$(key "${KUBERNETES##*/}" "${ETCD##*/}" "${COREDNS##*/}" "${PAUSE##*/}" "${BASE##*/}" -- "$HERE/images")
  HOST=$CACHE/host-$VERSION-$(key "${IMAGES##*/}" "$(cgroup_version)" -- "$HERE/provision")
}

programs() {
  plan_artefacts
  echo "$KUBERNETES"
}

etcd() {
  plan_artefacts
  echo "$ETCD"
}

cgroup_version() { if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then echo 2; else echo 1; fi; }

# publish LABEL PATH FUNCTION: makes the folder PATH by FUNCTION TEMPORARY_FOLDER unless it is there.
publish() {
  local temporary
  if [[ ! -d $2 ]]; then
    temporary=$CACHE/.making-$(basename "$2")
    discard "$temporary"
    mkdir "$temporary"
    timed "$1" "$3" "$temporary"
    mv -T "$temporary" "$2"
    forget_old
  fi
  touch "$2"
}

# Artefacts that nobody used for a month and no host stands on.
forget_old() {
  local path
  while read -r path; do
    grep -qF "$path/" /proc/self/mountinfo || discard "$path"
  done < <(find "$CACHE" -mindepth 1 -maxdepth 1 -type d -name '*-*' -mtime +30)
}

go_build() { # MODULE OUT LDFLAGS PACKAGE...
  (
    need go "the Go toolchain (https://go.dev/dl); it comes with no Debian package that is new enough"
    cd "$HERE/go/$1" || exit
    GOWORK=off CGO_ENABLED=0 go build -mod=readonly -buildvcs=false -trimpath -ldflags "-s -w $3" -o "$2" "${@:4}"
  )
}

make_kubernetes() { # DIR
  local packages=("${KUBERNETES_PROGRAMS[@]/#/k8s.io/kubernetes/cmd/}") stamp=k8s.io/component-base/version minor
  minor=$(cut -d. -f2 <<<"$VERSION")
  go_build "$VERSION" "$1/" "-X $stamp.gitVersion=$VERSION -X $stamp.gitMajor=1 -X $stamp.gitMinor=$minor -X k8s.io/client-go/pkg/version.gitVersion=$VERSION" "${packages[@]}"
  # The tags of the images that this kubeadm asks for.
  "$1/kubeadm" config images list --kubernetes-version "$VERSION" | sed -n 's/.*\/\(etcd\|coredns\|pause\):/\1 /p' >"$1/tags"
}

make_etcd() { # DIR
  go_build etcd "$1/etcd" "" go.etcd.io/etcd/server/v3
  go_build etcd "$1/etcdctl" "" go.etcd.io/etcd/etcdctl/v3
}

make_coredns() { go_build coredns "$1/coredns" "" github.com/coredns/coredns; } # DIR

# With its benchmarks, which it reads from files.
make_kube_bench() { # DIR
  go_build kube-bench "$1/kube-bench" "" github.com/aquasecurity/kube-bench
  cp -r "$(cd "$HERE/go/kube-bench" && GOWORK=off go list -mod=readonly -m -f '{{.Dir}}' github.com/aquasecurity/kube-bench)/cfg" "$1/cfg"
  chmod -R u+w "$1/cfg"
}

# With its image, which holds the program and nothing else, as its makers' does.
make_kube_vip() { # DIR
  local layer
  go_build kube-vip "$1/kube-vip" "" github.com/kube-vip/kube-vip
  tar -C "$1" --owner=0 --group=0 -cf "$1/layer.tar" kube-vip
  layer=$(sha256sum <"$1/layer.tar" | cut -d' ' -f1)
  printf '{"architecture":"amd64","os":"linux","config":{"Entrypoint":["/kube-vip"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$layer" >"$1/config.json"
  printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$KUBE_VIP_IMAGE" >"$1/manifest.json"
  tar -C "$1" -cf "$1/image.tar" config.json layer.tar manifest.json
  rm "$1/layer.tar" "$1/config.json" "$1/manifest.json"
}

make_pause() { # DIR
  need gcc "gcc and libc6-dev"
  gcc -Os -static -s -o "$1/pause" "$HERE/pause.c"
}

make_base() { # DIR
  need debootstrap debootstrap
  mkdir -p "$CACHE/packages"
  debootstrap --variant=minbase --cache-dir="$CACHE/packages" --include="$("$HERE/provision" packages | paste -sd,)" \
    "$SUITE" "$1/root" ${HARDEN_LAB_MIRROR:+"$HARDEN_LAB_MIRROR"} >"$CACHE/base.log" 2>&1 ||
    die "debootstrap failed: see $CACHE/base.log"
  # What must differ between hosts is made when a host is.
  rm -f "$1"/root/etc/machine-id "$1"/root/etc/ssh/ssh_host_* "$1"/root/var/cache/apt/archives/*.deb
}

make_images() { # DIR
  need python3 python3
  "$HERE/images" "$1" "$VERSION" "$KUBERNETES" "$ETCD" "$COREDNS" "$PAUSE/pause" "$BASE/root"
}

# The prepared host: an upper layer on the base and a containerd folder with the images in it.
make_host() { # DIR
  local name
  name=prepare-$(key "$CACHE")
  # The container of a killed run may have outlived it.
  clear_groups "$name"
  mkdir "$1"/{layer,work,root,containerd}
  mount -t overlay overlay -o "lowerdir=$BASE/root,upperdir=$1/layer,workdir=$1/work" "$1/root"
  install -m 755 "$HERE/provision" "$1/root/usr/local/sbin/provision"
  container "$name" "$1/root" --private-network --as-pid2 --bind="$1/containerd:/var/lib/containerd" \
    --bind-ro="$KUBERNETES:/mnt/kubernetes" --bind-ro="$ETCD:/mnt/etcd" --bind-ro="$IMAGES:/mnt/images" \
    /usr/local/sbin/provision host container
  "${COMMAND[@]}" >"$CACHE/host.log" 2>&1 </dev/null || die "the host could not be prepared: see $CACHE/host.log"
  clear_groups "$name"
  umount "$1/root"
  rm -rf "$1/work" "$1/root"
}

build() {
  plan_artefacts
  locked "$CACHE/.lock" 8
  publish "Kubernetes $VERSION built" "$KUBERNETES" make_kubernetes
  publish "etcd built" "$ETCD" make_etcd
  publish "CoreDNS built" "$COREDNS" make_coredns
  publish "kube-bench built" "$KUBE_BENCH" make_kube_bench
  publish "pause built" "$PAUSE" make_pause
  exec 8>&-
}

base() {
  need_root
  need systemd-nspawn systemd-container
  plan_artefacts
  locked "$CACHE/.lock" 8
  publish "base root file system made" "$BASE" make_base
  exec 8>&-
}

prepare() {
  base
  build
  locked "$CACHE/.lock" 8
  publish "images made" "$IMAGES" make_images
  publish "host prepared" "$HOST" make_host
  exec 8>&-
}

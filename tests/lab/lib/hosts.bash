# shellcheck shell=bash
# hosts.bash: hosts with systemd and sshd as systemd-nspawn containers on a bridge of their own. A host is a folder in
# $STATE/hosts: overlay layers on the prepared host, its containerd and kubelet folders, its address, its process.

CGROUP=/sys/fs/cgroup
CONTROLLERS=(cpu cpuacct cpuset memory devices freezer blkio pids)

host_dir() { echo "$STATE/hosts/$1"; }
host_names() { (cd "$STATE/hosts" 2>/dev/null && ls) || true; }
host_address() { cat "$(host_dir "$1")/address" 2>/dev/null || die "no host $1; there are: $(host_names | paste -sd' ')"; }
host_runs() { recorded "$(host_dir "$1")/pid" >/dev/null; }

# Keys, and a password for the user who needs one: made once, for every host of this state folder.
credentials() {
  mkdir -p "$STATE/hosts"
  chmod 700 "$STATE"
  [[ -f $STATE/key ]] || ssh-keygen -q -t ed25519 -N '' -C lab -f "$STATE/key"
  [[ -s $STATE/ops-pass.password ]] || (umask 077 && openssl rand -hex 12 >"$STATE/ops-pass.password")
  touch "$STATE/known_hosts"
}

# What was made by a run of this state folder and did not survive it: processes are gone, mounts and interfaces are not.
clean_stale() {
  local name dir interface
  for name in $(host_names); do
    dir=$(host_dir "$name")
    host_runs "$name" || [[ ! -e $dir/pid && -z $(mounts_below "$dir") ]] || {
      say "$name: left by a run that was killed, cleaned"
      halt "$name"
    }
  done
  own_bridge || return 0
  for interface in "/sys/class/net/$BRIDGE/brif/vb-$MACHINES-"*; do
    name=${interface##*/vb-"$MACHINES"-}
    [[ ! -e $interface || -d $(host_dir "$name") ]] || {
      say "$name: runs without its folder, ended"
      halt "$name"
    }
  done
}

own_bridge() { [[ $(cat "/sys/class/net/$BRIDGE/ifalias" 2>/dev/null) == "harden-lab $STATE" ]]; }

# Refuses what would take an address, an interface or a route from somebody else on this machine.
check_network() {
  local route
  [[ $NET =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "HARDEN_LAB_NET is '$NET': three numbers are needed, as in 10.78.0"
  if [[ -e /sys/class/net/$BRIDGE ]] && ! own_bridge; then
    # One of a lab whose folder is gone is taken over; nobody else's is touched.
    [[ $(<"/sys/class/net/$BRIDGE/ifalias") == "harden-lab "* && -z $(ls "/sys/class/net/$BRIDGE/brif") ]] ||
      die "the interface $BRIDGE is somebody else's: set HARDEN_LAB_BRIDGE, HARDEN_LAB_NET and HARDEN_LAB_PODS to others, or end the lab that has it"
    ip link del "$BRIDGE"
  fi
  while read -r route; do
    die "the network $NET.0/24 or $PODS.0.0/16 is in use on this machine ($route): set HARDEN_LAB_NET and HARDEN_LAB_PODS to others"
  done < <(for net in "$NET.0/24" "$PODS.0.0/16"; do
    ip -4 route show table all to root "$net"
    ip -4 route show table all to match "$net"
  done | grep -v -e "dev $BRIDGE" -e '^default' || true)
}

bridge() {
  check_network
  if [[ ! -e /sys/class/net/$BRIDGE ]]; then
    ip link add "$BRIDGE" type bridge
    ip link set "$BRIDGE" alias "harden-lab $STATE"
    ip addr add "$NET.1/24" dev "$BRIDGE"
  fi
  ip link set "$BRIDGE" up
  # Loaded where the kernel has them as modules; kube-proxy and containerd need them and a host cannot load them.
  modprobe -aq overlay br_netfilter ip_tables nf_conntrack 2>/dev/null || true
}

# Every host's systemd, kubelet and containerd watch files; the kernel's default of 128 watchers for root is the whole
# machine's and does for three or four hosts. A kubelet that gets none ends again and again.
raise_limits() {
  local limit=/proc/sys/fs/inotify/max_user_instances
  (($(<"$limit") >= 1024)) || {
    say "fs.inotify.max_user_instances raised from $(<"$limit") to 1024 until the next boot of this machine"
    echo 1024 >"$limit"
  }
}

# check_host NAME ADDRESS: a new host may not take what another one has.
check_host() {
  local other
  # An interface's name has 15 characters at most.
  local longest=$((15 - ${#MACHINES} - 4))
  [[ $1 =~ ^[a-z][a-z0-9-]*$ && ${#1} -le $longest ]] ||
    die "'$1' is no host name for the lab: up to $longest lower-case letters, digits and hyphens"
  [[ $2 == "$NET".* && $2 != "$NET.1" ]] || die "$1: the address $2 is not in $NET.2 to $NET.254"
  for other in $(host_names); do
    [[ $other == "$1" || $(host_address "$other") != "$2" ]] || die "$1: the address $2 is $other's"
  done
  [[ ! -e $(host_dir "$1")/address || $(host_address "$1") == "$2" ]] || die "$1 exists with the address $(host_address "$1"): lab down $1 first"
  [[ ! -e /sys/class/net/vb-$MACHINES-$1 ]] || die "the interface vb-$MACHINES-$1 exists: another lab runs on $NET"
}

# The overlay, and everything in it that is this host's own.
make_root() { # NAME ADDRESS
  local dir
  dir=$(host_dir "$1")
  mkdir -p "$dir"/{upper,work,root,kubelet}
  mount -t overlay overlay -o "lowerdir=$HOST/layer:$BASE/root,upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
  [[ ! -e $dir/address ]] || return 0
  # Image contents are never written in place: hard links where the cache is on the same file system.
  cp -al "$HOST/containerd" "$dir/containerd" 2>/dev/null || {
    rm -rf "$dir/containerd"
    cp -a --reflink=auto "$HOST/containerd" "$dir/containerd"
  }
  # Databases are: a copy, not a link.
  find "$dir/containerd" -name '*.db' -exec cp -a --remove-destination {} {}.copy \; -exec mv {}.copy {} \;
  identify "$1" "$2" "$dir/root"
  echo "$2" >"$dir/address"
}

identify() { # NAME ADDRESS ROOT
  local root=$3 user home
  tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
  echo "$1" >"$root/etc/hostname"
  printf '127.0.0.1 localhost\n%s %s\n' "$2" "$1" >"$root/etc/hosts"
  # Nothing answers there: the lab resolves nothing outside itself.
  echo "nameserver $NET.1" >"$root/etc/resolv.conf"
  cat >"$root/etc/systemd/network/10-host0.network" <<S
[Match]
Name=host0
[Network]
Address=$2/24
Gateway=$NET.1
[Route]
Destination=$PODS.0.0/16
Scope=link
S
  [[ $CNI == none ]] || chroot "$root" provision pods "$PODS.${2##*.}.0/24"
  for user in root ops ops-pass; do
    home=$root$(chroot "$root" getent passwd "$user" | cut -d: -f6)
    install -d -m 700 "$home/.ssh"
    install -m 600 "$STATE/key.pub" "$home/.ssh/authorized_keys"
    chroot "$root" chown -R "$user:" "${home#"$root"}/.ssh"
  done
  printf 'ops-pass:%s\n' "$(<"$STATE/ops-pass.password")" | chroot "$root" chpasswd
  ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$root/etc/ssh/ssh_host_ed25519_key"
  forget_key "$2"
  echo "$2 $(cut -d' ' -f1,2 "$root/etc/ssh/ssh_host_ed25519_key.pub")" >>"$STATE/known_hosts"
}

forget_key() { # ADDRESS
  sed -i "/^${1//./\\.} /d" "$STATE/known_hosts"
}

# The control groups that a host's processes go into on the outside, so that a test can freeze or kill a whole host.
host_groups() { # NAME
  local group=harden-lab-$MACHINES-$1 controller
  if [[ $(cgroup_version) == 2 ]]; then
    echo "$CGROUP/$group"
  else
    for controller in "${CONTROLLERS[@]}"; do
      [[ ! -d $CGROUP/$controller ]] || echo "$CGROUP/$controller/$group"
    done
  fi
}

# confined NAME COMMAND...: becomes the command inside the host's control groups.
confined() {
  local group
  while read -r group; do
    mkdir -p "$group"
    if [[ -e $group/cpuset.cpus && $(cgroup_version) == 1 ]]; then
      cat "$group/../cpuset.cpus" >"$group/cpuset.cpus"
      cat "$group/../cpuset.mems" >"$group/cpuset.mems"
    fi
    echo "$BASHPID" >"$group/cgroup.procs"
  done < <(host_groups "$1")
  shift
  exec "$@"
}

# Ends what is left in a host's control groups and removes them. Nothing but this host's processes ever was in there.
clear_groups() { # NAME
  local group
  while read -r group; do
    # A frozen process would not die of a signal.
    [[ ! -e $group/freezer.state ]] || echo THAWED >"$group/freezer.state"
    # The kernel takes a moment to end processes.
    for _ in {1..50}; do
      [[ -d $group ]] || break
      # shellcheck disable=SC2038 # the numbers of processes
      find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null | xargs -r kill -KILL 2>/dev/null || true
      find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
    done
  done < <(host_groups "$1")
}

freeze() { freezer "$1" FROZEN 1; }
thaw() { freezer "$1" THAWED 0; }

freezer() { # NAME STATE VALUE: what control groups of version 1 and 2 call it
  local group
  need_root
  group=$(freezer_group "$1")
  if [[ $(cgroup_version) == 2 ]]; then
    echo "$3" >"$group/cgroup.freeze"
    return
  fi
  echo "$2" >"$group/freezer.state"
  for _ in {1..100}; do
    [[ $(<"$group/freezer.state") != "$2" ]] || return 0
    sleep 0.05
  done
  die "$1 is $(<"$group/freezer.state"), not $2"
}

# The control group that every process of a host is below: the one that was made for it, or where systemd runs this machine
# the scope that systemd-nspawn asked it for.
freezer_group() { # NAME
  local pid path
  pid=$(recorded "$(host_dir "$1")/leader") || die "$1 is not up"
  if [[ $(cgroup_version) == 2 ]]; then
    path=$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
    path=${path%%/payload*}
    path=$CGROUP${path%/init.scope}
  else
    path=$CGROUP/freezer$(sed -n 's/^[0-9]*:freezer://p' "/proc/$pid/cgroup")
  fi
  # Never the whole machine.
  [[ $path == *"$MACHINES"* ]] || die "$1 has no control group of its own: it cannot be frozen here"
  echo "$path"
}

# container NAME ROOT OPTION...: sets COMMAND to what runs a container. Where systemd runs this machine systemd-nspawn asks
# it for a scope; elsewhere the control groups are made by hand.
container() {
  COMMAND=(systemd-nspawn -q --register=no -M "$MACHINES-$1" -D "$2" --capability=all --link-journal=no --resolv-conf=off)
  [[ -d /run/systemd/system ]] || COMMAND=("$HERE/lab" confined "$1" "${COMMAND[@]}" --keep-unit)
  COMMAND+=("${@:3}")
}

boot() { # NAME
  local dir
  dir=$(host_dir "$1")
  container "$1" "$dir/root" --hostname="$1" --network-bridge="$BRIDGE" --system-call-filter='@keyring bpf' \
    --bind="$dir/containerd:/var/lib/containerd" --bind="$dir/kubelet:/var/lib/kubelet" \
    --bind-ro="$KUBE_BENCH:/opt/kube-bench" --boot
  rm -f "$dir/leader"
  spawn "$dir/pid" "$dir/console.log" "${COMMAND[@]}"
}

# Records the host's first process: it outlives a systemd-nspawn that is killed, and everything in the host ends with it.
record_leader() { # NAME
  local dir child children pid
  dir=$(host_dir "$1")
  ! recorded "$dir/leader" >/dev/null && pid=$(recorded "$dir/pid") || return 0
  read -ra children 2>/dev/null <"/proc/$pid/task/$pid/children" || true
  for child in "${children[@]}"; do
    # Process 1 in a namespace of its own.
    grep -qsE '^NSpid:(\s[0-9]+)+\s1$' "/proc/$child/status" || continue
    echo "$child $(start_time "$child")" >"$dir/.leader"
    mv "$dir/.leader" "$dir/leader"
  done
}

start() { # NAME ADDRESS
  if host_runs "$1"; then
    say "$1 is up"
    return
  fi
  check_host "$1" "$2"
  make_root "$1" "$2"
  boot "$1"
}

# Ends a host as a power failure would; its folder stays, and `lab up` starts it again as it was.
halt() { # NAME
  local dir path
  dir=$(host_dir "$1")
  record_leader "$1"
  end "$dir/leader"
  end "$dir/pid"
  clear_groups "$1"
  # The kernel would remove it too, but later.
  [[ ! -e /sys/class/net/$BRIDGE/brif/vb-$MACHINES-$1 ]] || ip link del "vb-$MACHINES-$1" 2>/dev/null || true
  while read -r path; do umount "$path" 2>/dev/null || umount -l "$path"; done < <(mounts_below "$dir")
}

up() { # NAME ADDRESS...
  local names=() name
  need_root
  (($# >= 2 && $# % 2 == 0)) || die "lab up NAME ADDRESS [NAME ADDRESS]..."
  prepare
  locked "$STATE/.lock" 9
  credentials
  clean_stale
  bridge
  raise_limits
  while (($#)); do
    start "$1" "$2"
    names+=("$1")
    shift 2
  done
  for name in "${names[@]}"; do wait_for_ssh "$name"; done
}

wait_for_ssh() { # NAME
  for _ in {1..150}; do
    host_runs "$1" || die "$1 ended while starting: see $(host_dir "$1")/console.log"
    # After the answer, and not before the question: that may have been asked before the host had a first process.
    on "$1" true 2>/dev/null && record_leader "$1" && return
    sleep 0.2
  done
  die "$1 does not answer to SSH: see $(host_dir "$1")/console.log"
}

# kube_vip NAME...: brings the image of kube-vip to hosts that run, and says what it is called.
kube_vip() {
  local name
  need_root
  plan_artefacts
  locked "$CACHE/.lock" 8
  publish "kube-vip built" "$KUBE_VIP" make_kube_vip
  exec 8>&-
  for name in "$@"; do on "$name" ctr -n k8s.io images import - <"$KUBE_VIP/image.tar" >&2; done
  echo "$KUBE_VIP_IMAGE"
}

# on [USER@]NAME COMMAND...: runs a command on a host, as root unless a user is named.
on() {
  local user=root name=$1 address
  [[ $name != *@* ]] || { user=${name%%@*} name=${name#*@}; }
  address=$(host_address "$name")
  ssh -i "$STATE/key" -o IdentitiesOnly=yes -o BatchMode=yes -o UserKnownHostsFile="$STATE/known_hosts" \
    -o StrictHostKeyChecking=yes -o ConnectTimeout=3 -o LogLevel=ERROR "$user@$address" "${@:2}"
}

down() { # [NAME...]
  local name address
  need_root
  [[ -d $STATE ]] || return 0
  locked "$STATE/.lock" 9
  if (($#)); then
    for name in "$@"; do
      address=$(host_address "$name")
      halt "$name"
      discard "$(host_dir "$name")"
      forget_key "$address"
    done
    return
  fi
  end "$STATE/haproxy.pid"
  for name in $(host_names); do halt "$name"; done
  discard "$STATE/hosts"
  rm -f "$STATE/cluster" "$STATE/known_hosts"
  ! own_bridge || ip link del "$BRIDGE"
}

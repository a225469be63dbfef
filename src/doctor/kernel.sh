# What the kernel is set to, and what it has: `harden_modules` and `harden_sysctls` are lists of names.
if [ "$harden_live" = 1 ]; then
  # As the kubelet tells them apart: where both are mounted, the first is what counts.
  if [ -e "$R/sys/fs/cgroup/cgroup.controllers" ]; then
    echo 'cgroup v2'
  elif [ -d "$R/sys/fs/cgroup/memory" ] || [ -d "$R/sys/fs/cgroup/systemd" ]; then
    echo 'cgroup v1'
  fi
  if [ -r "$R/proc/swaps" ]; then
    echo 'swaps known'
    while read -r harden_name harden_rest; do
      case $harden_name in '' | Filename) ;; *) printf 'swap %s\n' "$harden_name" ;; esac
    done <"$R/proc/swaps"
  fi
  for harden_name in $harden_sysctls; do
    harden_first "sysctl $harden_name" "$R/proc/sys/$(printf %s "$harden_name" | tr . /)"
  done
  harden_release=
  [ ! -r "$R/proc/sys/kernel/osrelease" ] || IFS= read -r harden_release <"$R/proc/sys/kernel/osrelease"
  for harden_name in $harden_modules; do
    # What is built in shows in none of these but the last, or by what it does.
    if [ -d "$R/sys/module/$harden_name" ] || grep -q "^$harden_name " "$R/proc/modules" 2>/dev/null ||
      grep -q "[[:space:]]$harden_name\$" "$R/proc/filesystems" 2>/dev/null ||
      { [ "$harden_name" = br_netfilter ] && [ -d "$R/proc/sys/net/bridge" ]; } ||
      grep -q "/$harden_name\.ko" "$R/lib/modules/$harden_release/modules.builtin" 2>/dev/null; then
      printf 'module %s there\n' "$harden_name"
    elif ! command -v modprobe >/dev/null 2>&1 || [ ! -d "$R/lib/modules/$harden_release" ]; then
      printf 'module %s unknown\n' "$harden_name"
    elif modprobe -n -q "$harden_name" >/dev/null 2>&1; then
      printf 'module %s loadable\n' "$harden_name"
    else
      printf 'module %s absent\n' "$harden_name"
    fi
  done
fi
:

# What is known on the node of the paths in harden_paths, one a line. It writes nothing.
harden_nl='
'
IFS=$harden_nl
set -f

# What is gone went when something left its directory last, at the latest.
harden_times() {
  set --
  for harden_path in $harden_paths; do
    if [ -e "$R$harden_path" ] || [ -L "$R$harden_path" ]; then
      set -- "$@" "$R$harden_path"
      continue
    fi
    harden_directory=$(stat -c '%Y:%Z' -- "$R${harden_path%/*}/" 2>/dev/null) || continue
    printf '%s:%s\n' "$harden_directory" "$R$harden_path"
  done
  [ $# -eq 0 ] || stat -c '%Y:%Z:%n' -- "$@" 2>/dev/null
}

# Packages are the node's own business: a directory tree is asked by nobody's dpkg.
harden_packages() {
  [ -z "$R" ] || return 0
  for harden_path in $harden_paths; do
    if command -v dpkg-query >/dev/null 2>&1; then
      # Where /lib leads to /usr/lib the package may know the file by either name.
      harden_package=$(dpkg-query -S -- "$harden_path" "${harden_path#/usr}" 2>/dev/null | head -n 1)
      harden_package=${harden_package%%:*}
    elif command -v rpm >/dev/null 2>&1; then
      harden_package=$(rpm -qf --qf '%{NAME}\n' -- "$harden_path" 2>/dev/null) || harden_package=
    else
      return 0
    fi
    case $harden_package in '' | *[!A-Za-z0-9.+_-]*) continue ;; esac
    # What the package brought, or what somebody made of it: both list the files that differ, `??5?????? c /etc/x`.
    if command -v dpkg-query >/dev/null 2>&1; then
      harden_differs=$(dpkg -V -- "$harden_package" 2>/dev/null | grep -F -e " $harden_path" -e " ${harden_path#/usr}")
    else
      harden_differs=$(rpm -V -- "$harden_package" 2>/dev/null | grep -F " $harden_path")
    fi
    harden_word=package
    [ -z "$harden_differs" ] || harden_word=edited
    printf '%s %s %s\n' "$harden_word" "$harden_package" "$harden_path"
    harden_line=
    if [ -r /var/log/dpkg.log ]; then
      harden_line=$(grep -F -e " upgrade $harden_package:" -e " install $harden_package:" /var/log/dpkg.log | tail -n 1)
    elif command -v rpm >/dev/null 2>&1; then
      harden_line=$(rpm -q --qf '%{INSTALLTIME:date} installed %{NAME}-%{VERSION}-%{RELEASE}\n' -- "$harden_package" 2>/dev/null) || harden_line=
    fi
    [ -z "$harden_line" ] || printf 'log %s\n' "$harden_line"
  done
}

# Of an event only who, when and with what: its other records may hold what stood on a command line.
harden_audit() {
  harden_log=$R/var/log/audit/audit.log
  [ -r "$harden_log" ] || return 0
  for harden_path in $harden_paths; do
    harden_event=$(grep -F "name=\"$harden_path\"" "$harden_log" | tail -n 1)
    harden_event=${harden_event#*msg=}
    harden_event=${harden_event%%): *}
    case $harden_event in 'audit('*) ;; *) continue ;; esac
    printf 'audit %s\n' "$harden_path"
    grep -F "msg=$harden_event)" "$harden_log" | grep '^type=SYSCALL' | tail -n 1
  done
}

harden_kubeadm() {
  set +f
  for harden_path in "$R"/etc/kubernetes/tmp/kubeadm-*; do
    [ ! -d "$harden_path" ] || stat -c '%Y:%n' -- "$harden_path" 2>/dev/null
  done
  set -f
}

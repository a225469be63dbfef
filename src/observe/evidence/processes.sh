harden_nl='
'
# What stands between two arguments while the shell has them: a character that IFS does not collapse, so that an empty
# argument stays one.
harden_between=$(printf '\037')
harden_named_paths=
harden_hidden=
harden_shown=
harden_failed=
harden_said=
# The most processes of pods that have a network of their own: any tenant can start any number under any name.
harden_room=32

# harden_path_of KIND VALUE: asks for the path that a flag names.
harden_path_of() {
  harden_value=$2
  case $harden_value in /*) ;; *) return 0 ;; esac
  while :; do
    case $harden_value in ?*/) harden_value=${harden_value%/} ;; *) break ;; esac
  done
  case $1 in
    hide) harden_hidden=$harden_hidden$harden_value$harden_nl ;;
    show) harden_shown=$harden_shown$harden_value$harden_nl ;;
    *) harden_named_paths=$harden_named_paths$harden_value$harden_nl ;;
  esac
}

# harden_variables NUMBER: says the variables that set etcd's flags, and nothing else of its environment. Some images take
# passwords through such a variable too.
harden_variables() {
  if ! harden_environment=$(tr '\0\n' '\037 ' 2>/dev/null <"/proc/$1/environ"); then
    harden_failed="${harden_failed}the environment of $harden_program ($1) cannot be read$harden_nl"
    return 0
  fi
  # shellcheck disable=SC2086 # cut apart at IFS
  set -- $harden_environment
  for harden_variable; do
    case $harden_variable in
      ETCD_*PASS*=* | ETCD_*TOKEN*=* | ETCD_*SECRET*=*) ;;
      ETCD_*=*)
        harden_said="${harden_said}+$harden_variable$harden_nl"
        [ "$harden_network" = other ] || harden_look_at_variable "$harden_variable"
        ;;
    esac
  done
}

# harden_process NUMBER NAME NETWORK: says a process, if it is one of those that are asked for.
harden_process() {
  harden_number=$1
  harden_program=$2
  harden_network=$3
  harden_command=$(tr '\0\n' '\037 ' 2>/dev/null <"/proc/$1/cmdline") || return 0
  [ -n "$harden_command" ] || return 0
  # shellcheck disable=SC2086 # cut apart at IFS
  set -- $harden_command
  # The kernel cuts its own name of a process to 15 characters: kube-controller-manager and Calico's kube-controllers
  # have the same one, so that a name of that length says nothing.
  if harden_is_program "${1##*/}"; then
    harden_program=${1##*/}
  elif [ "${#harden_program}" -ge 15 ] || ! harden_is_program "$harden_program"; then
    return 0
  fi
  harden_said="${harden_said}process $harden_number $harden_network $harden_program$harden_nl"
  while [ $# -gt 0 ]; do
    harden_said="${harden_said}=$1$harden_nl"
    # A process in a network of its own is no part of the control plane, and the paths that it names are its container's:
    # what a tenant writes on a command line must not make root read a file of the host.
    [ "$harden_network" = other ] || harden_look_at "$1" "${2-}"
    shift
  done
  [ "$harden_program" != etcd ] || harden_variables "$harden_number"
}

if [ -z "$R" ]; then
  set --
  # Most of the work on a node with many processes: nothing is redirected for each of them that can be for all.
  {
    for harden_directory in /proc/[0-9]*; do
      harden_name=
      IFS= read -r harden_name <"$harden_directory/comm" || continue
      harden_is_name "$harden_name" || continue
      harden_network=other
      # The control plane, the kubelet and kube-proxy are in the network of the host.
      # shellcheck disable=SC3013 # dash, bash and busybox have it, and POSIX since 2024
      [ "$harden_directory/ns/net" -ef /proc/self/ns/net ] && harden_network=host
      if [ "$harden_network" = other ]; then
        harden_room=$((harden_room - 1))
        if [ "$harden_room" -lt 0 ]; then continue; fi
      fi
      set -- "$@" "${harden_directory#/proc/}" "$harden_name" "$harden_network"
    done
  } 2>/dev/null
  set -f
  IFS=$harden_between
  while [ $# -ge 3 ]; do
    harden_process "$1" "$2" "$3"
    shift 3
  done
  if [ "$harden_room" -lt 0 ]; then
    harden_failed="${harden_failed}there are $((0 - harden_room)) more processes of those names in pods$harden_nl"
  fi
  set +f
fi
IFS=$harden_nl
printf %s "$harden_said"

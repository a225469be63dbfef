harden_named_paths=
harden_hidden=
harden_shown=
harden_failed=
harden_said=
# Those found by their names: NUMBER NETWORK NAME, one line each, and the files with their command lines.
harden_found=
harden_files=
harden_count=0
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

# harden_candidate NUMBER NETWORK NAME: the process of which something is heard next.
harden_candidate() {
  harden_number=$1
  harden_network=$2
  harden_name=$3
  harden_program=
  harden_previous=
  harden_hear=harden_first_argument
}

harden_first_argument() {
  # The kernel cuts its own name of a process to 15 characters: kube-controller-manager and Calico's kube-controllers
  # have the same one, so that a name of that length says nothing.
  case $harden_programs in
    *"$harden_nl${1##*/}$harden_nl"*) harden_program=${1##*/} ;;
    *"$harden_nl$harden_name$harden_nl"*) [ "${#harden_name}" -ge 15 ] || harden_program=$harden_name ;;
  esac
  if [ -z "$harden_program" ]; then
    harden_hear=:
    return
  fi
  harden_said="${harden_said}process $harden_number $harden_network $harden_program$harden_nl"
  # A process in a network of its own is no part of the control plane, and the paths that it names are its container's:
  # what a tenant writes on a command line must not make root read a file of the host.
  if [ "$harden_network" = other ]; then
    harden_hear=harden_argument
  else
    harden_hear=harden_own_argument
  fi
  [ "$harden_program" != etcd ] || harden_variables
  "$harden_hear" "$1"
}

harden_argument() {
  harden_said="$harden_said=$1$harden_nl"
}

harden_own_argument() {
  harden_said="$harden_said=$1$harden_nl"
  harden_look_at "$harden_previous" "$1"
  harden_previous=$1
}

# harden_variables: says the variables that set etcd's flags, and nothing else of its environment. Some images take passwords
# through such a variable too.
harden_variables() {
  if ! harden_environment=$(tr '\0\n\037' '\037  ' 2>/dev/null <"/proc/$harden_number/environ"); then
    harden_failed="${harden_failed}the environment of $harden_program ($harden_number) cannot be read$harden_nl"
    return 0
  fi
  IFS=$harden_between
  for harden_variable in $harden_environment; do
    case $harden_variable in
      ETCD_*PASS*=* | ETCD_*TOKEN*=* | ETCD_*SECRET*=*) ;;
      ETCD_*=*)
        harden_said="${harden_said}+$harden_variable$harden_nl"
        [ "$harden_network" = other ] || harden_look_at_variable "$harden_variable"
        ;;
    esac
  done
}

# harden_one_by_one CANDIDATE...: reads them with a program each.
harden_one_by_one() {
  for harden_entry; do
    IFS=' '
    # shellcheck disable=SC2086 # cut apart at IFS
    harden_candidate $harden_entry
    harden_text=$(tr '\0\n\037' '\037  ' 2>/dev/null <"/proc/$harden_number/cmdline") || continue
    IFS=$harden_between
    for harden_text in $harden_text; do "$harden_hear" "$harden_text"; done
  done
}

# harden_all_at_once CANDIDATE...: takes apart what grep read of all of them, in the same order. Each line begins with the name
# of the file, by grep, and nothing in the file can begin another: its own newlines have become spaces.
harden_all_at_once() {
  harden_file=
  for harden_text in $harden_read; do
    case $harden_text in
      "$harden_file":*) ;;
      *)
        harden_file=${harden_text%%:*}
        harden_entry=${harden_file#/proc/}
        while [ $# -gt 0 ]; do
          case $1 in "${harden_entry%/*} "*) break ;; esac
          shift
        done
        [ $# -gt 0 ] || return 0
        IFS=' '
        # shellcheck disable=SC2086 # cut apart at IFS
        harden_candidate $1
        ;;
    esac
    "$harden_hear" "${harden_text#"$harden_file":}"
  done
}

if [ -z "$R" ]; then
  IFS=
  # Most of the work on a node with many processes: nothing is redirected for each of them that can be for all, and with standard
  # input closed each name is opened there at once.
  {
    # The kernel's own threads, often half of all, are the children of one, and are no programs. A list that is too long takes
    # longer to look through than a name to read.
    harden_kernel=
    read -r harden_name </proc/2/comm
    [ "$harden_name" != kthreadd ] || read -r harden_kernel </proc/2/task/2/children
    [ "${#harden_kernel}" -le 2000 ] || harden_kernel=
    for harden_directory in /proc/[0-9]*; do
      harden_number=${harden_directory#/proc/}
      case " $harden_kernel" in *" $harden_number "*) continue ;; esac
      harden_name=
      read -r harden_name <"$harden_directory/comm"
      case $harden_names in *"$harden_nl$harden_name$harden_nl"*) ;; *) continue ;; esac
      harden_network=other
      # The control plane, the kubelet and kube-proxy are in the network of the host.
      # shellcheck disable=SC3013 # dash, bash and busybox have it, and POSIX since 2024
      [ "$harden_directory/ns/net" -ef /proc/self/ns/net ] && harden_network=host
      if [ "$harden_network" = other ]; then
        harden_room=$((harden_room - 1))
        if [ "$harden_room" -lt 0 ]; then continue; fi
      fi
      harden_count=$((harden_count + 1))
      harden_found="$harden_found$harden_number $harden_network $harden_name$harden_nl"
      harden_files=$harden_files$harden_directory/cmdline$harden_nl
    done
  } 2>/dev/null <&-
  set -f
  IFS=$harden_nl
  harden_read=
  # Two programs for any number; not every grep of busybox takes -z, and then there is nothing.
  if [ "$harden_count" -gt 2 ]; then
    # shellcheck disable=SC2086 # cut apart at IFS
    harden_read=$(grep -zsaH '' $harden_files 2>/dev/null | tr '\0\n\037' '\n  ')
  fi
  # shellcheck disable=SC2086 # cut apart at IFS
  if [ -n "$harden_read" ]; then
    harden_all_at_once $harden_found
  else
    harden_one_by_one $harden_found
  fi
  if [ "$harden_room" -lt 0 ]; then
    harden_failed="${harden_failed}there are $((0 - harden_room)) more processes of those names in pods$harden_nl"
  fi
  set +f
fi
IFS=$harden_nl
printf %s "$harden_said"

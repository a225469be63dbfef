# harden_named NAME: whether the command line of the unit names this variable.
harden_named() {
  case $harden_exec in *"\$$1"* | *"\${$1}"*) return 0 ;; *) return 1 ;; esac
}

# harden_assignments TEXT: of the unit's own environment, as systemctl quotes it, what its command line names. The rest stays here:
# a proxy's password may be in it.
harden_assignments() {
  harden_inside=
  harden_kept=
  IFS=' '
  for harden_word in $1; do
    if [ -z "$harden_inside" ]; then
      harden_name=${harden_word#\"}
      harden_keep=no
      harden_named "${harden_name%%=*}" && harden_keep=yes
    fi
    [ "$harden_keep" = no ] || harden_kept="$harden_kept$harden_word "
    case $harden_word in
      \"*\") harden_inside= ;;
      \"*) harden_inside=1 ;;
      *\") harden_inside= ;;
    esac
  done
  IFS=$harden_nl
  printf 'environment %s\n' "$harden_kept"
}

# harden_environment_file PATH: the lines that set what the command line names.
harden_environment_file() {
  [ -f "$1" ] && [ -r "$1" ] || return 0
  while IFS= read -r harden_line || [ -n "$harden_line" ]; do
    case $harden_line in
      [A-Za-z_]*=*) ! harden_named "${harden_line%%=*}" || printf 'variable %s\n' "$harden_line" ;;
    esac
  done <"$1"
} 2>/dev/null

# harden_runs UNIT: what its process was started with, and what its unit and its environment files say it should be.
harden_runs() {
  harden_pid=
  harden_exec=
  harden_variables=
  harden_sources=
  for harden_line in $(systemctl show -p MainPID -p ExecStart -p Environment -p EnvironmentFiles -- "$1" </dev/null 2>/dev/null); do
    case $harden_line in
      MainPID=*) harden_pid=${harden_line#*=} ;;
      ExecStart=*) harden_exec="$harden_exec${harden_line#*=} " ;;
      Environment=*) harden_variables=${harden_line#*=} ;;
      EnvironmentFiles=*) harden_sources="$harden_sources${harden_line#*=}$harden_nl" ;;
    esac
  done
  case $harden_pid in '' | 0 | *[!0-9]*) return 0 ;; esac
  # It may end while it is looked at.
  read -r harden_line <"/proc/$harden_pid/stat" || return 0
  harden_command=$(tr '\0\n' '\n ' <"/proc/$harden_pid/cmdline") || return 0
  printf 'unit %s\nstat %s\nexec %s\n' "$1" "${harden_line##*) }" "$harden_exec"
  harden_assignments "$harden_variables"
  for harden_line in $harden_sources; do harden_environment_file "${harden_line% (ignore_errors=*}"; done
  # shellcheck disable=SC2086 # cut apart at newlines
  printf '=%s\n' $harden_command
} 2>/dev/null

set -f
IFS=$harden_nl
if [ "$harden_systemd" = 1 ]; then
  read -r harden_line _ </proc/uptime
  printf 'uptime %s\n' "$harden_line"
  for harden_unit in $harden_running; do harden_runs "$harden_unit"; done
fi
:

# shellcheck shell=sh
# shellcheck disable=SC2154 # R is the script's
# What is brought to a host before kubeadm runs there, and how it is run. Functions; what is placed stands behind them.

folder=$R/var/lib/harden/kubeadm
unit=harden-kubeadm.service

is_running() {
  case $(systemctl show -p ActiveState --value -- "$unit") in
    active | activating | deactivating | reloading) return 0 ;;
  esac
  return 1
}

# Whoever started it, from here or from elsewhere: two at once would be in each other's way. As long as somebody listens to it
# systemd keeps a unit that has ended, and starts none of its name; one that failed it keeps until it is told not to.
awaited=
await() {
  while is_running; do
    awaited=yes
    sleep 1
  done
  systemctl reset-failed -- "$unit" 2>/dev/null
  tries=10
  until [ "$(systemctl show -p LoadState --value -- "$unit")" = not-found ] || [ "$tries" = 0 ]; do
    tries=$((tries - 1))
    sleep 1
  done
}

# Standard input, in base64, becomes a file that nobody else can read.
place() { # NAME
  (umask 077 && mkdir -p -- "$folder/patches" && base64 -d >"$folder/$1")
}

# From here on the host counts as begun, until kubeadm has come to a good end. It may have done so while it was waited for: by
# somebody else, or for a run that was cut.
begin() {
  [ -z "$awaited" ] || [ -e "$R/var/lib/harden/joining" ] || exit 0
  (umask 077 && mkdir -p -- "$R/var/lib/harden" && rm -rf -- "$folder" && : >"$R/var/lib/harden/joining") && sync
}

# A join token lives for some minutes, and stands in kubeadm's output.
said() {
  sed 's/[a-z0-9]\{6\}\.[a-z0-9]\{16\}/(token)/g' "$folder/log" | tail -n 20
}

run() { # init|join
  systemd-run --quiet --wait --collect --unit="$unit" --property=StandardOutput="append:$folder/log" \
    --property=StandardError="append:$folder/log" -- sh "$folder/run.sh" "$1" && return
  # Somebody else was faster, or kubeadm failed.
  await
  [ -e "$R/var/lib/harden/joining" ] || return 0
  said >&2
  exit 70
}

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

await() {
  while is_running; do sleep 1; done
}

# Whoever started it, from here or from elsewhere: two at once would be in each other's way, and what came to a good end is not
# begun again.
let_others_end() {
  is_running || return 0
  await
  [ -e "$R/var/lib/harden/joining" ] || exit 0
}

# Standard input, in base64, becomes a file that nobody else can read.
place() { # NAME
  (umask 077 && mkdir -p -- "$folder/patches" && base64 -d >"$folder/$1")
}

# From here on the host counts as begun, until kubeadm has come to a good end.
begin() {
  (umask 077 && mkdir -p -- "$R/var/lib/harden" && rm -rf -- "$folder" && : >"$R/var/lib/harden/joining") && sync
}

# A join token lives for some minutes, and stands in kubeadm's output.
said() {
  sed 's/[a-z0-9]\{6\}\.[a-z0-9]\{16\}/(token)/g' "$folder/log" | tail -n 20
}

run() { # init|join
  # systemd forgets a unit that failed in its own time.
  systemctl reset-failed -- "$unit" 2>/dev/null
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ "$(systemctl show -p LoadState --value -- "$unit")" != not-found ] || break
    sleep 1
  done
  systemd-run --quiet --wait --collect --unit="$unit" --property=StandardOutput="append:$folder/log" \
    --property=StandardError="append:$folder/log" -- sh "$folder/run.sh" "$1" && return
  # Somebody else was faster, or kubeadm failed.
  await
  [ -e "$R/var/lib/harden/joining" ] || return 0
  said >&2
  exit 70
}

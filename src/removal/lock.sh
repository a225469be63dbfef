# shellcheck shell=sh
# shellcheck disable=SC2154 # the variables stand in front of it
# Takes the lock that applies take: nobody changes the host while it is taken away. It is there as a whole or not at all; one of a
# removal that was cut is taken over. Where somebody else has it this says who, with code 75.
H=$R/var/lib/harden
(umask 077 && mkdir -p -- "$H/removal" && printf '%s\n' "$harden_owner" >"$H/removal/owner") || exit 70
ln -sT -- removal "$H/lock" 2>/dev/null && exit 0
[ "$(readlink -- "$H/lock")" != removal ] || exit 0
harden_holder=$(cat -- "$H/lock/owner" 2>/dev/null) || harden_holder="somebody whose transaction is gone"
rm -rf -- "$H/removal"
printf '%s\n' "$harden_holder"
exit 75

# shellcheck shell=sh disable=SC2154 # what is not set here, the generated text sets before and reads behind
# What was thought of. Whoever has the key has a connection on which sshd runs this script and nothing else:
# - restrict: no terminal, no forwarding of ports, agent or X11, no ~/.ssh/rc. sshd passes on no signals to a forced command.
# - The command, file or subsystem that is asked for stands in SSH_ORIGINAL_COMMAND. sudo drops it, and nothing here looks.
# - LANG and LC_*, all that sshd may take over from a client, TERM, ENV, BASH_ENV, HISTFILE, LD_* and functions: sudo drops
#   them, and the first lines below set what matters. No shell that reads from a file has a history.
# - PATH: set by sudo, and again below. Every program is the system's.
# - Arguments: sudo takes none, and none are looked at.
# - Standard input: one question of a fixed length is taken, by a program that takes no more. It must be made of a known word
#   and two hexadecimal numbers, is compared and printed, and never becomes part of a command. The rest is not read, and
#   after ten seconds of silence it ends.
# - This file: whoever could replace it, or a link on the way to it, would be root. All of /usr/local/sbin belongs to root.
# - What is read: paths of a configuration that root owns. Links are not followed to a content.
# What is left: a stolen key can ask as often as it likes, which costs the node the time of the answers, and it can read them.
# Secrets and private keys are not in them: of these there are digests.
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset ENV BASH_ENV CDPATH
IFS=' 	
'
harden_refuse() {
  printf '%s\n' "harden-drift-probe: $1" >&2
  exit 64
}
# Not by read alone, which would take a line of any length into memory. harden asks at once; who says nothing is not waited for.
harden_question=$(timeout 10 head -c "$harden_length")
exec </dev/null
case $harden_question in
  "$harden_version "*) ;;
  *) harden_refuse 'this is no question that it knows' ;;
esac
harden_question=${harden_question#"$harden_version "}
harden_nonce=${harden_question%% *}
harden_asked=${harden_question#* }
case $harden_nonce$harden_asked in *[!0123456789abcdef]*) harden_refuse 'the question is malformed' ;; esac
if [ "${#harden_nonce}" -ne 32 ] || [ "${#harden_asked}" -ne 64 ]; then harden_refuse 'the question is malformed'; fi
harden_nonce=harden-$harden_nonce

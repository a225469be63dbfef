# Who listens on the ports of `harden_ports`, which are written as the kernel's table has them, `192B`.
if [ "$harden_live" = 1 ] && [ -r "$R/proc/net/tcp" ]; then
  echo 'ports known'
  # 0A is LISTEN. A line is: number, local address, remote address, state, queues, timer, retransmits, user, timeout, inode.
  harden_listening=$(grep -h '^ *[0-9]*: [0-9A-F]*:[0-9A-F]* [0-9A-F]*:0000 0A ' "$R/proc/net/tcp" "$R/proc/net/tcp6" 2>/dev/null |
    while read -r harden_n harden_local harden_n harden_n harden_n harden_n harden_n harden_n harden_n harden_inode harden_rest; do
      case " $harden_ports " in *" ${harden_local##*:} "*) echo "${harden_local##*:} $harden_inode" ;; esac
    done)
  if [ -n "$harden_listening" ]; then
    # shellcheck disable=SC2012 # busybox's find cannot look for what a link says
    # One program for all processes; on a busy host they are thousands. The second directory makes it print the first one's name.
    harden_sockets=$(ls -l "$R"/proc/[0-9]*/fd "$R/proc/self/fd/" 2>/dev/null |
      sed -n -e 's/^.*\/proc\/\([0-9]*\)\/fd:$/process \1/p' -e 's/^.*-> socket:\[\([0-9]*\)\]$/socket \1/p')
    printf '%s\n' "$harden_listening" | while read -r harden_port harden_inode; do
      harden_holder=
      case $harden_sockets in
        *"socket $harden_inode"*)
          harden_holder=$(printf '%s\n' "$harden_sockets" | while read -r harden_word harden_number; do
            case $harden_word in
              process) harden_process=$harden_number ;;
              socket) [ "$harden_number" != "$harden_inode" ] || { printf %s "$harden_process"; break; } ;;
            esac
          done)
          ;;
      esac
      harden_name=
      [ -z "$harden_holder" ] || [ ! -r "$R/proc/$harden_holder/comm" ] || IFS= read -r harden_name <"$R/proc/$harden_holder/comm"
      printf 'listener %s %s\n' "$harden_port" "$harden_name"
    done
  fi
fi
:

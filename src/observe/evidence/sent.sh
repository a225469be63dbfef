# A text that is the same as one with secrets has them as well, whatever it is called.
harden_send=
harden_hide=
harden_secret=
for harden_line in $harden_sums; do
  # A name with a backslash is escaped by some sha256sum and not by others: its content is not read.
  case $harden_line in *\\*) continue ;; esac
  case $harden_nl$harden_hidden in
    *"$harden_nl${harden_line#*  }$harden_nl"*) harden_secret=$harden_secret${harden_line%% *}$harden_nl ;;
  esac
done
for harden_line in $harden_sums; do
  case $harden_line in *\\*) continue ;; esac
  case $harden_nl$harden_secret in
    *"$harden_nl${harden_line%% *}$harden_nl"*) harden_hide=$harden_hide${harden_line#*  }$harden_nl ;;
    *) harden_send=$harden_send${harden_line#*  }$harden_nl ;;
  esac
done
# shellcheck disable=SC2086 # cut apart at IFS
[ -z "$harden_send" ] || printf '=%s\n' $harden_send
:

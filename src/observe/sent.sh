# The digests come in the order of the wishes, some left out: one walk through both.
harden_send=
harden_hide=
harden_public=
set -- $harden_wishes
for harden_line in $harden_sums; do
  # A name with a backslash is escaped by some sha256sum and not by others: its content is not read.
  case $harden_line in *\\*) continue ;; esac
  harden_digest=${harden_line%% *}
  harden_path=${harden_line#*  }
  while [ $# -ge 2 ] && [ "$1" != "$harden_path" ]; do shift 2; done
  [ $# -ge 2 ] || break
  case $2 in
    stat | "$harden_digest") ;;
    public) harden_public=$harden_public$1$harden_nl ;;
    mask) harden_hide=$harden_hide$1$harden_nl ;;
    *) harden_send=$harden_send$1$harden_nl ;;
  esac
done
[ -z "$harden_send" ] || printf '=%s\n' $harden_send
:

harden_tab='	'

# harden_mask FILE KEY...: prints FILE with the value of each KEY replaced by its digest. A secret must not leave the
# node because it was written in a way that this does not understand: then nothing of the file is printed.
harden_mask() {
  harden_file=$1
  shift
  harden_masked=
  harden_withhold=
  harden_end=
  while IFS= read -r harden_line || { [ -n "$harden_line" ] && harden_end="open$harden_nl"; }; do
    harden_mask_line "$@"
    [ -z "$harden_withhold" ] || break
    harden_masked="$harden_masked>$harden_line$harden_nl"
  done <"$harden_file"
  printf 'file %s\n' "$harden_file"
  if [ -n "$harden_withhold" ]; then printf 'withheld\n'; else printf '%s%s' "$harden_masked" "$harden_end"; fi
}

# Takes the characters of the set $2 from the front of $1.
harden_strip() {
  harden_stripped=$1
  while :; do
    case $harden_stripped in
      [$2]*) harden_stripped=${harden_stripped#?} ;;
      *) break ;;
    esac
  done
}

harden_mask_line() {
  harden_strip "$harden_line" " $harden_tab"
  harden_text=$harden_stripped
  harden_strip "$harden_line" " $harden_tab#-"
  for harden_key in "$@"; do
    case $harden_stripped in
      "$harden_key":*) harden_rest=${harden_stripped#"$harden_key":} ;;
      "\"$harden_key\"":*) harden_rest=${harden_stripped#"\"$harden_key\":"} ;;
      "'$harden_key'":*) harden_rest=${harden_stripped#"'$harden_key':"} ;;
      *"$harden_key":* | *"$harden_key"[\"\'\ "$harden_tab"]*:*) harden_withhold=1; return ;;
      *) continue ;;
    esac
    harden_mask_value
    return
  done
  case $harden_text in
    *[:\ ]'&'*) harden_withhold=1 ;;
    '' | '#'* | '-'* | '...' | *:*) ;;
    # Neither blank, a comment, a list item nor a key: it may be the second line of a secret.
    *) harden_withhold=1 ;;
  esac
}

harden_mask_value() {
  harden_strip "$harden_rest" " $harden_tab"
  case $harden_stripped in
    '"'*'"'*) harden_value=${harden_stripped#?}; harden_value=${harden_value%%'"'*} ;;
    "'"*"'"*) harden_value=${harden_stripped#?}; harden_value=${harden_value%%"'"*} ;;
    *) harden_value=${harden_stripped%%[ "$harden_tab"]*} ;;
  esac
  case $harden_value in '' | *[!A-Za-z0-9+/=_.:-]*) harden_withhold=1; return ;; esac
  harden_lead=${harden_rest%%"$harden_value"*}
  harden_tail=${harden_rest#"$harden_lead$harden_value"}
  # Nothing but a closing quote and blanks may follow: a comment could hold another secret.
  case $harden_tail in *[!\"\'\ "$harden_tab"]*) harden_withhold=1; return ;; esac
  # printf is built in: the value does not show up in the process table.
  harden_digest=$(printf %s "$harden_value" | sha256sum)
  harden_line=${harden_line%"$harden_rest"}${harden_lead}sha256:${harden_digest%% *}$harden_tail
}

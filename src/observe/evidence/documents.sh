# shellcheck disable=SC2086 # cut apart at IFS
[ -z "$harden_documents" ] || printf '=%s\n' $harden_documents
:

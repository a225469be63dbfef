# What is public of files that hold a private key as well. Nothing is printed that was not understood: of a certificate only
# once its end is seen, of a key just the word.
harden_blank=' 	'
harden_return=$(printf '\r')

# harden_pem WORD: prints each certificate of the PEM on standard input behind WORD, and `key` for each private key.
harden_pem() {
  harden_block=
  while IFS= read -r harden_line || [ -n "$harden_line" ]; do
    harden_line=${harden_line%"$harden_return"}
    case $harden_line in
      '-----BEGIN CERTIFICATE-----') harden_block="$1$harden_nl>$harden_line$harden_nl" ;;
      '-----END CERTIFICATE-----')
        [ -z "$harden_block" ] || printf '%s>%s\n' "$harden_block" "$harden_line"
        harden_block=
        ;;
      '-----BEGIN '*'PRIVATE KEY-----') printf 'key\n'; harden_block= ;;
      '' | *[!A-Za-z0-9+/=]*) harden_block= ;;
      *) [ -z "$harden_block" ] || harden_block="$harden_block>$harden_line$harden_nl" ;;
    esac
  done
}

# harden_one_file FILE: a certificate and its key in one PEM file.
harden_one_file() {
  printf 'file %s\n' "$1"
  harden_pem certificate <"$1"
}

# harden_kubeconfig FILE: where it leads, whom it trusts, and the client's certificate.
harden_kubeconfig() {
  printf 'file %s\n' "$1"
  while IFS=$harden_blank read -r harden_word harden_value || [ -n "$harden_word" ]; do
    harden_value=${harden_value%"$harden_return"}
    harden_value=${harden_value#[\"\']}
    harden_value=${harden_value%[\"\']}
    case $harden_word in
      server:)
        case $harden_value in
          '' | *[!]A-Za-z0-9:/.%_[-]*) printf 'server ?\n' ;;
          *) printf 'server %s\n' "$harden_value" ;;
        esac
        ;;
      certificate-authority-data:) harden_decoded authority ;;
      client-certificate-data:) harden_decoded certificate ;;
      client-key-data:) [ -z "$harden_value" ] || printf 'key\n' ;;
    esac
  done <"$1"
}

# printf is built in: the value does not show up in the process table.
harden_decoded() {
  printf '%s\n' "$harden_value" | base64 -d 2>/dev/null | harden_pem "$1"
}

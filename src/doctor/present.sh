# The images that the runtime has: whom it was asked through, and what came back.
# One that did not answer just now is not waited for again.
if [ "$harden_live" = 1 ] && [ "$harden_kubernetes" = 1 ] && [ -z "$harden_silent" ]; then
  if harden_said=$(harden_crictl images -o json); then
    printf 'crictl\n%s\n' "$harden_said"
  elif harden_said=$(harden_ctr images ls -q); then
    printf 'ctr\n%s\n' "$harden_said"
  fi
fi
:

set -f
# Each path once, and those with secrets first: a path that is asked for as both has secrets.
harden_documents=
for harden_path in $harden_hidden $harden_shown; do
  case $harden_nl$harden_documents in
    *"$harden_nl$harden_path$harden_nl"*) ;;
    *) harden_documents=$harden_documents$harden_path$harden_nl ;;
  esac
done
printf %s "$harden_failed"
# mode, numbers of owner and group, time of the last change, size, names, path
harden_format='%f:%u:%g:%Y:%s:%U:%G:%n'
# What a symbolic link says of itself is of no interest. The directory /proc/self/ belongs to whoever runs this, and is as
# old as stat itself: one `id` and one `date` less to start. By its other name it stands between the documents and the rest.
{
  # shellcheck disable=SC2086 # cut apart at IFS
  harden_all=$(stat -L -c "$harden_format" -- /proc/self/ $harden_documents /proc/self/. $harden_paths $harden_named_paths 2>&3)
  harden_inside=
  if [ -n "$harden_trees" ]; then
    # A name with a newline is nobody's configuration.
    # shellcheck disable=SC2086 # cut apart at IFS
    harden_inside=$(find -H $harden_trees ! -path "*$harden_nl*" -exec stat -L -c "$harden_format" -- {} + 2>&3)
  fi
} 3>&1
harden_stat=
harden_others=
harden_which=+
for harden_line in $harden_all; do
  case $harden_which$harden_line in
    +*:/proc/self/.) harden_which= ;;
    +*) harden_stat=$harden_stat$harden_line$harden_nl ;;
    *) harden_others=$harden_others$harden_line$harden_nl ;;
  esac
done
:

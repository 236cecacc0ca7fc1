# shellcheck shell=sh
# What Deno has to let the program do (cli/permissions.ts) for the words in "$@", no more
# than that. For the launchers, which pass on what is set of:
# shellcheck disable=SC2034
environment="--allow-env=INIT_CWD,JOURNAL_STREAM,LISTEN_FDNAMES,LISTEN_FDS,LISTEN_PID,NOTIFY_SOCKET,OTEL_DENO,QAT_POLICY,VHOST_CRYPTO_QAT_LIBRARY,VHOST_CRYPTO_USDM_LIBRARY,WATCHDOG_PID,WATCHDOG_USEC"
processes=
files=
network=

# Where HTTP is answered: a file that is made, or a part of the network.
http=
before=
for word in "$@"; do
  [ "$before" != --http ] || http="$word"
  case "$word" in
  --isolate)
    environment=--allow-env
    processes=--allow-run
    ;;
  --http=*) http="${word#--http=}" ;;
  esac
  case "$1 $word" in
  "status status" | "status --"*) ;;
  "status "*) http="$word" ;;
  esac
  before="$word"
done
case "$http" in
"") ;;
*/*)
  files="--allow-write=$http"
  network="--allow-net=unix:$http"
  ;;
*) network="--allow-net=$http" ;;
esac
if [ "${1-}" = key-stub ]; then
  environment=
  files=--allow-write
fi

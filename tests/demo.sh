#!/bin/sh
# The main job, start to end, on simulated iPads: tests/demo.sh BUILD [FOLDER]
# Everything is left in FOLDER (default: a new one under /tmp), so that it can be looked at.
set -eu
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")/.." && pwd)
where=${2:-$(mktemp -d /tmp/rehome-demo-XXXXXX)}
mkdir -p "$where"
cd "$where"

say() {
	if [ -t 1 ]; then printf '\n\033[1m%s\033[0m\n' "$*"; else printf '\n%s\n' "$*"; fi
}
run() { # shown as one would type it
	printf '$'
	for word in "$@"; do
		case $word in
		*[!A-Za-z0-9_./:=-]*) printf ' "%s"' "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	printf '\n'
	"$@"
}
cat >environment <<END
export PATH="$build:$PATH" REHOME_REPO="$where/repository" REHOME_PASSWORD_FILE="$where/password"
export USBMUXD_SOCKET_ADDRESS="UNIX:$where/mux"
END
. ./environment

say "Two simulated iPads, and a mux that shows them"
( umask 077 && echo 'a password for the demo' >password )
run rehome-sim new anna --profile S --seed 1 --name "Anna's iPad" --now 2026-11-01T08:00:00Z
run rehome-sim new ben --profile fresh --seed 2 --name "Ben's iPad" --now 2026-11-01T08:00:00Z
rehome-sim run --socket "$where/mux" --host-records "$where/records" anna ben >mux.log 2>&1 &
simulator=$!
trap 'kill $simulator 2>/dev/null; wait $simulator 2>/dev/null || true' EXIT INT TERM
until grep -q '^ready' mux.log; do
	kill -0 $simulator 2>/dev/null || { cat mux.log; exit 1; }
	sleep 0.05
done

say "A repository, and the devices that are attached"
run rehome init
run rehome devices

say "Pairing: the person taps Trust"
run rehome-sim person anna trust
run rehome pair "Anna's iPad"
run rehome-sim person ben trust
run rehome pair "Ben's iPad"

say "The first backup"
run rehome backup "Anna's iPad"

say "A day passes; the second one is incremental"
run rehome-sim age anna --days 1
run rehome backup "Anna's iPad"

say "What is kept"
run rehome snapshots
run rehome show latest

say "Export it as Finder would have written it, and check every promise of the format"
run rehome export latest exported
run rehome verify exported
run rehome check --data

say "Restore it to the other iPad"
run rehome restore latest "Ben's iPad" --yes --system --settings --remove
anna=$(rehome-sim show anna --digest)
ben=$(rehome-sim show ben --digest)
printf 'content of anna: %s\ncontent of ben:  %s\n' "$anna" "$ben"
[ "${anna##* }" = "${ben##* }" ] || { echo 'the two differ' >&2; exit 1; }

say "Done. Where everything lies"
udid=$(rehome-sim show anna --json | sed -n 's/.*"udid": *"\([^"]*\)".*/\1/p')
cat <<END
  $where/repository   the snapshots; their password is in $where/password
  $where/exported     the backup folder
  $where/anna, ben    the simulated devices

Try next:
  cd $where && . ./environment
  rehome ls latest HomeDomain/Library/SMS
  rehome-sim run --socket mux --host-records records anna ben &
  rehome devices
  mkdir theirs && idevicebackup2 -u $udid backup theirs    # Debian's libimobiledevice-utils
  man -l $here/docs/man/rehome.1
END

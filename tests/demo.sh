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
other=https://mdm.othervendor.example/checkin ours=mdm.ourschool.example
cat >environment <<END
export PATH="$build:$PATH" REHOME_REPO="$where/repository" REHOME_PASSWORD_FILE="$where/password"
export USBMUXD_SOCKET_ADDRESS="UNIX:$where/mux"
END
. ./environment

say "Three simulated iPads, and a mux that shows them; Cora's is managed by another vendor's service"
( umask 077 && echo 'a password for the demo' >password )
run rehome-sim new anna --profile S --seed 1 --name "Anna's iPad" --now 2026-11-01T08:00:00Z
run rehome-sim new ben --profile fresh --seed 2 --name "Ben's iPad" --now 2026-11-01T08:00:00Z
run rehome-sim new cora --profile fresh --seed 3 --name "Cora's iPad" --now 2026-11-01T08:00:00Z \
	--managed-by "$other" --enrolled ade --supervised --locked
rehome-sim run --socket "$where/mux" --host-records "$where/records" anna ben cora >mux.log 2>&1 &
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
run rehome-sim person cora trust
run rehome pair "Cora's iPad"

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

say "Now the point of it all: Cora's iPad moves to our service. What will a restore of its backup do?"
run rehome backup "Cora's iPad"
run rehome devices
run rehome snapshots

# our service is assigned to the iPad, which has just been erased; the rest is taken to be as usual
plan() {
	run rehome plan latest "$@" --assume --service $ours --fact ade_assigned=this --fact reset=erased_locally
}
say "1. The same iPad, OS 18.6: the old management comes back with the content, and must be left by hand"
plan "Cora's iPad"
say "2. Another iPad, OS 18.6: management does not move to other hardware; ours enrolls it"
plan "Ben's iPad"
say "3. The same iPad on 26.2, and our ADE profile says to ignore what the backup holds of management"
plan "Cora's iPad" --fact target_os=26.2 --fact ade_ignores_backup=yes
say "4. The same on 26.4: as before, and now it is certain"
plan "Cora's iPad" --fact target_os=26.4 --fact ade_ignores_backup=yes
say "5. The same on 27: no flag is needed any more"
plan "Cora's iPad" --fact target_os=27

say "The same for a fleet, as one HTML page to print or to send"
cat >fleet.csv <<END
serial,name,snapshot,device,target_os,ade_ignores_backup
DEMO000001,iPad 1,latest,same,18.6,no
DEMO000002,iPad 2,latest,different,18.6,no
DEMO000003,iPad 3,latest,same,26.2,yes
DEMO000004,iPad 4,latest,same,26.4,yes
DEMO000005,iPad 5,latest,same,27,no
END
run rehome plan --devices fleet.csv --html plan.html --assume --service $ours --fact ade_assigned=this \
	--fact reset=erased_locally

say "Done. Where everything lies"
udid=$(rehome-sim show anna --json | sed -n 's/.*"udid": *"\([^"]*\)".*/\1/p')
cat <<END
  $where/repository   the snapshots; their password is in $where/password
  $where/exported     the backup folder
  $where/plan.html    the plan for the fleet
  $where/anna, ben, cora   the simulated devices

Try next:
  cd $where && . ./environment
  rehome ls "latest:Anna's iPad" HomeDomain/Library/SMS
  rehome-sim run --socket mux --host-records records anna ben cora &
  rehome devices
  mkdir theirs && idevicebackup2 -u $udid backup theirs    # Debian's libimobiledevice-utils
  man -l $here/docs/man/rehome.1
END

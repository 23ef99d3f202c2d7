#!/usr/bin/env bash
# Runs a k6 script against bin/urlite on an empty folder and a free port:
#
#   loadtest/k6/run.sh [increments.js|mixed.js|sql.js] [k6 flags, such as -e USERS=100]
#
# k6 is built on first use, from the version that go.mod here pins. Needs
# bin/urlite (`make build`), another server by LOADTEST_SERVER, or a k6 by K6.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
script="${1:-increments.js}"
shift || true
urlite="${LOADTEST_SERVER:-$here/../../bin/urlite}"
k6="${K6:-$here/bin/k6}"

if [ ! -x "$urlite" ]; then
	echo "$urlite is not there: run make build first" >&2
	exit 1
fi
if [ ! -x "$k6" ]; then
	echo "building k6, a minute or two once" >&2
	(cd "$here" && go build -o bin/k6 go.k6.io/k6)
fi

# A port on which nobody answers.
port=""
for candidate in $(shuf -i 20000-30000 -n 20); do
	if ! (exec 3<>"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null; then
		port="$candidate"
		break
	fi
done
[ -n "$port" ] || { echo "no free port found" >&2; exit 1; }

folder="$(mktemp -d)"
"$urlite" serve --dir "$folder" --listen "127.0.0.1:$port" >"$folder/urlite.log" 2>&1 &
server=$!

# Ends the server by its own id, whatever happened; a drain that fails is a failed run.
finish() {
	status=$?
	kill -TERM "$server" 2>/dev/null || true
	drained=0
	wait "$server" || drained=$?
	if [ "$drained" -ne 0 ]; then
		echo "the server ended with $drained; its last words:" >&2
		tail -n 20 "$folder/urlite.log" >&2
		[ "$status" -ne 0 ] || status=1
	fi
	rm -rf "$folder"
	exit "$status"
}
trap finish EXIT

for _ in $(seq 100); do
	if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
		break
	fi
	kill -0 "$server" 2>/dev/null || { echo "the server did not start" >&2; exit 1; }
	sleep 0.1
done

"$k6" run --no-usage-report -e "BASE_URL=http://127.0.0.1:$port" "$@" "$here/$script"

#!/bin/sh
# Runs every fuzz target for a while, starting from its corpus: fuzz/run.sh BUILD SECONDS [NAME]
# New inputs go to BUILD/found-NAME, never into the tree; a finding ends the run with its input named.
set -eu
build=$1
seconds=$2
only=${3:-}
here=$(cd "$(dirname "$0")" && pwd)

if [ ! -e "$build/build.ninja" ]; then
	CC=clang-14 meson setup "$build" "$here/.." -Dfuzzing=true -Dtests=false -Db_lundef=false \
		-Db_sanitize=address,undefined -Dc_args=-fsanitize=fuzzer-no-link >"$build.log" 2>&1 ||
		{ tail -n 20 "$build.log"; exit 1; }
	rm -f "$build.log"
fi
targets=$(cut -d' ' -f1 "$here/targets.txt")
for name in $targets; do
	ninja -C "$build" --quiet "fuzz/fuzz_$name"
done

passed=0
failed=0
for name in $targets; do
	[ -z "$only" ] || [ "$only" = "$name" ] || continue
	mkdir -p "$build/found-$name"
	if "$build/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$build/finding-$name-" "$build/found-$name" "$here/corpus/$name" \
		>"$build/fuzz-$name.log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/fuzz-$name.log")
		echo "ok   fuzz_$name: $runs inputs in $seconds s"
		passed=$((passed + 1))
	else
		tail -n 30 "$build/fuzz-$name.log"
		echo "FAIL fuzz_$name (whole log: $build/fuzz-$name.log)"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]

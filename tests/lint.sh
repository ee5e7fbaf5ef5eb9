#!/bin/sh
# clang-format, a warning-free build with Clang 14, clang-tidy: tests/lint.sh BUILD
set -eu
build=$1
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"

files=$(git ls-files 'src/*.[ch]' 'fuzz/*.c' 'tests/*.c' 'bench/*.c')
clang-format-14 --dry-run --Werror $files
echo 'ok   clang-format'

if [ ! -e "$build/build.ninja" ]; then
	CC=clang-14 meson setup "$build" -Dtests=true >"$build.log" 2>&1 || { tail -n 20 "$build.log"; exit 1; }
	rm -f "$build.log"
fi
ninja -C "$build" --quiet
echo 'ok   warning-free with Clang 14'

clang-tidy-14 -p "$build" --quiet $(git ls-files 'src/*.c' | grep -v '/test_') 2>"$build/tidy.log" || {
	tail -n 5 "$build/tidy.log"
	exit 1
}
echo 'ok   clang-tidy'

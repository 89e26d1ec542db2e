#!/bin/sh
# caught.sh PROGRAM WORDS ARGS...: the planted bug must be found guilty, in these words.
[ -z "${FEEDLOOM_SHORT:-}" ] || {
	echo "not in the short form: a bug needs some hours to show"
	exit 77
}
program=$1
words=$2
shift 2
found=$("$program" "$@" 2>&1 </dev/null | grep -a '^violation') || found=
case $found in
*"$words"*) echo "caught: $(echo "$found" | grep -a -m 1 "$words")" ;;
*)
	echo "not caught: $program $*"
	echo "what was found instead: ${found:-nothing}"
	exit 1
	;;
esac

#!/bin/sh
# Publishes each list as gzipped lines of JSON below the folder $1. fanout names the list in SINK_…, and ends a program that
# is not to publish its list by a signal: then what was staged stays, until the next list of that date.
set -eu
file="$1/$SINK_DATE-$SINK_APP_ID.ndjson.gz"
mkdir -p "$1"
rm -f "$file".staged-*
gzip -n >"$file.staged-$$"
mv "$file.staged-$$" "$file"

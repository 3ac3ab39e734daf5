#!/bin/sh
# Publishes each list as gzipped lines of JSON in the folder $1. fanout names the list in variables
# SINK_…. To abort, it sends a signal: the staged file then stays until the next list of that date.
set -eu
file="$1/$SINK_DATE-$SINK_APP_ID-$SINK_LIST.ndjson.gz"
mkdir -p "$1"
rm -f "$file".staged-*
gzip -n >"$file.staged-$$"
mv "$file.staged-$$" "$file"

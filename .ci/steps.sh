# How `.ci/run` and `.ci/nightly` run their steps, to be sourced: each prints its name and its minutes, and `all_done` the sum.
# And what both of them need.

started=$SECONDS name='' from=0

minutes() {
    printf '%d:%02d' $(($1 / 60)) $(($1 % 60))
}

# Not `step || …`: within a condition bash ignores `set -e`, and half a step would pass.
trap '[ $? -eq 0 ] || printf "== %s: FAILED after %s\n" "$name" "$(minutes $((SECONDS - from)))" >&2' EXIT

# NAME COMMAND...
step() {
    name=$1 from=$SECONDS
    shift
    printf '== %s\n' "$name"
    "$@"
    printf '== %s: %s\n\n' "$name" "$(minutes $((SECONDS - from)))"
}

all_done() {
    printf '== all: %s\n' "$(minutes $((SECONDS - started)))"
}

azurite=target/ci/azurite/node_modules/.bin/azurite-blob

# COMMAND...: with Azurite, and with Node, which is installed beside the readers.
with_azurite() {
    PATH=$PWD/target/ci/venv/bin:$PATH AZURITE=$PWD/$azurite "$@"
}

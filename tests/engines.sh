# How tests/parquet-readers/run, tests/tables/run and tests/spark/run install programs of Python, to be sourced, and the engines
# that the first two share: Spark 3.5 with Iceberg, and Sail. These are installed under target/parquet-readers, where `.ci/nightly` finds them again.

engines=$PWD/target/parquet-readers
export ICEBERG_VERSION=1.10.2

# FOLDER PACKAGE...: installs packages of Python in an environment of their own, unless it has just these.
install_python() {
    local venv=$1
    shift
    [ "$(cat "$venv/complete" 2>&1)" = "$*" ] && return
    python3 -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
    echo "$*" >"$venv/complete"
}

install_sail() {
    install_python "$engines/sail" pysail==0.7.2 pyspark-client==4.2.0
}

install_spark_with_iceberg() {
    install_python "$engines/spark35" pyspark==3.5.7 snowpark-connect-deps-iceberg==1.0.3
    local packages
    packages=$(echo "$engines"/spark35/lib/python3*/site-packages)
    local iceberg=$packages/snowpark_connect_deps_iceberg/jars/iceberg-spark-runtime-3.5_2.12-$ICEBERG_VERSION.jar
    local jackson=("$packages"/pyspark/jars/jackson-{core,databind,annotations}-2.*.jar)
    python3 tests/parquet-readers/shade_jackson.py "$engines/jackson.jar" "${jackson[@]}"
    [ -e "$iceberg" ]
    iceberg_jars=$iceberg,$engines/jackson.jar
}

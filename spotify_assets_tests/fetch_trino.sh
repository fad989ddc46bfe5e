#!/usr/bin/env bash
# Fetch the Trino server that `make test-trino` runs, into .trino/server, if it is not there: 0.8 GB by Maven, into its
# own repository in the home folder, of which 0.4 GB are kept unpacked: the server and its connector for Hive's tables.
set -euo pipefail
cd "$(dirname "$0")/.."
version=476
oldest_java=24

find_java() {
    local java major
    for java in "${JAVA_HOME:-}/bin/java" /usr/lib/jvm/*/bin/java "$(command -v java)"; do
        major=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p') || true
        if [ "${major:-0}" -ge "$oldest_java" ]; then
            echo "$java"
            return
        fi
    done
    echo "Trino $version needs Java $oldest_java or newer: install one, or name it in JAVA_HOME." >&2
    return 1
}

java=$(find_java)
if [ "$(cat .trino/server/VERSION 2>/dev/null)" != "$version" ]; then
    command -v mvn > /dev/null || { echo "Trino is fetched by Maven, which is not installed." >&2; exit 1; }
    rm -rf .trino && mkdir -p .trino/unpacked
    mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
        -Dartifact="io.trino:trino-server:$version:tar.gz" -DoutputDirectory=.trino
    tar -xzf ".trino/trino-server-$version.tar.gz" --strip-components=1 -C .trino/unpacked
    rm ".trino/trino-server-$version.tar.gz"
    find .trino/unpacked/plugin -mindepth 1 -maxdepth 1 ! -name hive -exec rm -r {} +
    echo "$version" > .trino/unpacked/VERSION
    mv .trino/unpacked .trino/server
fi
ln -sf "$java" .trino/server/java

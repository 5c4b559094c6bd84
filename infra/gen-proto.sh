#!/bin/sh
# Generates services/contracts/*_pb2.py from proto/; `--check` fails where the checked-in code differs.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
out=services/contracts
[ "${1:-}" = --check ] && { out=$(mktemp -d); trap 'rm -rf "$out"' EXIT; }
"$python" -m grpc_tools.protoc -Iproto --python_out="$out" --pyi_out="$out" proto/moodring.proto proto/tfserving.proto
[ "${1:-}" = --check ] || exit 0
for file in "$out"/*; do
  cmp -s "$file" "services/contracts/$(basename "$file")" || {
    echo "services/contracts/$(basename "$file") is out of date: run infra/gen-proto.sh and commit the result" >&2
    exit 1
  }
done

#!/bin/sh
# Print the path of a Python that can make the environment: CPython 3.11 or newer, 64 bits.
#
# PYTHON names one outright.  Otherwise every python on PATH is asked, and must run to be believed:
# version managers leave shims that fail.  A version that the test suite runs on goes before a newer
# one.  Where there is none: one sentence and exit status 2.

set -uf

probe='
import sys
if sys.version_info < (3, 11):
    sys.exit("it is Python %d.%d" % sys.version_info[:2])
if sys.implementation.name != "cpython" or sys.maxsize < 2**32:
    sys.exit("it is not CPython for 64 bits")
try:
    import ssl, venv, zlib
except ImportError as error:
    sys.exit("its standard library is incomplete (%s)" % error)
print("tested" if sys.version_info < (3, 14) else "newer")
'

ask() {
    "$1" -E -s -c "$probe" </dev/null 2>&1
}

if [ -n "${PYTHON:-}" ]; then
    case $PYTHON in
        "~/"*) PYTHON=$HOME/${PYTHON#??} ;;
    esac
    if path=$(command -v "$PYTHON"); then
        said=$(ask "$path")
    else
        said='there is no such program'
    fi
    case $said in
        tested | newer) printf '%s\n' "$path"; exit 0 ;;
    esac
    newline='
'
    echo "marginflow needs CPython 3.11 or newer, and PYTHON=$PYTHON does not serve:" \
        "${said%%$newline*}." >&2
    exit 2
fi

newer=
IFS=:
for name in python3 python python3.13 python3.12 python3.11 python3.15 python3.14; do
    for folder in $PATH; do
        path=${folder:-.}/$name
        [ -x "$path" ] && [ ! -d "$path" ] || continue
        case $(ask "$path") in
            tested) printf '%s\n' "$path"; exit 0 ;;
            newer) newer=${newer:-$path} ;;
        esac
    done
done
if [ -n "$newer" ]; then
    printf '%s\n' "$newer"
    exit 0
fi
echo "marginflow needs CPython 3.11 or newer and PATH has none: install one, or name one with" \
    "make PYTHON=/path/to/python3." >&2
exit 2

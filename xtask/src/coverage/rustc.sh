#!/bin/sh
# The workspace's rustc for `cargo xtask test --coverage`: what it compiles counts what runs. Build scripts and xtask do not.
set -eu
rustc=$1
shift
case " $* " in
*" --crate-name build_script_"* | *" --crate-name xtask "*) exec "$rustc" "$@" ;;
esac
exec "$rustc" "$@" -C instrument-coverage

#!/usr/bin/env bash
# Gets the binary, checks it, and runs `stopleak ci github` in the checkout. Needs bash (3.2 is enough), git and curl.
set -euo pipefail

action=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=github-action/install.sh
. "$action/install.sh"

# Booleans are checked, so that a slip of the pen does not switch something off.
is_true() {
  case "$2" in
    true) return 0 ;;
    false | "") return 1 ;;
    *) fail "input $1 is neither true nor false" ;;
  esac
}

one_line() {
  case "$2" in
    *$'\n'* | *$'\r'*) fail "input $1 is more than one line" ;;
  esac
}

# Each line of a text as an option; the value cannot become an option of its own.
each_line() {
  local line
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line%$'\r'}
    if [ -n "$line" ]; then arguments+=("$1=$line"); fi
  done <<<"$2"
}

sarif=${STOPLEAK_SARIF:-stopleak.sarif}
path=${STOPLEAK_PATH:-.}
one_line sarif "$sarif"
one_line path "$path"
one_line fail-on "${STOPLEAK_FAIL_ON:-}"
one_line config "${STOPLEAK_CONFIG:-}"
one_line baseline "${STOPLEAK_BASELINE:-}"

arguments=(ci github "--fail-on=${STOPLEAK_FAIL_ON:-policy}" "--format=sarif=$sarif")
each_line --path "${STOPLEAK_FOLDERS:-}"
each_line --rules "${STOPLEAK_RULES:-}"
if [ -n "${STOPLEAK_CONFIG:-}" ]; then arguments+=("--config=$STOPLEAK_CONFIG"); fi
if [ -n "${STOPLEAK_BASELINE:-}" ]; then arguments+=("--baseline=$STOPLEAK_BASELINE"); fi
if is_true verify "${STOPLEAK_VERIFY:-}"; then arguments+=(--verify); fi
if is_true whole-history "${STOPLEAK_WHOLE_HISTORY:-}"; then arguments+=(--whole-history); fi
if is_true allow-partial "${STOPLEAK_ALLOW_PARTIAL:-}"; then arguments+=(--allow-partial); fi

cd "${GITHUB_WORKSPACE:-.}" || fail "the workspace is not there"
binary=$(install_stopleak "$action/..")
[ -d "$path" ] || fail "there is no folder $path in the workspace: check the repository out first"
cd "$path"

if [ -n "${GITHUB_OUTPUT:-}" ]; then
  case "$sarif" in
    /* | [A-Za-z]:*) printf 'sarif=%s\n' "$sarif" >>"$GITHUB_OUTPUT" ;;
    *) printf 'sarif=%s\n' "${path%/}/$sarif" >>"$GITHUB_OUTPUT" ;;
  esac
fi
exec "$binary" "${arguments[@]}"

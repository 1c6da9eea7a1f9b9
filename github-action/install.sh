# shellcheck shell=bash
# Sourced: finds, builds or downloads the binary and prints its path. What is downloaded is checked before it is run.

fail() {
  printf '::error title=stopleak::%s\n' "$1" >&2
  exit 2
}

# The name under which releases carry the binary for this machine.
release_target() {
  local system machine
  system=${RUNNER_OS:-$(uname -s)}
  machine=${RUNNER_ARCH:-$(uname -m)}
  case "$machine" in
    X64 | x86_64 | amd64) machine=x86_64 ;;
    ARM64 | arm64 | aarch64) machine=aarch64 ;;
    *) fail "there is no release for $machine: set build-from-source" ;;
  esac
  case "$system" in
    Linux) echo "$machine-unknown-linux-musl" ;;
    macOS | Darwin) echo "$machine-apple-darwin" ;;
    # Windows on ARM runs the x86-64 binary.
    Windows | MINGW* | MSYS*) echo x86_64-pc-windows-msvc ;;
    *) fail "there is no release for $system: set build-from-source" ;;
  esac
}

sha256_of() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum <"$1" | cut -d ' ' -f 1
  else
    shasum -a 256 <"$1" | cut -d ' ' -f 1
  fi
}

download() {
  local protocols="=https"
  # A mirror on this machine needs no TLS.
  case "$1" in http://127.0.0.1:*) protocols="=http" ;; esac
  curl --proto "$protocols" --proto-redir "$protocols" --tlsv1.2 --fail --location --silent --show-error \
    --retry 3 --connect-timeout 20 --max-time 300 --output "$2" -- "$1" >&2 || fail "cannot download $1"
}

unpack() {
  case "$1" in
    *.zip)
      if command -v unzip >/dev/null 2>&1; then
        unzip -q "$1" -d "$2"
      else
        "${SYSTEMROOT:-/c/Windows}/System32/tar.exe" -xf "$1" -C "$2"
      fi
      ;;
    *) tar -xzf "$1" -C "$2" ;;
  esac
}

# A release's archive, checked against the release's checksums and, if given, the caller's own.
from_release() {
  local version=$1 pinned=$2 folder=$3
  local target ending=tar.gz program=stopleak
  target=$(release_target) || exit 2
  case "$target" in *windows*) ending=zip program=stopleak.exe ;; esac
  local name="stopleak-$version-$target"
  local url="${STOPLEAK_RELEASES:-https://github.com/stopleak/stopleak/releases/download}/v$version"
  download "$url/SHA256SUMS" "$folder/SHA256SUMS"
  download "$url/$name.$ending" "$folder/$name.$ending"
  local expected actual
  expected=$(awk -v name="$name.$ending" '$2 == name || $2 == "*" name { print $1 }' "$folder/SHA256SUMS")
  actual=$(sha256_of "$folder/$name.$ending")
  [ -n "$expected" ] || fail "the release's checksums do not name $name.$ending"
  [ "$expected" = "$actual" ] || fail "$name.$ending is not what the release says: SHA-256 $actual, expected $expected"
  if [ -n "$pinned" ] && [ "$pinned" != "$actual" ]; then
    fail "$name.$ending is not what the input sha256 says: SHA-256 $actual, expected $pinned"
  fi
  unpack "$folder/$name.$ending" "$folder" || fail "cannot unpack $name.$ending"
  [ -f "$folder/$name/$program" ] || fail "$name.$ending holds no $program"
  chmod 700 "$folder/$name/$program"
  echo "$folder/$name/$program"
}

from_source() {
  command -v cargo >/dev/null 2>&1 || fail "build-from-source needs cargo: install Rust in a step before"
  cargo build --release --locked --package stopleak --manifest-path "$1/Cargo.toml" --target-dir "$2" >&2 ||
    fail "cannot build stopleak"
  if [ -f "$2/release/stopleak.exe" ]; then echo "$2/release/stopleak.exe"; else echo "$2/release/stopleak"; fi
}

# Prints the path of the binary; $1 is the source of this version.
install_stopleak() {
  local source=$1 folder binary version=${STOPLEAK_VERSION:-} pinned=${STOPLEAK_SHA256:-}
  case "${STOPLEAK_BUILD_FROM_SOURCE:-}" in
    true | false | "") ;;
    *) fail "input build-from-source is neither true nor false" ;;
  esac
  if [ -n "${STOPLEAK_BINARY:-}" ]; then
    binary=$(command -v -- "$STOPLEAK_BINARY") || fail "there is no binary $STOPLEAK_BINARY"
    # The caller goes to another folder.
    case "$binary" in /* | [A-Za-z]:*) echo "$binary" ;; *) echo "$PWD/$binary" ;; esac
    return
  fi
  folder=${RUNNER_TEMP:-${TMPDIR:-/tmp}}
  if command -v cygpath >/dev/null 2>&1; then folder=$(cygpath -u "$folder"); fi
  folder=$(mktemp -d "$folder/stopleak.XXXXXX") || fail "cannot make a temporary folder"
  if [ "${STOPLEAK_BUILD_FROM_SOURCE:-}" = true ]; then
    from_source "$source" "$folder"
    return
  fi
  if [ -z "$version" ]; then
    version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$source/Cargo.toml" | head -n 1)
  fi
  [[ "$version" =~ ^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.-]+)?$ ]] || fail "input version is no version such as 1.2.3"
  [[ "$pinned" =~ ^([0-9a-f]{64})?$ ]] || fail "input sha256 is not 64 hexadecimal digits in lower case"
  from_release "$version" "$pinned" "$folder"
}

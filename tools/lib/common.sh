# SPDX-License-Identifier: Apache-2.0
# What the programs in tools/ share: where the tree is, how to speak, how to get dependencies and a built target.
#
#     source "$(dirname "$(readlink -f "$0")")/lib/common.sh"
#     tessera_build tokenize                 # dependencies and build on the first call, silent when up to date
#     exec "$(tessera_program tokenize)" "$@"
#
# Everything said goes to stderr; stdout belongs to the programs.

TESSERA_ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
TESSERA_DEPS=$TESSERA_ROOT/.deps
# Where the programs of tools/ are built: one Release tree, apart from the presets' own.
TESSERA_BUILD_DIR=${TESSERA_BUILD_DIR:-$TESSERA_ROOT/build/tools}
# Where the benchmarks are built (preset bench).
TESSERA_BENCH_DIR=$TESSERA_ROOT/build/bench
export PATH=$TESSERA_DEPS/prefix/bin:$PATH

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# tessera_locked NAME COMMAND...: runs the command while no other process of this tree holds NAME.
tessera_locked() {
  local lock=$TESSERA_ROOT/build/.lock-$1
  shift
  mkdir -p "$TESSERA_ROOT/build"
  (
    if ! flock -n 9; then
      say "waiting for another call that holds $(basename "$lock") ..."
      flock 9
    fi
    "$@" 9>&-
  ) 9>"$lock"
}

# tessera_program NAME: the path of a built program.
tessera_program() { printf '%s/bin/%s\n' "$TESSERA_BUILD_DIR" "$1"; }

# tessera_bootstrap GROUP: what programs or tests need is there afterwards.
tessera_bootstrap() {
  if ! have apt-get || ! have dpkg; then
    # Elsewhere the dependencies are the person's business; CMake says what it does not find.
    [ -f "$TESSERA_BUILD_DIR/build.ninja" ] || say "no apt here: taking the dependencies that this machine has (docs/dependencies.md)"
    return 0
  fi
  "$TESSERA_ROOT/tools/bootstrap" --for "$1" --quiet || die "tools/bootstrap failed; its output above says why"
}

# tessera_build TARGET...: what the targets need, then the targets. Says nothing when there is nothing to do.
tessera_build() {
  tessera_bootstrap programs
  tessera_locked build tessera_build_locked "$@" || die "the build of $* failed; its output above says why"
}

tessera_build_locked() {
  if [ ! -f "$TESSERA_BUILD_DIR/build.ninja" ]; then
    say "configuring the programs in $TESSERA_BUILD_DIR"
    tessera_quietly cmake -S "$TESSERA_ROOT" -B "$TESSERA_BUILD_DIR" -G Ninja -DCMAKE_BUILD_TYPE=Release \
      -DTESSERA_BUILD_TESTS=OFF -DTESSERA_BUILD_BENCH=OFF -DTESSERA_BUILD_EXAMPLES=OFF -DTESSERA_BUILD_TOOLS=ON || return 1
  fi
  # A build is shown as it goes; a call with nothing to do says nothing.
  ninja -C "$TESSERA_BUILD_DIR" "$@" 2>&1 | {
    local line said=0
    while IFS= read -r line; do
      case $line in "ninja: Entering directory"* | *"Re-checking globbed directories"* | "ninja: no work to do"*) continue ;; esac
      [ $said = 1 ] || say "building $* (Release)"
      said=1
      say "$line"
    done
  }
  return "${PIPESTATUS[0]}"
}

# tessera_bench TARGET...: builds benchmarks as released, with what they need.
tessera_bench() {
  tessera_bootstrap tests
  tessera_locked build tessera_bench_locked "$@" || die "the build of $* failed; its output above says why"
}

tessera_bench_locked() {
  cd "$TESSERA_ROOT"
  [ -f "$TESSERA_BENCH_DIR/build.ninja" ] || tessera_quietly cmake --preset bench || return 1
  ninja -C "$TESSERA_BENCH_DIR" "$@" >&2
}

# tessera_python_environment NAME REQUIREMENTS: prints the path of a Python environment of our own that has the listed packages; one
# that cannot be installed is named and left out.
tessera_python_environment() {
  local home=${TESSERA_CACHE:-$TESSERA_ROOT/.cache}/$1
  local environment=$home/env
  if ! cmp -s "$2" "$environment/requirements.txt"; then
    tessera_locked "$1" tessera_python_environment_locked "$environment" "$2" || die "no Python environment for $1"
  fi
  printf '%s\n' "$environment"
}

tessera_python_environment_locked() {
  local environment=$1 line
  cmp -s "$2" "$environment/requirements.txt" && return 0
  rm -rf "$environment"
  say "making a Python environment in $environment"
  python3 -m venv "$environment" >&2 || return 1
  while read -r line; do
    case $line in '' | '#'*) continue ;; esac
    say "  $line"
    "$environment/bin/pip" --disable-pip-version-check -q install -c "$2" "$line" >&2 || say "  $line cannot be installed here"
  done <"$2"
  cp "$2" "$environment/requirements.txt"
}

# tessera_quietly COMMAND...: output only where the command fails.
tessera_quietly() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 || status=$?
  [ $status -eq 0 ] || cat "$log" >&2
  rm -f "$log"
  return $status
}

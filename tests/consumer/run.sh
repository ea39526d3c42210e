#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and runs the outside consumer projects: run.sh installed|subdirectory|pkgconfig SOURCE BUILD CMAKE COMPILER DEPS_PREFIX
set -euo pipefail
way=$1 source=$2 build=$3 cmake=$4 compiler=$5 deps=$6
build=$(realpath "$build")
work=$build/consumer/$way
rm -rf "$work"
mkdir -p "$work"

# The projects compile every kernel inline once more; what they show does not depend on optimisation, and ccache may know it.
launcher=
if command -v ccache >/dev/null; then
  launcher=ccache
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache
fi

quietly() {
  if ! "$@" >"$work/log" 2>&1; then
    cat "$work/log"
    echo "failed: $*"
    exit 1
  fi
}

case $way in
  installed)
    quietly "$cmake" --install "$build" --prefix "$work/prefix"
    # Moved after installation: the package must not know where it was built.
    mv "$work/prefix" "$work/moved"
    quietly "$cmake" -S "$source/tests/consumer/installed" -B "$work/build" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" \
      -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$work/moved;$deps"
    quietly "$cmake" --build "$work/build" -j 2 ;;
  subdirectory)
    quietly "$cmake" -S "$source/tests/consumer/subdirectory" -B "$work/build" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" \
      -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DCMAKE_BUILD_TYPE=Release -DTESSERA_SOURCE="$source"
    quietly "$cmake" --build "$work/build" -j 2
    # All components, which is what a project gets that does not choose.
    quietly "$cmake" -S "$source/tests/consumer/subdirectory" -B "$work/build" "-DTESSERA_COMPONENTS=core;io;text;model"
    quietly "$cmake" --build "$work/build" -j 2 --target model_compiled ;;
  pkgconfig)
    quietly "$cmake" --install "$build" --prefix "$work/prefix"
    paths=
    for directory in "$work"/prefix/lib*/pkgconfig "$deps"/lib/pkgconfig "$deps"/lib/*/pkgconfig "$deps"/share/pkgconfig; do
      [ -d "$directory" ] && paths=$paths:$directory
    done
    export PKG_CONFIG_PATH=${paths#:}
    for name in tessera-core tessera-io tessera-model tessera-interop tessera-compiled; do pkg-config --print-errors --exists "$name"; done
    mkdir "$work/build"
    # compile_and_link PROGRAM SOURCE PACKAGE
    compile_and_link() {
      # shellcheck disable=SC2046,SC2086
      quietly $launcher "$compiler" -O1 -c "$source/tests/consumer/$2" -o "$work/build/$1.o" $(pkg-config --cflags $3)
      # shellcheck disable=SC2046,SC2086
      quietly "$compiler" "$work/build/$1.o" -o "$work/build/$1" $(pkg-config --libs $3)
    }
    compile_and_link distance distance.cpp tessera-core
    compile_and_link distance_compiled distance.cpp tessera-compiled
    compile_and_link reader reader.cpp tessera-io
    compile_and_link reader_compiled reader.cpp tessera-compiled
    compile_and_link interop interop.cpp "tessera-interop tessera-compiled"
    # Boost has no .pc file: a prefix of our own is named by hand.
    export CPLUS_INCLUDE_PATH=$deps/include
    compile_and_link model_compiled model.cpp "tessera-model tessera-compiled" ;;
  *) echo "unknown way: $way"; exit 2 ;;
esac

programs=(distance distance_compiled reader reader_compiled model_compiled)
[ "$way" != installed ] || programs+=(model)
[ "$way" = subdirectory ] || programs+=(interop)
model=$source/models/all-MiniLM-L6-v2
passed=0
for program in "${programs[@]}"; do
  arguments=()
  case $program in model*) [ ! -d "$model" ] || arguments=("$model") ;; esac
  "$work/build/$program" "${arguments[@]}" || { echo "$way/$program: exit status $?"; exit 1; }
  passed=$((passed + 1))
done
echo "$passed passed, 0 failed, 0 skipped"

# SPDX-License-Identifier: Apache-2.0
# The strict level of our own targets; third-party headers come in as system headers.
set(TESSERA_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wcast-align
  -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference -Wdouble-promotion)
if(TESSERA_WERROR)
  list(APPEND TESSERA_WARNINGS -Werror)
endif()

add_library(tessera_warnings INTERFACE)
add_library(tessera::warnings ALIAS tessera_warnings)
target_compile_options(tessera_warnings INTERFACE ${TESSERA_WARNINGS})
# The library itself is built as its strictest user builds it.
target_compile_options(tessera_compiled PRIVATE ${TESSERA_WARNINGS} -fno-exceptions -fno-rtti)

# SPDX-License-Identifier: Apache-2.0
# The library: one interface target for each component, and tessera::compiled.
#
#   tessera::core      base, type, kernel, op, index              Highway
#   tessera::io        mapped files, formats, JSON, SHA-256       + simdjson, libcrypto
#   tessera::text      tokenizers                                 + utf8proc, PCRE2
#   tessera::model     graphs and models                          + Boost headers (Hana)
#   tessera::interop   xtensor views and evaluate/               core + xtensor, xsimd; only where these are found
#   tessera::distributed  distributed/, over compiled and model; only where an MPI is found
#   tessera::compiled  kernels and non-template readers compiled once; defines TESSERA_COMPILED for its users
#                      + zstd, where it is found: stores compress payloads

find_package(Threads REQUIRED)

set(TESSERA_INCLUDE_DIR ${CMAKE_CURRENT_SOURCE_DIR}/include)
file(GLOB_RECURSE TESSERA_HEADERS CONFIGURE_DEPENDS ${TESSERA_INCLUDE_DIR}/tessera/*.hpp)

# What each component brings, and the folders whose -inl.hpp files belong to it in the compiled library.
set(TESSERA_NEEDS_core highway)
set(TESSERA_NEEDS_io simdjson crypto)
set(TESSERA_NEEDS_text utf8proc pcre2)
set(TESSERA_NEEDS_model hana)
set(TESSERA_FOLDERS_core base type kernel op interop)
set(TESSERA_FOLDERS_io io index store)
set(TESSERA_FOLDERS_text text)
set(TESSERA_FOLDERS_model graph model)

set(TESSERA_COMPONENTS_FOUND)
set(previous)
foreach(component core io text model)
  if(NOT component IN_LIST TESSERA_COMPONENTS)
    break()
  endif()
  add_library(tessera_${component} INTERFACE)
  add_library(tessera::${component} ALIAS tessera_${component})
  set_target_properties(tessera_${component} PROPERTIES EXPORT_NAME ${component})
  foreach(need ${TESSERA_NEEDS_${component}})
    tessera_find(${need})
    target_link_libraries(tessera_${component} INTERFACE tessera::dep::${need})
  endforeach()
  target_link_libraries(tessera_${component} INTERFACE ${previous})
  set(previous tessera_${component})
  list(APPEND TESSERA_COMPONENTS_FOUND ${component})
endforeach()
if(NOT TARGET tessera_core)
  message(FATAL_ERROR "tessera: TESSERA_COMPONENTS must begin with core, io, text, model in this order; found: ${TESSERA_COMPONENTS}")
endif()
target_compile_features(tessera_core INTERFACE cxx_std_23)
target_link_libraries(tessera_core INTERFACE Threads::Threads)
target_sources(tessera_core INTERFACE FILE_SET HEADERS BASE_DIRS include FILES ${TESSERA_HEADERS})

# Optional, and never fetched for its own sake.
set(TESSERA_ONLY_FIND ON)
tessera_find(xtensor)
unset(TESSERA_ONLY_FIND)
if(TARGET tessera::dep::xtensor)
  add_library(tessera_interop INTERFACE)
  add_library(tessera::interop ALIAS tessera_interop)
  set_target_properties(tessera_interop PROPERTIES EXPORT_NAME interop)
  target_link_libraries(tessera_interop INTERFACE tessera_core tessera::dep::xtensor)
endif()

# The compiled form: cmake/compiled/<folder>.cpp includes the -inl.hpp files of that folder.
add_library(tessera_compiled STATIC)
add_library(tessera::compiled ALIAS tessera_compiled)
set_target_properties(tessera_compiled PROPERTIES EXPORT_NAME compiled POSITION_INDEPENDENT_CODE ON)
target_compile_definitions(tessera_compiled PUBLIC TESSERA_COMPILED)
target_link_libraries(tessera_compiled PUBLIC tessera_core)
foreach(component ${TESSERA_COMPONENTS_FOUND})
  set(visible PRIVATE)
  if(component STREQUAL model)
    set(visible PUBLIC) # model types are templates over Hana's headers in the user's own files too
  endif()
  foreach(need ${TESSERA_NEEDS_${component}})
    target_link_libraries(tessera_compiled ${visible} tessera::dep::${need})
  endforeach()
  foreach(folder ${TESSERA_FOLDERS_${component}})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cmake/compiled/${folder}.cpp)
    target_sources(tessera_compiled PRIVATE ${sources})
  endforeach()
endforeach()
set(TESSERA_NEEDS_compiled)
if(TARGET tessera_io)
  tessera_find(zstd)
  if(TARGET tessera::dep::zstd)
    set(TESSERA_NEEDS_compiled zstd)
    target_compile_definitions(tessera_compiled PRIVATE TESSERA_ZSTD)
    target_link_libraries(tessera_compiled PRIVATE tessera::dep::zstd)
  endif()
endif()
# Extra options for the one file that holds every kernel for every target (the sanitizer presets bound its compile time with them).
set(TESSERA_KERNEL_OPTIONS "" CACHE STRING "Compiler options for cmake/compiled/kernel.cpp alone")
set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/cmake/compiled/kernel.cpp PROPERTIES COMPILE_OPTIONS "${TESSERA_KERNEL_OPTIONS}")

# Optional: what talks to other processes, compiled once, for programs that link tessera::compiled.
set(TESSERA_ONLY_FIND ON)
tessera_find(mpi)
unset(TESSERA_ONLY_FIND)
if(TARGET tessera::dep::mpi AND TARGET tessera_model)
  add_library(tessera_distributed STATIC ${CMAKE_CURRENT_SOURCE_DIR}/cmake/compiled/distributed.cpp)
  add_library(tessera::distributed ALIAS tessera_distributed)
  set_target_properties(tessera_distributed PROPERTIES EXPORT_NAME distributed POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(tessera_distributed PUBLIC tessera_compiled tessera_model PRIVATE tessera::dep::mpi)
endif()

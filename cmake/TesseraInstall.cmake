# SPDX-License-Identifier: Apache-2.0
# Headers, the CMake package (components, version file) and one pkg-config file for each component.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tessera)

# One export file for each component, so that asking for `core` needs nothing of the others.
set(TESSERA_INSTALLED ${TESSERA_COMPONENTS_FOUND} compiled)
if(TARGET tessera_interop)
  list(APPEND TESSERA_INSTALLED interop)
endif()
if(TARGET tessera_distributed)
  list(APPEND TESSERA_INSTALLED distributed)
endif()
foreach(component ${TESSERA_INSTALLED})
  set(file_set)
  if(component STREQUAL core)
    set(file_set FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  endif()
  install(TARGETS tessera_${component} EXPORT tessera-${component} ${file_set}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT tessera-${component} NAMESPACE tessera:: FILE tessera-${component}.cmake DESTINATION ${package_dir})
endforeach()

configure_package_config_file(cmake/tessera-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/tessera-config.cmake
  INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor version may change what compiles.
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/tessera-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tessera-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/tessera-config-version.cmake
  cmake/TesseraDependencies.cmake DESTINATION ${package_dir})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# pkg-config: libraries without a .pc file of their own (Boost headers, a Highway of .deps) come in by their flags.
# A .pc file finds its prefix from its own place, so that a moved or staged installation works.
file(RELATIVE_PATH PC_UP /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
function(tessera_pkgconfig name description requires libs cflags)
  set(PC_NAME ${name})
  set(PC_DESCRIPTION ${description})
  set(PC_REQUIRES ${requires})
  set(PC_LIBS ${libs})
  set(PC_CFLAGS ${cflags})
  configure_file(cmake/tessera.pc.in ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
tessera_pkgconfig(tessera-core "Tessera: types, kernels, distances" "libhwy >= ${TESSERA_HIGHWAY_FLOOR}" "" "-std=c++23")
set(compiled_requires "tessera-core")
if(TARGET tessera_io)
  set(needs "simdjson >= ${TESSERA_SIMDJSON_FLOOR}, libcrypto >= ${TESSERA_OPENSSL_FLOOR}")
  tessera_pkgconfig(tessera-io "Tessera: model and vector files" "tessera-core, ${needs}" "" "")
  string(APPEND compiled_requires ", ${needs}")
endif()
if(TARGET tessera_text)
  set(needs "libutf8proc >= ${TESSERA_UTF8PROC_FLOOR}, libpcre2-8 >= ${TESSERA_PCRE2_FLOOR}")
  tessera_pkgconfig(tessera-text "Tessera: tokenizers" "tessera-io, ${needs}" "" "")
  string(APPEND compiled_requires ", ${needs}")
endif()
if(TARGET tessera_model)
  tessera_pkgconfig(tessera-model "Tessera: embedding models (needs Boost's headers, >= ${TESSERA_HANA_FLOOR})" "tessera-text" "" "")
endif()
if(TARGET tessera_interop)
  tessera_pkgconfig(tessera-interop "Tessera: xtensor views and evaluation"
    "tessera-core, xtensor >= ${TESSERA_XTENSOR_FLOOR}, xsimd >= ${TESSERA_XSIMD_FLOOR}" "" "-DXTENSOR_USE_XSIMD")
endif()
if(TARGET tessera_distributed)
  tessera_pkgconfig(tessera-distributed "Tessera: indexes and corpora over MPI" "tessera-model, tessera-compiled, ompi"
    "-L\${libdir} -ltessera_distributed" "")
endif()
if(TESSERA_NEEDS_compiled)
  string(APPEND compiled_requires ", libzstd")
endif()
tessera_pkgconfig(tessera-compiled "Tessera: kernels and readers compiled once" "${compiled_requires}"
  "-L\${libdir} -ltessera_compiled" "-DTESSERA_COMPILED")

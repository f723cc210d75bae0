# xdelta3 3.1.1 (Apache-2.0) as the static library Xdelta3::xdelta3. Its source is fetched at configure time and built
# unmodified; nothing of it lies in this repository. Debian's package has only the command; the npm package
# xdelta3-wasm carries the source.
#   XDELTA3_ARCHIVE   that package's archive, already on this machine; the environment variable of the same name is the
#                     default. Without it `npm pack` downloads the archive into the build directory.
include_guard(GLOBAL)

set(xdelta3_package xdelta3-wasm-1.0.0)
set(xdelta3_sha256 ce2da7db74eb02e846a9bb0f3c124dcbb54f4132a11703d7712ea0af2f1687f2)
set(XDELTA3_ARCHIVE "$ENV{XDELTA3_ARCHIVE}" CACHE FILEPATH "${xdelta3_package}.tgz, for builds without a network")

# Sets `archive` in the caller.
function(xdelta3_download folder)
  find_program(NPM npm)
  mark_as_advanced(NPM)
  set(help "get it elsewhere (npm pack xdelta3-wasm@1.0.0) and configure with -DXDELTA3_ARCHIVE=FILE")
  if(NOT NPM)
    message(FATAL_ERROR "xdelta3: npm is needed to download ${xdelta3_package}.tgz: install npm, or ${help}")
  endif()
  message(STATUS "xdelta3: downloading ${xdelta3_package}.tgz")
  execute_process(
    COMMAND "${NPM}" pack --silent --cache "${folder}/npm" xdelta3-wasm@1.0.0
    WORKING_DIRECTORY "${folder}" TIMEOUT 300 RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE said)
  file(REMOVE_RECURSE "${folder}/npm")
  if(NOT result EQUAL 0 OR NOT EXISTS "${folder}/${xdelta3_package}.tgz")
    message(FATAL_ERROR "xdelta3: npm could not download ${xdelta3_package}.tgz (${result}); ${help}\n${said}")
  endif()
  set(archive "${folder}/${xdelta3_package}.tgz" PARENT_SCOPE)
endfunction()

function(xdelta3_unpack archive folder)
  if(NOT EXISTS "${archive}")
    message(FATAL_ERROR "xdelta3: XDELTA3_ARCHIVE is ${archive}, which is not there")
  endif()
  file(SHA256 "${archive}" found)
  if(NOT found STREQUAL xdelta3_sha256)
    message(FATAL_ERROR "xdelta3: ${archive} is not ${xdelta3_package}.tgz: its SHA-256 is ${found}, "
                        "not ${xdelta3_sha256}")
  endif()
  file(REMOVE_RECURSE "${folder}/unpacking")
  file(ARCHIVE_EXTRACT INPUT "${archive}" DESTINATION "${folder}/unpacking")
  file(RENAME "${folder}/unpacking" "${folder}/${xdelta3_sha256}")
endfunction()

set(xdelta3_folder "${CMAKE_BINARY_DIR}/xdelta3")
set(xdelta3_source "${xdelta3_folder}/${xdelta3_sha256}/package/src/native/xdelta/xdelta3")
if(NOT EXISTS "${xdelta3_source}/xdelta3.c")
  file(MAKE_DIRECTORY "${xdelta3_folder}")
  set(archive "${XDELTA3_ARCHIVE}")
  if(NOT archive)
    xdelta3_download("${xdelta3_folder}")
  endif()
  xdelta3_unpack("${archive}" "${xdelta3_folder}")
endif()

add_library(xdelta3 STATIC "${xdelta3_source}/xdelta3.c" ${CMAKE_CURRENT_LIST_DIR}/xdelta3_lzma.c)
add_library(Xdelta3::xdelta3 ALIAS xdelta3)
target_include_directories(xdelta3 SYSTEM PUBLIC "${xdelta3_source}")
target_include_directories(xdelta3 PRIVATE ${CMAKE_SOURCE_DIR})
# These shape the structs in xdelta3.h, so its users need them too. The header uses static_assert without including
# <assert.h>. Secondary compressors: to read what the xdelta3 command writes. UNALIGNED_OK: its default on x86 reads
# unaligned words, which is undefined.
target_compile_definitions(xdelta3 PUBLIC
  SIZEOF_SIZE_T=${CMAKE_SIZEOF_VOID_P}
  SIZEOF_UNSIGNED_INT=4
  SIZEOF_UNSIGNED_LONG=${CMAKE_SIZEOF_VOID_P}
  SIZEOF_UNSIGNED_LONG_LONG=8
  XD3_USE_LARGEFILE64=1
  XD3_USE_LARGESIZET=1
  XD3_ENCODER=1
  XD3_MAIN=0
  XD3_DEBUG=0
  EXTERNAL_COMPRESSION=0
  REGRESSION_TEST=0
  VCDIFF_TOOLS=0
  SECONDARY_DJW=1
  SECONDARY_FGK=1
  SECONDARY_LZMA=1
  HAVE_LZMA_H=1
  UNALIGNED_OK=0
  static_assert=_Static_assert)
target_link_libraries(xdelta3 PUBLIC PkgConfig::LZMA)
# It copies 0 bytes from NULL where a window has no data: no conclusion is to be drawn from that.
target_compile_options(xdelta3 PRIVATE -w -fno-delete-null-pointer-checks)
# xdelta3 gives liblzma no limit of memory; xdelta3_lzma.c does.
set_source_files_properties("${xdelta3_source}/xdelta3.c" PROPERTIES
  COMPILE_DEFINITIONS lzma_stream_decoder=cf_xdelta3_lzma_decoder)
if(CF_SANITIZE STREQUAL thread)
  target_compile_options(xdelta3 PRIVATE -fsanitize=thread -fno-omit-frame-pointer)
elseif(CF_SANITIZE)
  # It ends the LZMA streams that it never began, by the address of a null pointer's first member, and adds nothing to
  # null pointers: clang has three names for that. The fourth is for the copies of 0 bytes.
  target_compile_options(xdelta3 PRIVATE
    -fsanitize=address,undefined -fno-sanitize=null,object-size,pointer-overflow,nonnull-attribute
    -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
endif()

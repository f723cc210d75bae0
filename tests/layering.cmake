# Fails when a file includes what lies in a room above its own, and when something lies beside the rooms that doesn't
# belong there. cmake -DROOT=DIR -P layering.cmake
cmake_minimum_required(VERSION 3.25)

# Lowest first. A file's room is its folder; what lies in none of these lies in the next folder above that does.
set(rooms
  codec
  broker/platform broker/wire broker/store broker/blobs broker/members broker/leases broker/log broker/link
  broker/gateway broker/management broker/door broker/upkeep broker/program broker
  peer/merge peer/records peer/adapters/text peer/adapters peer/adapters/sqlite peer/log peer/membership peer/bindings
  peer/locks peer/transfer peer/sources/context peer/sources/records peer/sources/files peer/sources peer/engine
  peer/account peer/program peer/commands peer)

# What a clone has at the top. A build directory is called build*, which git ignores, and so is what begins with a dot.
set(top CMakeLists.txt LICENSE README.md bench broker codec peer tests)
file(GLOB names RELATIVE "${ROOT}" "${ROOT}/*")
foreach(name ${names})
  if(NOT name IN_LIST top AND NOT name MATCHES "^\\." AND NOT (name MATCHES "^build" AND IS_DIRECTORY "${ROOT}/${name}"))
    message(SEND_ERROR "${name} must not lie at the top")
  endif()
endforeach()

function(room_of path result)
  while(NOT path IN_LIST rooms AND path MATCHES "/")
    string(REGEX REPLACE "/[^/]*$" "" path "${path}")
  endwhile()
  set(${result} "${path}" PARENT_SCOPE)
endfunction()

# Beside the rooms a program lies alone: a source there would be in none of them.
foreach(folder broker peer)
  file(GLOB sources RELATIVE "${ROOT}" "${ROOT}/${folder}/*.c" "${ROOT}/${folder}/*.h")
  list(REMOVE_ITEM sources ${folder}/main.c)
  foreach(source ${sources})
    message(SEND_ERROR "${source} must not lie beside the rooms")
  endforeach()
endforeach()

foreach(folder codec broker peer)
  file(GLOB_RECURSE sources RELATIVE "${ROOT}" "${ROOT}/${folder}/*.c" "${ROOT}/${folder}/*.h")
  foreach(source ${sources})
    room_of("${source}" here)
    list(FIND rooms "${here}" height)
    file(STRINGS "${ROOT}/${source}" includes REGEX "^#include \"")
    foreach(include ${includes})
      string(REGEX REPLACE "^#include \"([^\"]*)\".*" "\\1" known "${include}")
      room_of("${known}" there)
      list(FIND rooms "${there}" above)
      if(above LESS 0 OR above GREATER height)
        message(SEND_ERROR "${source}: ${here} must not know ${there}: ${include}")
      endif()
    endforeach()
  endforeach()
endforeach()

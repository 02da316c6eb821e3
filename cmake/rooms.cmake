# SPDX-License-Identifier: MIT
# assay_room(NAME rooms-and-libraries...): every .c of this folder but main.c as the library
# assay_NAME, linked to what it may use. A room that has only headers links as they do.
function(assay_room name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  list(FILTER sources EXCLUDE REGEX "/main\\.c$")
  if(sources)
    add_library(assay_${name} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(assay_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(assay_${name} ${scope} ${PROJECT_SOURCE_DIR})
  target_link_libraries(assay_${name} ${scope} ${ARGN})
endfunction()

# SPDX-License-Identifier: MIT
# embed_files(OUTPUT NAME FILES...): OUTPUT defines `static const struct embedded NAME[]`, one row
# {file name, bytes, size} per file, made again whenever one of the files changes. The includer
# declares the struct.
function(embed_files output name)
  set(text "/* Made by cmake/embed.cmake. */\n")
  set(rows "")
  set(number 0)
  foreach(path ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    get_filename_component(file_name ${path} NAME)
    file(READ ${path} hex HEX)
    string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(APPEND text "static const unsigned char ${name}_${number}[] = {\n${bytes}0};\n")
    string(APPEND rows "    {\"${file_name}\", ${name}_${number}, sizeof(${name}_${number}) - 1},\n")
    math(EXPR number "${number} + 1")
  endforeach()
  string(APPEND text "static const struct embedded ${name}[] = {\n${rows}};\n")
  file(GENERATE OUTPUT ${output} CONTENT "${text}")
endfunction()

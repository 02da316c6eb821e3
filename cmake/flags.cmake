# SPDX-License-Identifier: MIT
# Warnings are errors on gcc and clang; floating point is never contracted or reordered, because a
# score must be the same bits on every machine; asserts stay on in release builds.
add_compile_definitions(_GNU_SOURCE _FILE_OFFSET_BITS=64 ASSAY_VERSION="${PROJECT_VERSION}")
add_compile_options(
  -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wcast-qual -Wstrict-prototypes
  -Wmissing-prototypes -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wconversion -Wno-sign-conversion
  -Wimplicit-fallthrough -Wswitch-enum -Wdouble-promotion
  -ffp-contract=off -fno-math-errno -fstack-protector-strong -fno-strict-aliasing)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wlogical-op -Wduplicated-cond -Wduplicated-branches)
endif()
add_link_options(-Wl,--as-needed -Wl,-z,relro -Wl,-z,now)
if(ASSAY_CRASHPOINTS)
  add_compile_definitions(ASSAY_CRASHPOINTS)
endif()
if(ASSAY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

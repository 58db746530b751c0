# Warnings and sanitizers for every target of this project.
add_compile_options(-Wall -Wextra -Werror -Wno-unused-parameter -fno-exceptions -fvisibility=hidden
                    -fvisibility-inlines-hidden -ffunction-sections -fdata-sections)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  add_link_options(-fuse-ld=lld)
endif()
add_link_options(-Wl,--gc-sections)

if(TAWNY_SANITIZE)
  add_compile_options(-fsanitize=${TAWNY_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TAWNY_SANITIZE})
endif()

# Fuzzers are guided by the coverage of the libraries they drive, so those are instrumented too.
if(TAWNY_BUILD_FUZZERS)
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()

# The runtime and its tests: no RTTI, no LLVM.
add_library(tawny_runtime_flags INTERFACE)
target_compile_options(tawny_runtime_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
target_include_directories(tawny_runtime_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})

# tawny_fuzzer(name sources... LIBS libs... CORPUS dir): a libFuzzer target, built only with
# TAWNY_BUILD_FUZZERS; tools/fuzz.sh runs each for a given time on its corpus.
function(tawny_fuzzer name)
  cmake_parse_arguments(ARG "" "CORPUS" "LIBS" ${ARGN})
  if(NOT TAWNY_BUILD_FUZZERS)
    return()
  endif()
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  file(APPEND ${CMAKE_BINARY_DIR}/fuzzers.txt
       "${name} ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_CORPUS}\n")
endfunction()
file(WRITE ${CMAKE_BINARY_DIR}/fuzzers.txt "")

# MLIR and LLVM 22 as shared libraries, lld as static ones, and a precompiled header that makes an
# MLIR translation unit cheap.
list(APPEND CMAKE_PREFIX_PATH /usr/lib/llvm-22)
find_package(MLIR REQUIRED CONFIG)
find_package(LLVM REQUIRED CONFIG)
find_package(LLD REQUIRED CONFIG)

set(LLVM_RUNTIME_OUTPUT_INTDIR ${CMAKE_BINARY_DIR}/bin)
set(LLVM_LIBRARY_OUTPUT_INTDIR ${CMAKE_BINARY_DIR}/lib)
# Without this mlir-doc writes to /docs.
set(MLIR_BINARY_DIR ${CMAKE_BINARY_DIR})
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
separate_arguments(LLVM_DEFINITIONS_LIST NATIVE_COMMAND "${LLVM_DEFINITIONS}")

# What mlir_tablegen needs to find upstream's ODS files and this project's.
set(TAWNY_TABLEGEN_INCLUDES -I${CMAKE_SOURCE_DIR})
foreach(folder ${MLIR_INCLUDE_DIRS})
  list(APPEND TAWNY_TABLEGEN_INCLUDES -I${folder})
endforeach()

add_library(tawny_mlir_flags INTERFACE)
target_include_directories(tawny_mlir_flags SYSTEM INTERFACE ${MLIR_INCLUDE_DIRS}
                           ${LLVM_INCLUDE_DIRS})
target_include_directories(tawny_mlir_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
target_compile_definitions(tawny_mlir_flags INTERFACE ${LLVM_DEFINITIONS_LIST})
target_link_libraries(tawny_mlir_flags INTERFACE MLIR LLVM)
if(NOT LLVM_ENABLE_RTTI)
  target_compile_options(tawny_mlir_flags INTERFACE -fno-rtti)
endif()

# One precompiled header serves every library that includes MLIR.
file(WRITE ${CMAKE_BINARY_DIR}/pch/tawny_pch.cpp "// Owns the precompiled header.\n")
add_library(tawny_pch OBJECT ${CMAKE_BINARY_DIR}/pch/tawny_pch.cpp)
target_link_libraries(tawny_pch PRIVATE tawny_mlir_flags)
target_precompile_headers(tawny_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/mlir_pch.h)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  # ccache recognises a precompiled header by its content.
  target_compile_options(tawny_pch PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
endif()

# tawny_mlir_library(name sources... DEPENDS tablegen-targets LIBS libraries)
function(tawny_mlir_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC tawny_mlir_flags ${ARG_LIBS})
  target_precompile_headers(${name} REUSE_FROM tawny_pch)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

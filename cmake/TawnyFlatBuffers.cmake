# tawny_flatbuffer(target schema.fbs): generates <name>_generated.h and an interface library.
find_program(FLATC flatc REQUIRED)

function(tawny_flatbuffer target schema)
  get_filename_component(name ${schema} NAME_WE)
  set(header ${CMAKE_CURRENT_BINARY_DIR}/${name}_generated.h)
  add_custom_command(
    OUTPUT ${header}
    COMMAND ${FLATC} --cpp --scoped-enums --gen-object-api -o ${CMAKE_CURRENT_BINARY_DIR}
            ${CMAKE_CURRENT_SOURCE_DIR}/${schema}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${schema}
    COMMENT "flatc ${schema}")
  add_custom_target(${target}_generate DEPENDS ${header})
  add_library(${target} INTERFACE)
  add_dependencies(${target} ${target}_generate)
  target_include_directories(${target} SYSTEM INTERFACE ${CMAKE_BINARY_DIR})
endfunction()

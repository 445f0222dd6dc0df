# How targets are made here: warnings as errors for our own code, never for our dependents.
#   bursar_add_library(NAME SOURCES a.cc … DEPENDS targets …)
#   bursar_add_program(NAME SOURCES main.cc … DEPENDS targets …)
#   bursar_add_test(NAME LABEL unit SOURCES a_test.cc … DEPENDS targets …)
#   bursar_add_python_test(NAME LABEL crash SCRIPT a.py ARGS … DEPENDS programs it runs …)

add_library(bursar_flags INTERFACE)
target_include_directories(bursar_flags INTERFACE "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>")
target_compile_options(bursar_flags INTERFACE
  -Wall -Wextra -Werror -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  -Wunused-result
  "SHELL:-include \"${CMAKE_CURRENT_LIST_DIR}/unused_status_is_an_error.h\"")
if(BURSAR_SANITIZE)
  add_compile_options(-fsanitize=${BURSAR_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${BURSAR_SANITIZE})
endif()

function(bursar_add_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    target_link_libraries(${name} PUBLIC ${ARG_DEPENDS} PRIVATE bursar_flags ${ARG_PRIVATE_DEPENDS})
    target_include_directories(${name} PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>")
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ${ARG_DEPENDS})
    target_include_directories(${name} INTERFACE "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>")
  endif()
endfunction()

function(bursar_add_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE bursar_flags ${ARG_DEPENDS})
endfunction()

# A test is one CTest test with one label. The target bursar_LABEL_tests builds all of a label,
# with every program its tests run.
function(bursar_label_test name label timeout)
  if(NOT label MATCHES "^(unit|integration|crash|simulation|e2e)$")
    message(FATAL_ERROR "${name}: LABEL must be unit, integration, crash, simulation or e2e")
  endif()
  if(NOT timeout)
    set(timeout 300)
  endif()
  if(NOT TARGET bursar_${label}_tests)
    add_custom_target(bursar_${label}_tests)
  endif()
  if(ARGN)
    add_dependencies(bursar_${label}_tests ${ARGN})
  endif()
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${timeout})
endfunction()

function(bursar_add_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;DEPENDS;ARGS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE bursar_flags ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name} ${ARG_ARGS})
  bursar_label_test(${name} "${ARG_LABEL}" "${ARG_TIMEOUT}" ${name})
endfunction()

function(bursar_add_python_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT;SCRIPT" "DEPENDS;ARGS" ${ARGN})
  add_test(NAME ${name}
    COMMAND Python3::Interpreter "${CMAKE_CURRENT_SOURCE_DIR}/${ARG_SCRIPT}" ${ARG_ARGS})
  bursar_label_test(${name} "${ARG_LABEL}" "${ARG_TIMEOUT}" ${ARG_DEPENDS})
endfunction()

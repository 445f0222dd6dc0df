# How targets are made here: warnings as errors for our own code, never for our dependents.
#   bursar_add_library(NAME SOURCES a.cc … DEPENDS targets …)
#   bursar_add_program(NAME SOURCES main.cc … DEPENDS targets …)
#   bursar_add_test(NAME LABEL unit [THREADS] SOURCES a_test.cc … DEPENDS targets …)
#   bursar_add_python_test(NAME LABEL crash SCRIPT a.py ARGS … DEPENDS programs it runs …)
#   bursar_add_fuzzer(NAME RUNS 100000 CORPUS folder … DICTIONARY file SOURCES a_fuzzer.cc … DEPENDS …)

add_library(bursar_flags INTERFACE)
target_include_directories(bursar_flags INTERFACE "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>")
target_compile_options(bursar_flags INTERFACE
  -Wall -Wextra -Werror -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  -Wunused-result
  "SHELL:-include \"${CMAKE_CURRENT_LIST_DIR}/unused_status_is_an_error.h\"")
if(BURSAR_SANITIZE)
  add_compile_options(-fsanitize=${BURSAR_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  if(BURSAR_SANITIZE_NOT)
    add_compile_options(-fno-sanitize=${BURSAR_SANITIZE_NOT})
  endif()
  add_link_options(-fsanitize=${BURSAR_SANITIZE})
endif()
if(BURSAR_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "BURSAR_FUZZ needs clang: libFuzzer is its own")
  endif()
  # Fuzz targets link with the very libraries that the tests do.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Headers of others that most of our files include are parsed once instead of by each file, which
# nearly halves the build. Not for the programs that are shipped: there a file has to include itself
# what it uses, which is how we see that it does.
option(BURSAR_PRECOMPILE_HEADERS "Parse the headers of others once; needs clang" OFF)
if(BURSAR_PRECOMPILE_HEADERS)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/precompiled.cc" CONTENT "int main() { return 0; }\n")
endif()

# bursar_precompile(NAME PIC|PIE): one set of headers serves all targets of the same code model and the
# same options; the first one of a kind makes it. It is not for ccache, which would hand it to another
# clone, and clang remembers where it was made.
function(bursar_precompile name model)
  if(NOT BURSAR_PRECOMPILE_HEADERS)
    return()
  endif()
  get_directory_property(options COMPILE_OPTIONS)
  list(FILTER options INCLUDE REGEX "^-O")
  string(REPLACE ";" "" options "${options}")
  set(host "bursar_precompiled_${model}${options}")
  if(NOT TARGET ${host})
    if(model STREQUAL "PIC")
      add_library(${host} STATIC "${PROJECT_BINARY_DIR}/precompiled.cc")
    else()
      add_executable(${host} "${PROJECT_BINARY_DIR}/precompiled.cc")
      target_link_libraries(${host} PRIVATE GTest::gmock)
    endif()
    target_link_libraries(${host} PRIVATE bursar_flags gRPC::grpc++ protobuf::libprotobuf nlohmann_json::nlohmann_json)
    target_compile_options(${host} PRIVATE -pthread "SHELL:-Xclang -fno-pch-timestamp")
    set_target_properties(${host} PROPERTIES CXX_COMPILER_LAUNCHER "")
    target_precompile_headers(${host} PRIVATE
      <algorithm> <atomic> <functional> <map> <memory> <mutex> <optional> <random> <set> <string>
      <string_view> <thread> <variant> <vector>
      <absl/container/btree_map.h> <absl/container/flat_hash_map.h> <absl/status/statusor.h>
      <absl/strings/str_cat.h> <absl/strings/str_join.h> <absl/strings/str_split.h> <absl/time/clock.h>
      <google/protobuf/arena.h> <google/protobuf/map.h> <google/protobuf/message.h>
      <google/protobuf/util/json_util.h> <grpcpp/grpcpp.h> <nlohmann/json.hpp>)
    if(model STREQUAL "PIE")
      target_precompile_headers(${host} PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
    endif()
  endif()
  target_precompile_headers(${name} REUSE_FROM ${host})
  # Threads are on in all of a kind or in none.
  target_compile_options(${name} PRIVATE -pthread "SHELL:-Xclang -fno-pch-timestamp")
endfunction()

function(bursar_add_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    target_link_libraries(${name} PUBLIC ${ARG_DEPENDS} PRIVATE bursar_flags ${ARG_PRIVATE_DEPENDS})
    target_include_directories(${name} PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>")
    bursar_precompile(${name} PIC)
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
  if(NOT label MATCHES "^(unit|integration|crash|simulation|e2e|fuzz)$")
    message(FATAL_ERROR "${name}: LABEL must be unit, integration, crash, simulation, e2e or fuzz")
  endif()
  if(NOT timeout)
    set(timeout 300)
  endif()
  if(BURSAR_SANITIZE)
    math(EXPR timeout "3 * ${timeout}")
  endif()
  if(NOT TARGET bursar_${label}_tests)
    add_custom_target(bursar_${label}_tests)
  endif()
  if(ARGN)
    add_dependencies(bursar_${label}_tests ${ARGN})
  endif()
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${timeout})
endfunction()

# With THREADS it is one of those that the thread sanitizer runs (preset tsan): label `thread`,
# target bursar_thread_tests.
function(bursar_add_test name)
  cmake_parse_arguments(ARG "THREADS" "LABEL;TIMEOUT" "SOURCES;DEPENDS;ARGS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE bursar_flags ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
  bursar_precompile(${name} PIE)
  add_test(NAME ${name} COMMAND ${name} ${ARG_ARGS})
  bursar_label_test(${name} "${ARG_LABEL}" "${ARG_TIMEOUT}" ${name})
  if(ARG_THREADS)
    if(NOT TARGET bursar_thread_tests)
      add_custom_target(bursar_thread_tests)
    endif()
    add_dependencies(bursar_thread_tests ${name})
    set_property(TEST ${name} APPEND PROPERTY LABELS thread)
  endif()
endfunction()

function(bursar_add_python_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT;SCRIPT" "DEPENDS;ARGS" ${ARGN})
  add_test(NAME ${name}
    COMMAND Python3::Interpreter "${CMAKE_CURRENT_SOURCE_DIR}/${ARG_SCRIPT}" ${ARG_ARGS})
  bursar_label_test(${name} "${ARG_LABEL}" "${ARG_TIMEOUT}" ${ARG_DEPENDS})
endfunction()

# A fuzz target: the program NAME, and a test of the same name that runs it RUNS times from the
# folders of CORPUS. Built only where BURSAR_FUZZ is on.
function(bursar_add_fuzzer name)
  if(NOT BURSAR_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "RUNS;DICTIONARY;MAX_BYTES" "SOURCES;DEPENDS;CORPUS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE bursar_flags ${ARG_DEPENDS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set(arguments --program $<TARGET_FILE:${name}> --max-bytes ${ARG_MAX_BYTES})
  foreach(folder IN LISTS ARG_CORPUS)
    list(APPEND arguments --corpus "${folder}")
  endforeach()
  if(ARG_DICTIONARY)
    list(APPEND arguments --dictionary "${CMAKE_CURRENT_SOURCE_DIR}/${ARG_DICTIONARY}")
  endif()
  add_test(NAME ${name}
    COMMAND Python3::Interpreter "${PROJECT_SOURCE_DIR}/tests/fuzz/run.py" ${arguments}
      --runs ${ARG_RUNS})
  bursar_label_test(${name} fuzz 600 ${name})
  # What scripts/campaign runs.
  list(JOIN arguments "\n" lines)
  file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/fuzzers/${name}" CONTENT "${lines}\n")
endfunction()

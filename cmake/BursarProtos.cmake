# Generates C++ from .proto files into the build tree.
#   bursar_add_proto_library(NAME ROOT dir [GRPC] PROTOS path/in/root.proto … IMPORTS dirs … DEPENDS …)
# Headers are included by the proto's own path, for example "bursar/v1/quota.pb.h". They are
# system headers to their users: generated code does not meet our warning level.
function(bursar_add_proto_library name)
  cmake_parse_arguments(ARG "GRPC" "ROOT" "PROTOS;IMPORTS;DEPENDS" ${ARGN})
  set(out "${PROJECT_BINARY_DIR}/generated")
  file(MAKE_DIRECTORY "${out}")
  set(imports "")
  foreach(dir IN LISTS ARG_IMPORTS)
    list(APPEND imports -I "${dir}")
  endforeach()
  set(sources "")
  set(messages "")
  foreach(proto IN LISTS ARG_PROTOS)
    string(REGEX REPLACE "\\.proto$" "" stem "${proto}")
    set(products "${out}/${stem}.pb.cc" "${out}/${stem}.pb.h")
    list(APPEND messages "${out}/${stem}.pb.cc")
    add_custom_command(OUTPUT ${products}
      COMMAND protobuf::protoc --cpp_out=${out} --dependency_out=${out}/${stem}.d -I "${ARG_ROOT}" ${imports} "${ARG_ROOT}/${proto}"
      DEPENDS "${ARG_ROOT}/${proto}" protobuf::protoc DEPFILE "${out}/${stem}.d" VERBATIM)
    if(ARG_GRPC)
      # A command of its own: protoc names only one generator's products in a dependency file, and
      # ninja would take the others for missing and run again on every build.
      set(services "${out}/${stem}.grpc.pb.cc" "${out}/${stem}.grpc.pb.h")
      add_custom_command(OUTPUT ${services}
        COMMAND protobuf::protoc --grpc_out=${out} --plugin=protoc-gen-grpc=${BURSAR_GRPC_CPP_PLUGIN} -I "${ARG_ROOT}" ${imports} "${ARG_ROOT}/${proto}"
        DEPENDS "${ARG_ROOT}/${proto}" "${out}/${stem}.pb.h" VERBATIM)
      list(APPEND products ${services})
    endif()
    list(APPEND sources ${products})
  endforeach()
  add_library(${name} STATIC ${sources})
  # Services are little more than the headers that all of them include: compiled together they take a
  # fraction of the time. Messages cannot be: each file has statics of the same names.
  set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
  set_source_files_properties(${messages} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  # Generated code is not ours to check.
  if(BURSAR_SANITIZE MATCHES "undefined")
    target_compile_options(${name} PRIVATE -fno-sanitize=undefined)
  endif()
  if(BURSAR_FUZZ)
    target_compile_options(${name} PRIVATE -fno-sanitize=fuzzer-no-link)
  endif()
  # Tools that read our sources without building them (scripts/tidy) ask for this.
  if(NOT TARGET bursar_generated_headers)
    add_custom_target(bursar_generated_headers)
  endif()
  add_custom_target(${name}_generated DEPENDS ${sources})
  add_dependencies(bursar_generated_headers ${name}_generated)
  target_include_directories(${name} SYSTEM PUBLIC "$<BUILD_INTERFACE:${out}>")
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf ${ARG_DEPENDS})
  if(ARG_GRPC)
    target_link_libraries(${name} PUBLIC gRPC::grpc++ absl::synchronization)
  endif()
endfunction()

# Every dependency, all of them packages of Debian 12 (scripts/setup installs them).
# Protobuf in module mode must come before gRPC's config, which would otherwise look for a
# protobuf-config that Debian does not ship.
find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(RocksDB CONFIG REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(JWT REQUIRED IMPORTED_TARGET libjwt)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(httplib CONFIG QUIET)
find_program(BURSAR_GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)

# Protos that the standards own, as Debian packages carry them.
find_path(BURSAR_GRPC_PROTO_DIR grpc/health/v1/health.proto
  PATHS /usr/share/grpc-proto REQUIRED)
find_path(BURSAR_GOOGLEAPIS_DIR google/rpc/error_details.proto
  PATHS /usr/share/gocode/src/github.com/gogo/googleapis REQUIRED)

if(BURSAR_BUILD_TESTS)
  find_package(GTest CONFIG REQUIRED)
  pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
  find_package(benchmark CONFIG QUIET)
  # Debian's own interpreter: its gRPC and protobuf modules belong to no other.
  if(NOT Python3_EXECUTABLE AND EXISTS /usr/bin/python3)
    set(Python3_EXECUTABLE /usr/bin/python3)
  endif()
  find_package(Python3 3.11 COMPONENTS Interpreter REQUIRED)
endif()

find_program(BURSAR_CCACHE ccache)
if(BURSAR_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${BURSAR_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER "${BURSAR_CCACHE}")
endif()

# Installs the client library below the build tree, then builds and runs a project that knows
# nothing but the installed package.
set(work "${BUILD_DIR}/package_test")
file(REMOVE_RECURSE "${work}")
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "failed (${result}): ${ARGV}")
  endif()
endfunction()
run(${CMAKE_COMMAND} --install "${BUILD_DIR}/client/lib" --prefix "${work}/prefix")
set(flags "")
if(FLAGS)
  set(flags "-fsanitize=${FLAGS}")
endif()
run(${CMAKE_COMMAND} -S "${SOURCE_DIR}" -B "${work}/build" -G "${GENERATOR}"
  -D "CMAKE_PREFIX_PATH=${work}/prefix" -D "CMAKE_CXX_COMPILER=${COMPILER}"
  -D "CMAKE_CXX_FLAGS=${flags}" -D "CMAKE_BUILD_TYPE=${CONFIG}")
run(${CMAKE_COMMAND} --build "${work}/build")
run("${work}/build/backend")
file(REMOVE_RECURSE "${work}")

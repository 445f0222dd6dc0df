// Must not compile: see CMakeLists.txt beside it.
#include <grpcpp/support/status.h>

grpc::Status Attempt();

void Ignore() { Attempt(); }

// Must not compile: see CMakeLists.txt beside it.
#include <rocksdb/status.h>

rocksdb::Status Attempt();

void Ignore() { Attempt(); }

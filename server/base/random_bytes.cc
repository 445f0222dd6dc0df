#include "server/base/random_bytes.h"

#include <openssl/rand.h>

namespace bursar {

absl::StatusOr<std::string> RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) {
    return absl::UnavailableError("this machine gives no random numbers");
  }
  return bytes;
}

}  // namespace bursar

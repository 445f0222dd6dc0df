#include "server/base/sha256.h"

#include <openssl/evp.h>

#include <memory>

#include "server/base/check.h"

namespace bursar {

std::string Sha256(std::initializer_list<std::string_view> parts) {
  // One context for each thread: making one costs more than hashing a record.
  thread_local const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                                &EVP_MD_CTX_free);
  BURSAR_CHECK(context != nullptr);
  BURSAR_CHECK(EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1);
  for (std::string_view part : parts) {
    BURSAR_CHECK(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  }
  std::string hash(kSha256Bytes, '\0');
  unsigned int size = 0;
  BURSAR_CHECK(
      EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(hash.data()), &size) == 1);
  BURSAR_CHECK(size == kSha256Bytes);
  return hash;
}

}  // namespace bursar

#include "server/base/sha256.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

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

std::string HmacSha256(std::string_view key, std::string_view message) {
  std::string code(kSha256Bytes, '\0');
  unsigned int size = 0;
  // An empty key still needs an address, or OpenSSL takes the key of the call before.
  const unsigned char* const made =
      HMAC(EVP_sha256(), key.empty() ? "" : key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(message.data()), message.size(),
           reinterpret_cast<unsigned char*>(code.data()), &size);
  BURSAR_CHECK(made != nullptr && size == kSha256Bytes);
  return code;
}

}  // namespace bursar

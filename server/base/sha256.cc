#include "server/base/sha256.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <memory>

#include "server/base/check.h"
#include "server/base/freer.h"

namespace bursar {

std::array<uint8_t, kSha256Bytes> Sha256Digest(std::initializer_list<std::string_view> parts) {
  // One context for each thread, and the algorithm looked up once: each costs more than hashing a
  // record, and OpenSSL's own SHA256() does both every time.
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  thread_local const std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  BURSAR_CHECK(algorithm != nullptr && context != nullptr);
  BURSAR_CHECK(EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1);
  for (std::string_view part : parts) {
    BURSAR_CHECK(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  }
  std::array<uint8_t, kSha256Bytes> hash;
  unsigned int size = 0;
  BURSAR_CHECK(EVP_DigestFinal_ex(context.get(), hash.data(), &size) == 1);
  BURSAR_CHECK(size == kSha256Bytes);
  return hash;
}

std::string Sha256(std::initializer_list<std::string_view> parts) {
  const std::array<uint8_t, kSha256Bytes> hash = Sha256Digest(parts);
  return {hash.begin(), hash.end()};
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

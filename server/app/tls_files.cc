#include "server/app/tls_files.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "server/base/freer.h"

namespace bursar {
namespace {

using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Context = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;

Bio Open(const PemFile& file) {
  return Bio(BIO_new_mem_buf(file.contents.data(), static_cast<int>(file.contents.size())));
}

// What OpenSSL noted last, in its own words.
std::string LastReason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason == nullptr ? "" : absl::StrCat(" (", reason, ")");
}

absl::Status Wrong(const PemFile& file, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("the file ", file.path, " ", what));
}

// Nobody is there to ask for a passphrase.
int NoPassphrase(char*, int, int, void* was_asked) {
  *static_cast<bool*>(was_asked) = true;
  return 0;
}

absl::Status ReadCertificates(const PemFile& file, Certificate* first) {
  const Bio bio = Open(file);
  first->reset(PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr));
  if (*first == nullptr) {
    return Wrong(file, absl::StrCat("holds no PEM certificate that can be read", LastReason()));
  }
  while (Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) != nullptr) {
  }
  // The end of the file shows as a block that does not begin.
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = LastReason();
  if (at_end) return absl::OkStatus();
  return Wrong(file,
               absl::StrCat("holds a certificate after the first that cannot be read", reason));
}

absl::Status ReadKey(const PemFile& file, PrivateKey* key) {
  bool has_passphrase = false;
  key->reset(PEM_read_bio_PrivateKey(Open(file).get(), nullptr, NoPassphrase, &has_passphrase));
  if (*key != nullptr) return absl::OkStatus();
  const std::string reason = LastReason();
  if (has_passphrase) return Wrong(file, "holds a key with a passphrase: store it without one");
  return Wrong(file, absl::StrCat("holds no PEM private key that can be read", reason));
}

}  // namespace

absl::Status CheckTlsFiles(const PemFile& certificate_file, const PemFile& key_file) {
  ERR_clear_error();
  Certificate certificate;
  PrivateKey key;
  if (absl::Status s = ReadCertificates(certificate_file, &certificate); !s.ok()) return s;
  if (absl::Status s = ReadKey(key_file, &key); !s.ok()) return s;
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    ERR_clear_error();
    return Wrong(key_file, absl::StrCat("holds a key that does not belong to the certificate in ",
                                        certificate_file.path));
  }
  // A key too short or a signature too weak for today's rules.
  const Context context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) return absl::InternalError(absl::StrCat("no TLS", LastReason()));
  if (SSL_CTX_use_certificate(context.get(), certificate.get()) != 1) {
    return Wrong(certificate_file,
                 absl::StrCat("holds a certificate that TLS does not take", LastReason()));
  }
  if (SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1) {
    return Wrong(key_file, absl::StrCat("holds a key that TLS does not take", LastReason()));
  }
  return absl::OkStatus();
}

absl::Status CheckAuthority(const PemFile& authority) {
  ERR_clear_error();
  Certificate first;
  return ReadCertificates(authority, &first);
}

}  // namespace bursar

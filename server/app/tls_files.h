// Whether a certificate and a key, as read from PEM files, can serve TLS.
//
// The transports would refuse them too, but without a word about which file is wrong and why; this
// says so before anything else is started.
//
// Thread rule: pure functions.
//
// Source: rule A1 (docs/rules.md).
#pragma once

#include <string>

#include "absl/status/status.h"

namespace bursar {

// One file and what it holds.
struct PemFile {
  std::string path;
  std::string contents;
};

// OK when `certificate` begins with a PEM certificate, whatever follows it are certificates too,
// `key` holds a PEM private key without a passphrase, and the key belongs to the first certificate.
// Otherwise INVALID_ARGUMENT, naming the file and what is wrong with it. Whether the certificate is
// in force or trusted is left to those who connect.
absl::Status CheckTlsFiles(const PemFile& certificate, const PemFile& key);

// OK when `authority` holds PEM certificates alone, at least one. Otherwise as above.
absl::Status CheckAuthority(const PemFile& authority);

}  // namespace bursar

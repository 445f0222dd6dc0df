#include "server/app/tls_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace bursar {
namespace {

// Makes `descriptor` (-1: a new one) a file in memory of that text, in one step.
absl::Status Replace(const std::string& text, int& descriptor) {
  const int made = memfd_create("bursar-tls", MFD_CLOEXEC);
  bool is_done = made >= 0;
  for (size_t written = 0; is_done && written < text.size();) {
    const ssize_t count = write(made, text.data() + written, text.size() - written);
    is_done = count > 0;
    if (is_done) written += static_cast<size_t>(count);
  }
  if (is_done && descriptor < 0) {
    descriptor = made;
    return absl::OkStatus();
  }
  is_done = is_done && dup3(made, descriptor, O_CLOEXEC) >= 0;
  const int error = errno;
  if (made >= 0) close(made);
  if (is_done) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("certificates cannot be put in force: ", std::strerror(error)));
}

}  // namespace

TlsIdentity::~TlsIdentity() {
  for (const int descriptor : {identity_, authority_}) {
    if (descriptor >= 0) close(descriptor);
  }
}

std::string TlsIdentity::PathOf(int descriptor) {
  return descriptor < 0 ? "" : absl::StrCat("/proc/self/fd/", descriptor);
}

absl::Status TlsIdentity::Publish(const PemFile& certificate, const PemFile& key,
                                  const std::optional<PemFile>& client_authority) {
  if (absl::Status s = CheckTlsFiles(certificate, key); !s.ok()) return s;
  if (client_authority.has_value()) {
    if (absl::Status s = CheckAuthority(*client_authority); !s.ok()) return s;
    if (absl::Status s = Replace(client_authority->contents, authority_); !s.ok()) return s;
  }
  return Replace(absl::StrCat(certificate.contents, "\n", key.contents), identity_);
}

absl::Status FollowCertificates(const Options& options, TlsIdentity* identity, FollowedFiles* files,
                                std::function<absl::Status()> renewed) {
  if (!options.has_tls()) return absl::OkStatus();
  std::vector<std::string> paths = {options.tls_certificate_file, options.tls_key_file};
  if (!options.client_ca_file.empty()) paths.push_back(options.client_ca_file);
  return files->Follow(
      "the certificates", paths,
      [paths, identity, renewed = std::move(renewed)](const std::vector<std::string>& texts) {
        std::optional<PemFile> authority;
        if (paths.size() > 2) authority = PemFile{paths[2], texts[2]};
        const absl::Status published =
            identity->Publish({paths[0], texts[0]}, {paths[1], texts[1]}, authority);
        return published.ok() ? renewed() : published;
      });
}

}  // namespace bursar

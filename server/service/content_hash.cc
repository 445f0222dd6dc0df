#include "server/service/content_hash.h"

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "server/base/sha256.h"

namespace bursar {
namespace {

constexpr char kVersion = 1;
constexpr size_t kHashBytes = 16;

}  // namespace

std::string ContentHash(const google::protobuf::MessageLite& request) {
  // One buffer per thread: this is the request path.
  thread_local std::string bytes;
  bytes.assign(1, kVersion);
  bytes += request.GetTypeName();
  bytes.push_back('\0');
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    request.SerializeToCodedStream(&coded);
  }
  const auto hash = Sha256Digest({bytes});
  return {hash.begin(), hash.begin() + kHashBytes};
}

std::string ContentHash(const google::protobuf::MessageLite& request, const std::string& actor) {
  const std::string of_request = ContentHash(request);
  if (actor.empty()) return of_request;
  return Sha256({of_request, actor}).substr(0, kHashBytes);
}

}  // namespace bursar

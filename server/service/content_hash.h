// Recognizes a repeated request by its content (rule R2).
//
// Thread rule: a pure function.
#pragma once

#include <string>

#include "google/protobuf/message_lite.h"

namespace bursar {

// 16 bytes over the request as sent: version, full name of the message, and its fields in the order
// of their numbers, labels by key. Two requests have the same hash exactly when they say the same.
// PERSISTED with the request id for weeks: never change what version 1 means; fields that are added
// to a request later do not change the hash of a request that leaves them unset.
std::string ContentHash(const google::protobuf::MessageLite& request);
// The same of a request that a person makes: the same words of another actor are another request.
// Equal to the above where no actor is named.
std::string ContentHash(const google::protobuf::MessageLite& request, const std::string& actor);

}  // namespace bursar

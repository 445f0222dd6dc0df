// Public ids that name an entry of one wallet: admissions (`adm_…`), requests for more (`inc_…`),
// payments (`pay_…`) and notices (`ntc_…`).
//
// An id is a prefix, a hash of the store's epoch and the organization, and the entry's sequence:
// the same entry always has the same id, ids are unique among all organizations and say nothing
// about them, and a store that began anew never gives an old id to a new entry (rules N1, H3).
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/ledger/ledger.h"

namespace bursar {

std::string NoticeId(std::string_view epoch, std::string_view organization_id, int64_t sequence);

// The id of the hold that the entry placed.
std::string AdmissionId(std::string_view epoch, std::string_view organization_id, int64_t sequence);

// The id of a denied check: DeniedCheck::number in place of a sequence. Parsing gives zero for what
// is no such id of this organization and epoch.
std::string DenialId(std::string_view epoch, std::string_view organization_id, int64_t number);
int64_t ParseDenialId(std::string_view epoch, std::string_view organization_id,
                      std::string_view denial_id);

// What an admission id, as sent, means to an organization: empty text names none; an id of another
// organization (or of a store before this one) is foreign; what is no id of ours is unknown. That
// it names an entry does not say that the entry exists or placed a hold.
AdmissionName ParseAdmissionId(std::string_view epoch, std::string_view organization_id,
                               std::string_view admission_id);

// The id of the request for more that the entry made.
std::string IncreaseRequestId(std::string_view epoch, std::string_view organization_id,
                              int64_t sequence);

// The entry that such an id of the organization names; zero for anything else.
int64_t ParseIncreaseRequestId(std::string_view epoch, std::string_view organization_id,
                               std::string_view request_id);
// The id of the payment that the entry requested.
std::string PaymentId(std::string_view epoch, std::string_view organization_id, int64_t sequence);

// The entry that a payment id names; nothing for what is no id of ours, and for those of another
// organization. That it names an entry does not say that the entry exists or requested a payment.
std::optional<int64_t> ParsePaymentId(std::string_view epoch, std::string_view organization_id,
                                      std::string_view payment_id);

}  // namespace bursar

#include "server/engine/payment_query.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/engine/payment_codec.h"
#include "server/engine/record_codec.h"

namespace bursar {

namespace {

absl::StatusOr<WalletHeader> LoadHeader(const Reader& reader, const std::string& organization_id) {
  absl::StatusOr<std::vector<LoadedValue>> loaded =
      reader.Load({LoadKey::Header(organization_id)}, LoadMode::kMayBlock);
  if (!loaded.ok()) return loaded.status();
  if (loaded->front().state != LoadState::kFound) {
    return absl::NotFoundError(absl::StrCat("there is no organization \"", organization_id, "\""));
  }
  absl::StatusOr<StoredHeader> stored = DecodeHeader(loaded->front().value);
  if (!stored.ok()) return stored.status();
  return std::move(stored->header);
}

PaymentPage PageOf(const WalletHeader& header) {
  PaymentPage page;
  page.currency_code = header.settings.currency_code;
  page.revision = header.revision;
  page.as_of = header.last_entry_at;
  return page;
}

}  // namespace

absl::StatusOr<PaymentPage> ListPayments(Store& store, const std::string& organization_id,
                                         int64_t before, bool open_only, int limit) {
  absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = store.NewSnapshot();
  if (!snapshot.ok()) return snapshot.status();
  absl::StatusOr<WalletHeader> header = LoadHeader(**snapshot, organization_id);
  if (!header.ok()) return header.status();
  PaymentPage page = PageOf(*header);
  for (const Payment& payment : header->open_payments) {
    if (before == 0 || payment.sequence < before) page.payments.push_back(payment);
  }
  const size_t most = static_cast<size_t>(std::max(limit, 1));
  if (!open_only) {
    absl::StatusOr<std::vector<RecordRow>> rows = (*snapshot)->ScanRecords(
        organization_id, RecordKind::kPayment, before == 0 ? "" : PaymentKey(before), most + 1);
    if (!rows.ok()) return rows.status();
    for (const RecordRow& row : *rows) {
      absl::StatusOr<Payment> payment = DecodePayment(row.value);
      if (!payment.ok()) return payment.status();
      page.payments.push_back(*std::move(payment));
    }
  }
  std::sort(page.payments.begin(), page.payments.end(),
            [](const Payment& a, const Payment& b) { return a.sequence > b.sequence; });
  page.more = page.payments.size() > most;
  if (page.more) page.payments.resize(most);
  return page;
}

absl::StatusOr<PaymentPage> FindPayment(Store& store, const std::string& organization_id,
                                        int64_t sequence) {
  absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = store.NewSnapshot();
  if (!snapshot.ok()) return snapshot.status();
  absl::StatusOr<WalletHeader> header = LoadHeader(**snapshot, organization_id);
  if (!header.ok()) return header.status();
  PaymentPage page = PageOf(*header);
  if (const Payment* open = header->FindOpenPayment(sequence); open != nullptr) {
    page.payments.push_back(*open);
    return page;
  }
  absl::StatusOr<std::vector<LoadedValue>> loaded = (*snapshot)->Load(
      {LoadKey::Record(organization_id, RecordKind::kPayment, PaymentKey(sequence))},
      LoadMode::kMayBlock);
  if (!loaded.ok()) return loaded.status();
  if (loaded->front().state != LoadState::kFound) {
    return WithReason(absl::NotFoundError("there is no such payment"), "PAYMENT_NOT_FOUND");
  }
  absl::StatusOr<Payment> payment = DecodePayment(loaded->front().value);
  if (!payment.ok()) return payment.status();
  page.payments.push_back(*std::move(payment));
  return page;
}

}  // namespace bursar

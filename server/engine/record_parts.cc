#include "server/engine/record_parts.h"

#include "absl/numeric/int128.h"

namespace bursar {

namespace record = storage::v1;

namespace {

constexpr size_t kUuidTextBytes = 36;
constexpr char kHexDigits[] = "0123456789abcdef";

bool IsHyphenPlace(size_t place) { return place == 8 || place == 13 || place == 18 || place == 23; }

}  // namespace

std::string PackUuid(const std::string& text) {
  if (text.size() != kUuidTextBytes) return "";
  std::string packed;
  int digits = 0;
  int byte = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (IsHyphenPlace(i)) {
      if (c != '-') return "";
      continue;
    }
    int value = 0;
    if (c >= '0' && c <= '9') {
      value = c - '0';
    } else if (c >= 'a' && c <= 'f') {
      value = c - 'a' + 10;
    } else {
      return "";
    }
    byte = byte * 16 + value;
    if (++digits == 2) {
      packed.push_back(static_cast<char>(byte));
      digits = byte = 0;
    }
  }
  return packed;
}

std::string UnpackUuid(const std::string& packed) {
  std::string text;
  for (char c : packed) {
    if (IsHyphenPlace(text.size())) text.push_back('-');
    text.push_back(kHexDigits[static_cast<unsigned char>(c) >> 4]);
    text.push_back(kHexDigits[static_cast<unsigned char>(c) & 15]);
  }
  return text;
}

void ToRecord(Amount amount, record::AmountRecord* out) {
  if (const auto nanos = amount.ToNanos(); nanos.has_value()) {
    out->set_nanos(nanos->value);
    return;
  }
  out->set_high(absl::Int128High64(amount.nanos()));
  out->set_low(absl::Int128Low64(amount.nanos()));
}

Amount FromRecord(const record::AmountRecord& in, Damage& damage) {
  if (!in.has_high() && !in.has_low()) return Amount(Nanos(in.nanos()));
  if (!in.has_high() || !in.has_low() || in.nanos() != 0) {
    damage.Note("it holds half an amount");
    return Amount();
  }
  return Amount(absl::MakeInt128(in.high(), in.low()));
}

void ToRecord(const Window& window, record::WindowRecord* out) {
  out->set_start_unix_nanos(TimeToRecord(window.start));
  out->set_end_unix_nanos(TimeToRecord(window.end));
}

Window FromRecord(const record::WindowRecord& in, Damage& damage) {
  if (in.end_unix_nanos() < in.start_unix_nanos()) damage.Note("it holds a window that ends early");
  return {TimeFromRecord(in.start_unix_nanos()), TimeFromRecord(in.end_unix_nanos())};
}

void ToRecord(const MonthCounter& counter, record::MonthCounterRecord* out) {
  if (!(counter.month == Window{})) ToRecord(counter.month, out->mutable_month());
  if (!counter.extra.is_zero()) ToRecord(counter.extra, out->mutable_extra());
  if (!counter.included.is_zero()) ToRecord(counter.included, out->mutable_included());
}

MonthCounter FromRecord(const record::MonthCounterRecord& in, Damage& damage) {
  MonthCounter counter;
  counter.month = FromRecord(in.month(), damage);
  counter.extra = FromRecord(in.extra(), damage);
  counter.included = FromRecord(in.included(), damage);
  return counter;
}

void ToRecord(const SpendLimit& limit, record::SpendLimitRecord* out) {
  if (limit.amount.has_value()) out->set_amount_nanos(limit.amount->value);
  out->set_basis(static_cast<uint32_t>(limit.basis));
}

SpendLimit FromRecord(const record::SpendLimitRecord& in, Damage& damage) {
  SpendLimit limit;
  if (in.has_amount_nanos()) limit.amount = Nanos(in.amount_nanos());
  limit.basis = EnumFromRecord(in.basis(), LimitBasis::kEachMember, LimitBasis::kTierTotal, damage);
  return limit;
}

void ToRecord(const OrganizationSettings& settings, record::OrganizationSettingsRecord* out) {
  out->set_display_name(settings.display_name);
  out->set_plan_id(settings.plan_id);
  out->set_currency_code(settings.currency_code);
  out->set_billing_anchor_unix_nanos(TimeToRecord(settings.billing_anchor));
  out->set_time_zone(settings.time_zone);
  out->set_status(static_cast<uint32_t>(settings.status));
  out->set_settings_url(settings.settings_url);
  out->set_included_scope(static_cast<uint32_t>(settings.included_scope));
  out->set_auto_provision_members(settings.auto_provision_members);
  out->set_max_seats(settings.max_seats);
  out->set_hold_expiry_policy(static_cast<uint32_t>(settings.hold_expiry_policy));
  out->set_default_hold_ttl_nanos(absl::ToInt64Nanoseconds(settings.default_hold_ttl));
  out->set_max_hold_nanos(settings.max_hold.value);
  out->set_crossing_policy(static_cast<uint32_t>(settings.crossing_policy));
  out->set_request_cool_down_nanos(absl::ToInt64Nanoseconds(settings.request_cool_down));
}

OrganizationSettings FromRecord(const record::OrganizationSettingsRecord& in, Damage& damage) {
  OrganizationSettings settings;
  settings.display_name = in.display_name();
  settings.plan_id = in.plan_id();
  settings.currency_code = in.currency_code();
  settings.billing_anchor = TimeFromRecord(in.billing_anchor_unix_nanos());
  settings.time_zone = in.time_zone();
  settings.status = AccountStatusFromRecord(in.status(), damage);
  settings.settings_url = in.settings_url();
  settings.included_scope = IncludedScopeFromRecord(in.included_scope(), damage);
  settings.auto_provision_members = in.auto_provision_members();
  settings.max_seats = in.max_seats();
  // Records from before there were holds lack these: as shipped.
  if (in.hold_expiry_policy() != 0) {
    settings.hold_expiry_policy = EnumFromRecord(
        in.hold_expiry_policy(), HoldExpiryPolicy::kRelease, HoldExpiryPolicy::kCapture, damage);
  }
  if (in.has_default_hold_ttl_nanos()) {
    settings.default_hold_ttl = absl::Nanoseconds(in.default_hold_ttl_nanos());
  }
  if (in.has_max_hold_nanos()) settings.max_hold = Nanos(in.max_hold_nanos());
  if (in.crossing_policy() != 0) {
    settings.crossing_policy = EnumFromRecord(in.crossing_policy(), CrossingPolicy::kAuto,
                                              CrossingPolicy::kConfirm, damage);
  }
  if (in.has_request_cool_down_nanos()) {
    settings.request_cool_down = absl::Nanoseconds(in.request_cool_down_nanos());
  }
  return settings;
}

void ToRecord(const Hold& hold, record::HoldRecord* out) {
  out->set_sequence(hold.sequence);
  out->set_member_id(hold.member_id);
  out->set_tier_id(hold.tier_id);
  out->set_surface(hold.surface);
  out->set_provider(hold.provider);
  out->set_model(hold.model);
  out->set_parent_session_id(hold.parent_session_id);
  out->set_request_id(hold.request_id);
  out->set_included_nanos(hold.included.value);
  out->set_of_pool(hold.of_pool);
  out->set_extra_nanos(hold.extra.value);
  out->set_metered(hold.metered);
  out->set_placed_at_unix_nanos(TimeToRecord(hold.placed_at));
  out->set_expires_at_unix_nanos(TimeToRecord(hold.expires_at));
}

Hold FromRecord(const record::HoldRecord& in, Damage& damage) {
  if (in.member_id().empty()) damage.Note("it holds for nobody");
  if (in.included_nanos() < 0 || in.extra_nanos() < 0 ||
      in.extra_nanos() > INT64_MAX - in.included_nanos()) {
    damage.Note("it holds an impossible amount");
  }
  Hold hold;
  hold.sequence = in.sequence();
  hold.member_id = in.member_id();
  hold.tier_id = in.tier_id();
  hold.surface = in.surface();
  hold.provider = in.provider();
  hold.model = in.model();
  hold.parent_session_id = in.parent_session_id();
  hold.request_id = in.request_id();
  hold.included = Nanos(in.included_nanos());
  hold.of_pool = in.of_pool();
  hold.extra = Nanos(in.extra_nanos());
  hold.metered = in.metered();
  hold.placed_at = TimeFromRecord(in.placed_at_unix_nanos());
  hold.expires_at = TimeFromRecord(in.expires_at_unix_nanos());
  return hold;
}

void ToRecord(const GrantDraw& draw, record::GrantDrawRecord* out) {
  out->set_grant_sequence(draw.grant_sequence);
  out->set_amount_nanos(draw.amount.value);
  if (draw.expires_at != absl::InfiniteFuture()) {
    out->set_expires_at_unix_nanos(TimeToRecord(draw.expires_at));
  }
}

GrantDraw FromRecord(const record::GrantDrawRecord& in) {
  GrantDraw draw;
  draw.grant_sequence = in.grant_sequence();
  draw.amount = Nanos(in.amount_nanos());
  if (in.has_expires_at_unix_nanos()) draw.expires_at = TimeFromRecord(in.expires_at_unix_nanos());
  return draw;
}

void ToRecord(const ChargeFacts& facts, record::ChargeFactsRecord* out) {
  out->set_member_id(facts.member_id);
  out->set_tier_id(facts.tier_id);
  out->set_surface(facts.surface);
  out->set_provider(facts.provider);
  out->set_model(facts.model);
  out->set_recorded_at_unix_nanos(TimeToRecord(facts.recorded_at));
  out->set_included_nanos(facts.included.value);
  out->set_extra_nanos(facts.extra.value);
  out->set_metered_nanos(facts.metered.value);
  for (const GrantDraw& draw : facts.grant_draws) ToRecord(draw, out->add_grant_draws());
  out->set_overdraft_nanos(facts.overdraft.value);
  out->set_of_pool(facts.of_pool);
}

ChargeFacts FromRecord(const record::ChargeFactsRecord& in, Damage& damage) {
  if (in.member_id().empty()) damage.Note("it reverses nobody's charge");
  ChargeFacts facts;
  facts.member_id = in.member_id();
  facts.tier_id = in.tier_id();
  facts.surface = in.surface();
  facts.provider = in.provider();
  facts.model = in.model();
  facts.recorded_at = TimeFromRecord(in.recorded_at_unix_nanos());
  facts.included = Nanos(in.included_nanos());
  facts.extra = Nanos(in.extra_nanos());
  facts.metered = Nanos(in.metered_nanos());
  for (const auto& draw : in.grant_draws()) facts.grant_draws.push_back(FromRecord(draw));
  facts.overdraft = Nanos(in.overdraft_nanos());
  facts.of_pool = in.of_pool();
  return facts;
}

void ToRecord(const PendingSettings& pending, record::PendingSettingsRecord* out) {
  out->set_effective_at_unix_nanos(TimeToRecord(pending.effective_at));
  out->set_time_zone(pending.time_zone);
  out->set_billing_anchor_unix_nanos(TimeToRecord(pending.billing_anchor));
  out->set_included_scope(static_cast<uint32_t>(pending.included_scope));
}

PendingSettings FromRecord(const record::PendingSettingsRecord& in, Damage& damage) {
  PendingSettings pending;
  pending.effective_at = TimeFromRecord(in.effective_at_unix_nanos());
  pending.time_zone = in.time_zone();
  pending.billing_anchor = TimeFromRecord(in.billing_anchor_unix_nanos());
  pending.included_scope = IncludedScopeFromRecord(in.included_scope(), damage);
  return pending;
}

void ToRecord(const PendingSeat& pending, record::PendingSeatRecord* out) {
  out->set_effective_at_unix_nanos(TimeToRecord(pending.effective_at));
  out->set_member_id(pending.member_id);
  out->set_from_tier(pending.from_tier);
  out->set_to_tier(pending.to_tier);
}

PendingSeat FromRecord(const record::PendingSeatRecord& in, Damage& damage) {
  if (in.member_id().empty()) damage.Note("it holds a change of nobody's seat");
  PendingSeat pending;
  pending.effective_at = TimeFromRecord(in.effective_at_unix_nanos());
  pending.member_id = in.member_id();
  pending.from_tier = in.from_tier();
  pending.to_tier = in.to_tier();
  return pending;
}

void SettingsToRecord(const Member& member, record::MemberRecord* out) {
  out->set_member_id(member.member_id);
  out->set_email(member.email);
  out->set_display_name(member.display_name);
  out->set_tier_id(member.tier_id);
  out->set_role(static_cast<uint32_t>(member.role));
  out->set_status(static_cast<uint32_t>(member.status));
  out->set_time_zone(member.time_zone);
  out->set_selection_generation(member.selection_generation);
  out->set_unseated(member.unseated);
  out->set_settings_version(member.settings_version);
  if (member.pending_seat.has_value()) {
    ToRecord(*member.pending_seat, out->mutable_pending_seat());
  }
}

Member SettingsFromRecord(const record::MemberRecord& in, Damage& damage) {
  Member member;
  member.member_id = in.member_id();
  member.email = in.email();
  member.display_name = in.display_name();
  member.tier_id = in.tier_id();
  member.role = EnumFromRecord(in.role(), MemberRole::kPrimaryOwner, MemberRole::kMember, damage);
  member.status = AccountStatusFromRecord(in.status(), damage);
  member.time_zone = in.time_zone();
  member.selection_generation = in.selection_generation();
  member.unseated = in.unseated();
  member.settings_version = in.settings_version();
  if (in.has_pending_seat()) member.pending_seat = FromRecord(in.pending_seat(), damage);
  return member;
}

}  // namespace bursar

#include "server/app/delivery.h"

#include <algorithm>
#include <mutex>
#include <random>
#include <utility>

#include "absl/time/clock.h"
#include "server/notify/delivery_worker.h"
#include "spdlog/spdlog.h"

namespace bursar {
namespace {

// Random numbers for jitter, from any thread.
class Jitter {
 public:
  uint64_t operator()() {
    const std::lock_guard lock(mutex_);
    return random_();
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 random_{std::random_device()()};  // Guarded by mutex_.
};

class SpdlogDeliveryLog final : public DeliveryLog {
 public:
  void DeadLetter(const NoticeName& name, const std::string& event, const std::string& recipient,
                  const std::string& error) override {
    spdlog::error(
        "dead letter: notice {} ({}) of organization {} did not reach {}: {}. `bursar notices "
        "resend {} {}` sends it again",
        name.notice_id, event, name.organization_id, recipient, error, name.organization_id,
        name.notice_id);
  }
  void Failure(const absl::Status& status) override {
    const absl::Time now = absl::Now();
    {
      const std::lock_guard lock(mutex_);
      if (now - last_failure_ < absl::Seconds(10)) return;
      last_failure_ = now;
    }
    spdlog::error("notices cannot be delivered: {}", status.ToString());
  }

 private:
  std::mutex mutex_;
  absl::Time last_failure_ = absl::InfinitePast();  // Guarded by mutex_.
};

DelivererOptions MakeOptions(const DeliveryOptions& options) {
  DelivererOptions made;
  if (options.has_mail()) made.sender = *ParseMailSender(options.smtp_from);
  made.retry = {options.notice_retry_min, options.notice_retry_max};
  made.max_attempts = options.notice_max_attempts;
  made.max_age = options.notice_max_age;
  return made;
}

class DeliveryServiceCore final : public DeliveryService {
 public:
  DeliveryServiceCore(const DeliveryOptions& options, bool allow_loopback, std::string password,
                      Engine* engine, const Clock* clock)
      : mail_(options.has_mail() ? NewMail(options, std::move(password)) : nullptr),
        webhooks_(NewWebhookTransport(
            {{allow_loopback, options.webhook_allow_private}, options.webhook_ca_file}, &stop_)),
        clock_(clock),
        deliverer_(
            engine, clock, mail_.get(), webhooks_.get(), [this] { return jitter_(); }, &log_,
            MakeOptions(options)),
        worker_(engine, clock, &deliverer_, &stop_, &log_, options.delivery_threads) {}

  void Stop(absl::Duration grace) override { worker_.Stop(grace); }

  void CollectMetrics(MetricWriter* writer) const override;

 private:
  std::unique_ptr<MailTransport> NewMail(const DeliveryOptions& options, std::string password) {
    SmtpOptions smtp;
    smtp.url = options.smtp_url;
    smtp.sender = ParseMailSender(options.smtp_from)->address;
    smtp.user_name = options.smtp_user_name;
    smtp.password = std::move(password);
    smtp.ca_file = options.smtp_ca_file;
    return NewSmtpTransport(std::move(smtp), &stop_);
  }

  StopSwitch stop_;
  Jitter jitter_;
  SpdlogDeliveryLog log_;
  const std::unique_ptr<MailTransport> mail_;
  const std::unique_ptr<WebhookTransport> webhooks_;
  const Clock* const clock_;
  Deliverer deliverer_;
  DeliveryWorker worker_;
};

void DeliveryServiceCore::CollectMetrics(MetricWriter* writer) const {
  const DeliveryStats stats = deliverer_.Stats();
  constexpr char kDelivered[] = "Notices delivered to a recipient, by channel.";
  constexpr char kFailed[] = "Attempts to deliver a notice that failed, by channel.";
  const auto count = [writer](const char* name, const char* help, int64_t value,
                              const char* channel) {
    writer->Counter(name, help, static_cast<double>(value), {{"channel", channel}});
  };
  count("bursar_notices_delivered_total", kDelivered, stats.mails_delivered, "mail");
  count("bursar_notices_delivered_total", kDelivered, stats.webhooks_delivered, "webhook");
  count("bursar_notice_failures_total", kFailed, stats.mails_failed, "mail");
  count("bursar_notice_failures_total", kFailed, stats.webhooks_failed, "webhook");
  writer->Counter("bursar_notices_dead_total", "Recipients of notices that were given up.",
                  static_cast<double>(stats.dead));
  writer->Gauge("bursar_notices_backlog", "Notices that wait for delivery.",
                static_cast<double>(stats.backlog));
  const absl::Duration age = stats.oldest_at == absl::InfiniteFuture()
                                 ? absl::ZeroDuration()
                                 : clock_->Now() - stats.oldest_at;
  writer->Gauge("bursar_notices_oldest_age_seconds",
                "Age of the oldest notice that waits for delivery; 0 where none does.",
                absl::ToDoubleSeconds(std::max(age, absl::ZeroDuration())));
}

}  // namespace

absl::StatusOr<std::unique_ptr<DeliveryService>> DeliveryService::Start(
    const DeliveryOptions& options, bool allow_loopback, Engine* engine, const Clock* clock) {
  absl::StatusOr<std::string> password = ReadSmtpPassword(options);
  if (!password.ok()) return password.status();
  return std::make_unique<DeliveryServiceCore>(options, allow_loopback, *std::move(password),
                                               engine, clock);
}

}  // namespace bursar

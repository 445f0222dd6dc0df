// A deliverer on an engine whose clock tests move, with a mail server and webhook targets that do
// as tests say.
//
// Thread rule: one thread, but for the transports, which any may call.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "server/notify/deliverer.h"
#include "tests/engine/engine_fixture.h"

namespace bursar {

// Keeps what arrived; refuses, fails and vanishes on demand.
class FakeMailServer final : public MailTransport {
 public:
  struct Arrival {
    std::string message_id;
    std::string recipient;
    std::string message;
  };

  AttemptResult Send(const OutgoingMail& mail) override;

  // Attempts fail as if nobody listened.
  void set_down(bool down) { down_ = down; }
  void Refuse(const std::string& recipient) { refused_.insert(recipient); }
  void Accept(const std::string& recipient) { refused_.erase(recipient); }
  int attempts() const { return attempts_; }
  const std::vector<Arrival>& arrivals() const { return arrivals_; }
  // How often each recipient got a message, by "message-id recipient".
  std::map<std::string, int> Counts() const;

 private:
  bool down_ = false;
  int attempts_ = 0;
  std::set<std::string> refused_;
  std::vector<Arrival> arrivals_;
};

class FakeWebhooks final : public WebhookTransport {
 public:
  AttemptResult Post(const OutgoingPost& post) override;

  // What the target at that address answers with: 200 unless said.
  void Answer(const std::string& url, int status) { answers_[url] = status; }
  // Called with every post as it comes in, whatever the answer.
  void OnPost(std::function<void(const OutgoingPost&)> on_post) { on_post_ = std::move(on_post); }
  const std::vector<OutgoingPost>& arrivals() const { return arrivals_; }
  int attempts(const std::string& url) const {
    const auto found = attempts_.find(url);
    return found == attempts_.end() ? 0 : found->second;
  }
  static std::string HeaderOf(const OutgoingPost& post, const std::string& name);

 private:
  std::function<void(const OutgoingPost&)> on_post_;
  std::map<std::string, int> answers_;
  std::map<std::string, int> attempts_;
  std::vector<OutgoingPost> arrivals_;  // Those answered with 2xx.
};

class RecordedLog final : public DeliveryLog {
 public:
  void DeadLetter(const NoticeName& name, const std::string& event, const std::string& recipient,
                  const std::string& error) override {
    dead.push_back(event + " " + recipient + ": " + error);
    static_cast<void>(name);
  }
  void Failure(const absl::Status& status) override {
    failures.push_back(std::string(status.message()));
  }

  std::vector<std::string> dead;
  std::vector<std::string> failures;
};

class DelivererTest : public EngineTest {
 protected:
  DelivererTest();

  // "acme" with extra usage, its owner olga and the billing person bill with addresses, and a bit
  // of credit that is then used up: one notice that the pool ran out.
  void SetUpExhausted();
  void SetEmail(const std::string& member_id, const std::string& email);
  void ExhaustPool();
  // Sets channels; targets are "id=url".
  void SetWebhooks(const std::vector<std::string>& targets,
                   const std::vector<std::string>& events = {});

  // A new deliverer, as after a restart: it reads the whole outbox.
  void Begin(bool with_mail = true);
  // Takes in what is new and does everything that is due now.
  void RunDue();
  // Moves the clock from due step to due step until `span` is over.
  void RunFor(absl::Duration span);
  // The notices that are still in the outbox.
  std::vector<Outbox::Item> Left();

  DelivererOptions delivery_options_;
  FakeMailServer mail_;
  FakeWebhooks webhooks_;
  RecordedLog log_;
  std::unique_ptr<Deliverer> deliverer_;
  int request_count_ = 0;
};

}  // namespace bursar

// bursard: reads the settings, runs the server until a signal or a failure, and ends.
//
// Exit status: 0 after a normal end, 1 after a failure, 2 for bad settings.
#include <signal.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/app/logging.h"
#include "server/app/options.h"
#include "server/app/server.h"
#include "server/app/version.h"
#include "server/engine/queries.h"
#include "spdlog/spdlog.h"
#include "storage/rocksdb_store.h"

namespace bursar {
namespace {

constexpr int kFailureExitStatus = 1;
// How often the main thread looks whether the store still works.
constexpr long kHealthPollNanos = 200'000'000;
// A server whose store failed answers its callers, and ends without waiting for more.
constexpr absl::Duration kFailedDrainTimeout = absl::Seconds(2);

// SIGHUP is one of them: the terminal or session that the server runs in goes away. Started with
// SIGHUP ignored (nohup) it outlives its terminal.
sigset_t EndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  struct sigaction hangup = {};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);
  return signals;
}

// Signals that mean nothing to this program must not end it.
void IgnoreOtherSignals() {
  for (const int other : {SIGUSR1, SIGUSR2, SIGALRM, SIGPIPE}) signal(other, SIG_IGN);
}

std::string Words(const absl::Status& status) {
  return absl::StrCat(status.message(), " (", absl::StatusCodeToString(status.code()), ")");
}

// Checks the ledger of a store that no server has open; prints what it found.
int Verify(const Options& options) {
  RocksDbStoreOptions store_options;
  store_options.directory = options.verify_directory;
  store_options.read_only = true;
  store_options.create_if_missing = false;
  const auto store = OpenRocksDbStore(store_options);
  if (!store.ok()) {
    std::fprintf(stderr, "bursard: %s\n", Words(store.status()).c_str());
    return kFailureExitStatus;
  }
  std::printf("%s\n", (*store)->open_report().Describe().c_str());
  const auto report = VerifyLedger(**store, "");
  if (!report.ok()) {
    std::fprintf(stderr, "bursard: %s\n", Words(report.status()).c_str());
    return kFailureExitStatus;
  }
  for (const VerifyReport::Item& item : report->violations) {
    std::printf("%s entry %lld, rule %s: %s\n", item.organization_id.c_str(),
                static_cast<long long>(item.sequence), item.rule.c_str(), item.message.c_str());
  }
  std::printf("%lld organizations, %lld entries, %lld charges, %lld violations\n",
              static_cast<long long>(report->organization_count),
              static_cast<long long>(report->entry_count),
              static_cast<long long>(report->charge_count),
              static_cast<long long>(report->violation_count));
  return report->violation_count == 0 ? 0 : kFailureExitStatus;
}

int CheckConfig(const Options& options) {
  if (const absl::Status status = CheckFiles(options); !status.ok()) {
    std::fprintf(stderr, "bursard: %s\n", Words(status).c_str());
    return kUsageExitStatus;
  }
  for (const std::string& warning : options.Warnings()) {
    std::printf("warning: %s\n", warning.c_str());
  }
  std::printf("The settings are good.\n");
  return 0;
}

// Waits for a signal to end (0), or for a failure of the server (1).
int WaitForEnd(Server& server) {
  const sigset_t signals = EndSignals();
  const timespec poll = {0, kHealthPollNanos};
  while (true) {
    if (const int signal = sigtimedwait(&signals, nullptr, &poll); signal > 0) {
      spdlog::info("signal {}: draining; a second signal ends at once", signal);
      return 0;
    }
    if (const absl::Status health = server.CheckHealth(); !health.ok()) {
      spdlog::error(
          "the store failed: {}. Nothing that was acknowledged is lost. Look after the disk, then "
          "start the server again: it recovers from what is on disk",
          Words(health));
      return kFailureExitStatus;
    }
  }
}

// Lets the next signal end the process the way it does by default.
void LetSignalsThrough() {
  const sigset_t signals = EndSignals();
  for (const int end : {SIGTERM, SIGINT, SIGHUP}) {
    if (sigismember(&signals, end) == 1) signal(end, SIG_DFL);
  }
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

int Serve(const Options& options) {
  // Before the first thread, so that every thread leaves these signals to this one.
  const sigset_t signals = EndSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  IgnoreOtherSignals();
  StartLogging(options.log_level, options.log_format);
  spdlog::info("bursard {} starts", kVersion);
  for (const std::string& warning : options.Warnings()) spdlog::warn("{}", warning);
  // Before the store is opened: a server that cannot let anybody in leaves no trace.
  if (const absl::Status status = CheckFiles(options); !status.ok()) {
    spdlog::error("cannot start: {}", Words(status));
    StopLogging();
    return kUsageExitStatus;
  }
  auto server = Server::Start(options);
  if (!server.ok()) {
    spdlog::error("cannot start: {}", Words(server.status()));
    StopLogging();
    return kFailureExitStatus;
  }
  spdlog::info("store: {}", (*server)->StoreReport());
  spdlog::info("listening {}", (*server)->Addresses());
  const int exit_status = WaitForEnd(**server);
  LetSignalsThrough();
  (*server)->Drain(exit_status == 0 ? options.drain_timeout : kFailedDrainTimeout);
  server->reset();
  spdlog::info("ended");
  StopLogging();
  return exit_status;
}

int Run(const ParsedOptions& parsed) {
  switch (parsed.action) {
    case Action::kServe:
      return Serve(parsed.options);
    case Action::kVerify:
      return Verify(parsed.options);
    case Action::kCheckConfig:
      return CheckConfig(parsed.options);
    case Action::kShow:
      std::fputs(parsed.text.c_str(), stdout);
      return 0;
    case Action::kRefuse:
      std::fputs(parsed.text.c_str(), stderr);
      return kUsageExitStatus;
  }
  return kUsageExitStatus;
}

}  // namespace
}  // namespace bursar

int main(int argc, char** argv) {
  // Debian builds Abseil without NDEBUG: each of gRPC's locks would be entered into a graph and
  // searched for cycles. Nothing of ours is an absl::Mutex.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  try {
    return bursar::Run(bursar::ParseOptions(std::vector<std::string>(argv + 1, argv + argc),
                                            bursar::ReadEnvironment()));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bursard: %s\n", error.what());
    return bursar::kFailureExitStatus;
  }
}
